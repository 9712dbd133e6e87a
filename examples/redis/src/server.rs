//! Which Redis, and how to reach it.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::cluster::ClusterClient;
use redis::cluster_async::ClusterConnection;
use redis::io::tcp::TcpSettings;
use redis::sentinel::{SentinelClient, SentinelClientBuilder, SentinelServerType};
use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, ConnectionInfo, IntoConnectionInfo, Pipeline, RedisFuture,
    RedisResult, TlsCertificates, TlsMode, Value,
};
use tokio::sync::Mutex;

#[derive(Args)]
pub struct Server {
    /// Where Redis is: redis://[[user]:password@]host[:port][/database], or rediss:// for TLS; several with
    /// commas between them for --cluster or --sentinel. With a password, better in the environment, because
    /// process lists are public
    #[arg(
        long,
        env = "REDIS_URL",
        hide_env_values = true,
        value_delimiter = ',',
        default_value = "redis://127.0.0.1:6379"
    )]
    redis: Vec<String>,
    /// The Redis is a Cluster; --redis names some of its nodes
    #[arg(long)]
    cluster: bool,
    /// --redis names Sentinels, which know this primary; user, password and database are those of the primary
    #[arg(long, value_name = "PRIMARY", conflicts_with = "cluster")]
    sentinel: Option<String>,
    /// File with the certificates (PEM) that may sign Redis' own, instead of the system's
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
}

/// What makes connections.
pub enum Connector {
    Single(Box<Client>),
    /// Asked again for each connection.
    Sentinel(Box<Mutex<SentinelClient>>),
    Cluster(Box<ClusterClient>),
}

impl Server {
    /// Checks the flags; `answer_within` is how long Redis may take for one command.
    ///
    /// # Errors
    ///
    /// Without the URL, which may hold a password.
    pub fn connector(&self, answer_within: Duration) -> Result<Connector, String> {
        let certificates = self.certificates()?;
        let nodes = self.nodes().map_err(|error| format!("--redis: {error}"))?;
        let made = match (&self.sentinel, &nodes[..]) {
            _ if self.cluster => cluster(nodes, certificates, answer_within),
            (Some(primary), nodes) => sentinel(nodes, primary, certificates),
            (None, [node]) => single(node.clone(), certificates),
            (None, _) => return Err("--redis: several URLs are for --cluster or --sentinel".to_owned()),
        };
        made.map_err(|error| format!("--redis: {error}"))
    }

    fn certificates(&self) -> Result<Option<TlsCertificates>, String> {
        let Some(path) = &self.ca else { return Ok(None) };
        let pem = std::fs::read(path).map_err(|error| format!("--ca: {}: {error}", path.display()))?;
        Ok(Some(TlsCertificates { client_tls: None, root_cert: Some(pem) }))
    }

    fn nodes(&self) -> RedisResult<Vec<ConnectionInfo>> {
        // Many small commands share a connection; Nagle's algorithm would hold them back.
        let node = |url: &String| Ok(url.as_str().into_connection_info()?.set_tcp_settings(no_delay()));
        self.redis.iter().map(node).collect()
    }
}

fn no_delay() -> TcpSettings {
    TcpSettings::default().set_nodelay(true)
}

fn single(node: ConnectionInfo, certificates: Option<TlsCertificates>) -> RedisResult<Connector> {
    let client = match certificates {
        Some(certificates) => Client::build_with_tls(node, certificates)?,
        None => Client::open(node)?,
    };
    Ok(Connector::Single(Box::new(client)))
}

fn sentinel(nodes: &[ConnectionInfo], primary: &str, certificates: Option<TlsCertificates>) -> RedisResult<Connector> {
    let addresses = nodes.iter().map(|node| node.addr().clone());
    let mut builder = SentinelClientBuilder::new(addresses, primary, SentinelServerType::Master)?
        .set_client_to_redis_tcp_settings(no_delay())
        .set_client_to_sentinel_tcp_settings(no_delay());
    if let Some(node) = nodes.first() {
        let redis = node.redis_settings();
        builder = builder.set_client_to_redis_db(redis.db());
        if let Some(user) = redis.username() {
            builder = builder.set_client_to_redis_username(user);
        }
        if let Some(password) = redis.password() {
            builder = builder.set_client_to_redis_password(password);
        }
        if matches!(node.addr(), ConnectionAddr::TcpTls { .. }) {
            builder = builder.set_client_to_redis_tls_mode(TlsMode::Secure);
            builder = builder.set_client_to_sentinel_tls_mode(TlsMode::Secure);
        }
    }
    if let Some(certificates) = certificates {
        builder = builder.set_client_to_redis_certificates(certificates.clone());
        builder = builder.set_client_to_sentinel_certificates(certificates);
    }
    Ok(Connector::Sentinel(Box::new(Mutex::new(builder.build()?))))
}

fn cluster(
    nodes: Vec<ConnectionInfo>,
    certificates: Option<TlsCertificates>,
    answer_within: Duration,
) -> RedisResult<Connector> {
    let mut builder = ClusterClient::builder(nodes)
        .tcp_settings(no_delay())
        .connection_timeout(answer_within)
        .response_timeout(answer_within)
        .overall_response_timeout(Some(answer_within));
    if let Some(certificates) = certificates {
        builder = builder.certs(certificates);
    }
    Ok(Connector::Cluster(Box::new(builder.build()?)))
}

impl Connector {
    pub async fn connect(&self, answer_within: Duration) -> RedisResult<Connection> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(answer_within))
            .set_response_timeout(Some(answer_within));
        Ok(match self {
            Self::Single(client) => {
                Connection::Single(client.get_multiplexed_async_connection_with_config(&config).await?)
            }
            Self::Sentinel(client) => {
                Connection::Single(client.lock().await.get_async_connection_with_config(&config).await?)
            }
            Self::Cluster(client) => Connection::Cluster(client.get_async_connection().await?),
        })
    }
}

/// A connection that everybody shares.
#[derive(Clone)]
pub enum Connection {
    Single(MultiplexedConnection),
    Cluster(ClusterConnection),
}

impl ConnectionLike for Connection {
    fn req_packed_command<'a>(&'a mut self, cmd: &'a Cmd) -> RedisFuture<'a, Value> {
        match self {
            Self::Single(connection) => connection.req_packed_command(cmd),
            Self::Cluster(connection) => connection.req_packed_command(cmd),
        }
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        match self {
            Self::Single(connection) => connection.req_packed_commands(pipeline, offset, count),
            Self::Cluster(connection) => connection.req_packed_commands(pipeline, offset, count),
        }
    }

    fn get_db(&self) -> i64 {
        match self {
            Self::Single(connection) => connection.get_db(),
            Self::Cluster(connection) => connection.get_db(),
        }
    }
}
