//! PostgreSQL, over a few connections that end with the first sign of trouble.

use std::collections::HashMap;
use std::error::Error as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use bytes::BytesMut;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tokio_postgres::config::{Host, TargetSessionAttrs};
use tokio_postgres::types::{IsNull, ToSql, Type};
use tokio_postgres::{Client, Config, Row};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{Database, Error, Job, Rows, Statement};

/// Shorter than a callback waits. The client's own limits: `statement_timeout` does not end a commit that waits for a standby.
const CONNECTED_WITHIN: Duration = Duration::from_millis(700);
const ANSWERED_WITHIN: Duration = Duration::from_millis(1200);
/// Each commit that waits for a lost standby leaves a backend behind, so a database that was too slow is tried rarely.
const PAUSE: Duration = Duration::from_millis(500);
const CONNECTIONS: usize = 4;
/// Who only looks for work would never find out by itself that its server was replaced.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// What the connections share.
struct Shared {
    config: Config,
    tls: MakeRustlsConnect,
    password_file: Option<PathBuf>,
    /// Of the newest server that was seen. One of an older timeline is a primary that was replaced and came back.
    timeline: AtomicU32,
    /// Counts the times that a server did not answer. Connections from before are not used again: they may all lead to it.
    silences: AtomicU32,
    /// Not before then, and why.
    pause: std::sync::Mutex<Option<(Instant, Error)>>,
}

pub(crate) fn open(url: &str, password_file: Option<PathBuf>, ca: Option<PathBuf>) -> Result<Database, String> {
    let mut config: Config = url.parse().map_err(|error| format!("--database: {error}"))?;
    if config.get_password().is_some() {
        return Err("--database: process lists are public; give the password in PGPASSWORD or a file".into());
    }
    if let Ok(password) = std::env::var("PGPASSWORD") {
        config.password(password);
    }
    if config.get_hosts().is_empty() {
        config.host("localhost");
    }
    let shared = Arc::new(Shared {
        config,
        tls: tls(ca)?,
        password_file,
        timeline: AtomicU32::new(0),
        silences: AtomicU32::new(0),
        pause: std::sync::Mutex::default(),
    });
    let (database, jobs) = Database::channel();
    let jobs = Arc::new(Mutex::new(jobs));
    for _ in 0..CONNECTIONS {
        tokio::spawn(serve(Arc::clone(&shared), Arc::clone(&jobs)));
    }
    if shared.config.get_hosts().len() > 1 {
        tokio::spawn(async move {
            loop {
                sleep(LOOK_EVERY).await;
                // Remembers the newest timeline; connections of an older one are left for it.
                let _ = shared.try_connect().await;
            }
        });
    }
    Ok(database)
}

/// The system's own certificates would differ from machine to machine.
fn tls(ca: Option<PathBuf>) -> Result<MakeRustlsConnect, String> {
    let mut roots = RootCertStore::empty();
    match ca {
        Some(path) => {
            let failed = |error: &dyn std::fmt::Display| format!("--database-ca {}: {error}", path.display());
            for certificate in CertificateDer::pem_file_iter(&path).map_err(|error| failed(&error))? {
                let certificate = certificate.map_err(|error| failed(&error))?;
                roots.add(certificate).map_err(|error| failed(&error))?;
            }
        }
        None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.map_err(|error| error.to_string())?.with_root_certificates(roots).with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

struct Connection {
    client: Client,
    timeline: u32,
    /// How many there had been when it was made.
    silences: u32,
    prepared: HashMap<&'static str, tokio_postgres::Statement>,
}

/// Keeps one connection, a new one whenever it has to, and runs jobs on it.
async fn serve(shared: Arc<Shared>, jobs: Arc<Mutex<mpsc::Receiver<Job>>>) {
    let mut connection = None;
    loop {
        let Some(Job { statements, mut answer }) = jobs.lock().await.recv().await else { return };
        // Nobody waits for it any more.
        if answer.is_closed() {
            continue;
        }
        let result = tokio::select! {
            result = timeout(ANSWERED_WITHIN, shared.run(&mut connection, &statements)) => result,
            () = answer.closed() => {
                connection = None;
                continue;
            }
        };
        let result = result.unwrap_or_else(|_| {
            let error = Error::Unavailable("it does not answer".into());
            shared.silences.fetch_add(1, Relaxed);
            shared.pause(&error);
            Err(error)
        });
        if let Err(Error::Unavailable(_)) = &result {
            connection = None;
        }
        let _ = answer.send(result);
    }
}

impl Shared {
    fn pause(&self, error: &Error) {
        *self.pause.lock().unwrap_or_else(std::sync::PoisonError::into_inner) =
            Some((Instant::now() + PAUSE, error.clone()));
    }

    async fn run(&self, connection: &mut Option<Connection>, statements: &[Statement]) -> Result<Vec<Rows>, Error> {
        let connection = match connection {
            Some(connection) if self.is_good(connection) => connection,
            _ => connection.insert(self.connect().await?),
        };
        connection.run(statements).await
    }

    fn is_good(&self, connection: &Connection) -> bool {
        let newest = connection.timeline >= self.timeline.load(Relaxed);
        newest && connection.silences == self.silences.load(Relaxed) && !connection.client.is_closed()
    }

    async fn connect(&self) -> Result<Connection, Error> {
        let pause = self.pause.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
        if let Some((until, error)) = pause
            && Instant::now() < until
        {
            return Err(error);
        }
        let result = self.try_connect().await;
        if let Err(error) = &result {
            self.pause(error);
        }
        result
    }

    /// Connects to the newest of the servers that can be written to. After a failover the old primary may live on.
    async fn try_connect(&self) -> Result<Connection, Error> {
        let silences = self.silences.load(Relaxed);
        let mut password = None;
        if let Some(path) = &self.password_file {
            // Read each time, so that it can be changed.
            let read = std::fs::read(path);
            let failed = |error| Error::Unavailable(format!("--database-password-file {}: {error}", path.display()));
            password = Some(read.map_err(failed)?.trim_ascii().to_vec());
        }
        let ports = self.config.get_ports();
        let mut trying = JoinSet::new();
        for (number, host) in self.config.get_hosts().iter().enumerate() {
            let port = ports.get(number).or(ports.first()).copied().unwrap_or(5432);
            let (config, name) = one_host(&self.config, host, port, password.as_deref());
            let tls = self.tls.clone();
            let connected = connect(config, tls, silences);
            trying.spawn(async move { connected.await.map_err(|error| format!("{name}: {error}")) });
        }
        let (mut connections, mut errors) = (Vec::new(), Vec::new());
        for result in trying.join_all().await {
            match result {
                Ok(connection) => connections.push(connection),
                Err(error) => errors.push(error),
            }
        }
        let newest = connections.into_iter().max_by_key(|connection| connection.timeline);
        let newest = newest.ok_or_else(|| Error::Unavailable(errors.join("; ")))?;
        if newest.timeline < self.timeline.fetch_max(newest.timeline, Relaxed) {
            return Err(Error::Unavailable("only a primary that was replaced can be reached".into()));
        }
        Ok(newest)
    }
}

/// The settings for one of the hosts, and its name.
fn one_host(all: &Config, host: &Host, port: u16, password: Option<&[u8]>) -> (Config, String) {
    let mut config = Config::new();
    let name = match host {
        Host::Tcp(name) => {
            config.host(name);
            format!("{name}:{port}")
        }
        Host::Unix(path) => {
            config.host_path(path);
            path.display().to_string()
        }
    };
    if let Some(user) = all.get_user() {
        config.user(user);
    }
    if let Some(name) = all.get_dbname() {
        config.dbname(name);
    }
    if let Some(password) = password.or(all.get_password()) {
        config.password(password);
    }
    config
        .port(port)
        .ssl_mode(all.get_ssl_mode())
        .channel_binding(all.get_channel_binding())
        .application_name("example-server")
        .connect_timeout(CONNECTED_WITHIN)
        .tcp_user_timeout(ANSWERED_WITHIN)
        .keepalives_idle(Duration::from_secs(10))
        .target_session_attrs(TargetSessionAttrs::ReadWrite)
        // One that waits for a row must not keep others waiting for long.
        .options("-c lock_timeout=1000 -c idle_in_transaction_session_timeout=5000");
    (config, name)
}

async fn connect(config: Config, tls: MakeRustlsConnect, silences: u32) -> Result<Connection, Error> {
    let trying = async {
        let (client, driver) = config.connect(tls).await.map_err(|error| unavailable(&error))?;
        // It ends with the client.
        tokio::spawn(driver);
        // Engines that only speak the protocol have no timelines.
        let timeline = client.query_one("SELECT substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)", &[]).await;
        let timeline = timeline.ok().and_then(|row| u32::from_str_radix(row.get(0), 16).ok()).unwrap_or_default();
        Ok(Connection { client, timeline, silences, prepared: HashMap::new() })
    };
    timeout(CONNECTED_WITHIN, trying).await.unwrap_or_else(|_| Err(Error::Unavailable("does not answer".into())))
}

impl Connection {
    async fn run(&mut self, statements: &[Statement]) -> Result<Vec<Rows>, Error> {
        let transaction = self.client.transaction().await.map_err(|error| unavailable(&error))?;
        let mut all = Vec::new();
        for Statement { sql, values, fenced } in statements {
            let values: Vec<_> = values.iter().map(Parameter).collect();
            let values: Vec<_> = values.iter().map(|value| value as &(dyn ToSql + Sync)).collect();
            if !self.prepared.contains_key(sql) {
                let prepared = transaction.prepare(&spelt(sql)).await.map_err(|error| unavailable(&error))?;
                self.prepared.insert(sql, prepared);
            }
            let prepared = &self.prepared[sql];
            if *fenced {
                let changed = transaction.execute(prepared, &values).await.map_err(|error| unavailable(&error))?;
                if changed == 0 {
                    transaction.rollback().await.map_err(|error| unavailable(&error))?;
                    return Err(Error::Late);
                }
                all.push(Rows::new());
            } else {
                let rows = transaction.query(prepared, &values).await.map_err(|error| unavailable(&error))?;
                all.push(rows.iter().map(values_of).collect::<Result<_, _>>().map_err(|error| unavailable(&error))?);
            }
        }
        transaction.commit().await.map_err(|error| unavailable(&error))?;
        Ok(all)
    }
}

fn spelt(sql: &str) -> String {
    sql.replace("{now}", "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)")
        .replace("{list}", "json_array_elements(CAST($1 AS json)) AS list(value)")
        .replace("{lock}", "FOR UPDATE")
        .replace("{skip}", "FOR UPDATE SKIP LOCKED")
}

fn values_of(row: &Row) -> Result<Vec<Value>, tokio_postgres::Error> {
    let columns = row.columns().iter().enumerate();
    let value = |(column, shape): (usize, &tokio_postgres::Column)| match *shape.type_() {
        Type::INT8 => row.try_get::<_, Option<i64>>(column).map(Value::from),
        _ => row.try_get::<_, Option<&str>>(column).map(Value::from),
    };
    columns.map(value).collect()
}

/// With its cause, which says what the database said.
fn unavailable(error: &tokio_postgres::Error) -> Error {
    Error::Unavailable(match error.source() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    })
}

#[derive(Debug)]
struct Parameter<'a>(&'a Value);

impl ToSql for Parameter<'_> {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self.0 {
            Value::Null => Ok(IsNull::Yes),
            Value::String(text) => text.to_sql(ty, out),
            number => number.as_i64().unwrap_or_default().to_sql(ty, out),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    tokio_postgres::types::to_sql_checked!();
}
