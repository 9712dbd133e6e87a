//! PostgreSQL, over a few connections that end with the first sign of trouble.

use std::collections::HashMap;
use std::error::Error as _;
use std::path::{Path, PathBuf};
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
use tokio_postgres::config::TargetSessionAttrs;
use tokio_postgres::types::{IsNull, ToSql, Type};
use tokio_postgres::{Client, Config, Row};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{Database, Error, Job, Rows, Statement};
use crate::Failed;

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
    /// The URL of each host, and what it says. (Given all of them, the client takes the first that can be written to.)
    hosts: Vec<(String, Config)>,
    tls: MakeRustlsConnect,
    password_file: Option<PathBuf>,
    /// Of the newest server that was seen. One of an older timeline is a primary that was replaced and came back.
    timeline: AtomicU32,
    /// Counts the times that a server did not answer. Connections from before are not used again: they may all lead to it.
    silences: AtomicU32,
    /// Not before then, and why.
    pause: Mutex<Option<(Instant, Error)>>,
}

pub(crate) fn open(url: &str, password_file: Option<PathBuf>, ca: Option<&Path>) -> Result<Database, Failed> {
    let hosts = each_host(url).into_iter().map(|url| configured(&url).map(|config| (url, config)));
    let shared = Arc::new(Shared {
        hosts: hosts.collect::<Result<_, _>>()?,
        tls: tls(ca)?,
        password_file,
        timeline: AtomicU32::new(0),
        silences: AtomicU32::new(0),
        pause: Mutex::default(),
    });
    let (database, jobs) = Database::channel();
    let jobs = Arc::new(Mutex::new(jobs));
    for _ in 0..CONNECTIONS {
        tokio::spawn(serve(Arc::clone(&shared), Arc::clone(&jobs)));
    }
    if shared.hosts.len() > 1 {
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

fn each_host(url: &str) -> Vec<String> {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let (user, hosts) = authority.split_at(authority.find('@').map_or(0, |at| at + 1));
    hosts.split(',').map(|host| format!("{scheme}://{user}{host}{path}")).collect()
}

fn configured(url: &str) -> Result<Config, Failed> {
    let mut config: Config = url.parse().map_err(|error| format!("--database: {error}"))?;
    if config.get_password().is_some() {
        return Err("--database: process lists are public; give the password in PGPASSWORD or a file".into());
    }
    if let Ok(password) = std::env::var("PGPASSWORD") {
        config.password(password);
    }
    if config.get_hosts().len() > 1 {
        return Err("--database: give the hosts between `@` and `/`".into());
    } else if config.get_hosts().is_empty() {
        config.host("localhost");
    }
    config
        .application_name("example-server")
        .tcp_user_timeout(ANSWERED_WITHIN)
        .keepalives_idle(Duration::from_secs(10))
        .target_session_attrs(TargetSessionAttrs::ReadWrite)
        // One that waits for a row must not keep others waiting for long.
        .options("-c lock_timeout=1000 -c idle_in_transaction_session_timeout=5000");
    Ok(config)
}

/// The system's own certificates would differ from machine to machine.
fn tls(ca: Option<&Path>) -> Result<MakeRustlsConnect, Failed> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    if let Some(path) = ca {
        roots = trusted(path).map_err(|error| format!("--database-ca {}: {error}", path.display()))?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(MakeRustlsConnect::new(config.with_root_certificates(roots).with_no_client_auth()))
}

fn trusted(path: &Path) -> Result<RootCertStore, Failed> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path)? {
        roots.add(certificate?)?;
    }
    Ok(roots)
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
        let result = if let Ok(result) = result {
            result
        } else {
            shared.silences.fetch_add(1, Relaxed);
            shared.pause(Error::Unavailable("it does not answer".into())).await
        };
        if let Err(Error::Unavailable(_)) = &result {
            connection = None;
        }
        let _ = answer.send(result);
    }
}

impl Shared {
    async fn pause<T>(&self, error: Error) -> Result<T, Error> {
        *self.pause.lock().await = Some((Instant::now() + PAUSE, error.clone()));
        Err(error)
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
        match self.pause.lock().await.clone() {
            Some((until, error)) if Instant::now() < until => return Err(error),
            _ => (),
        }
        match self.try_connect().await {
            Err(error) => self.pause(error).await,
            connected => connected,
        }
    }

    /// Connects to the newest of the servers that can be written to. After a failover the old primary may live on.
    async fn try_connect(&self) -> Result<Connection, Error> {
        let silences = self.silences.load(Relaxed);
        let mut trying = JoinSet::new();
        for (url, config) in &self.hosts {
            let (url, mut config, tls) = (url.clone(), config.clone(), self.tls.clone());
            if let Some(path) = &self.password_file {
                // Read each time, so that it can be changed.
                let read = std::fs::read(path);
                let failed =
                    |error| Error::Unavailable(format!("--database-password-file {}: {error}", path.display()));
                config.password(read.map_err(failed)?.trim_ascii());
            }
            trying.spawn(async move {
                match timeout(CONNECTED_WITHIN, connect(config, tls, silences)).await {
                    Ok(Ok(connection)) => Ok(connection),
                    Ok(Err(error)) => Err(format!("{url}: {}", with_cause(&error))),
                    Err(_) => Err(format!("{url}: does not answer")),
                }
            });
        }
        let mut errors = Vec::new();
        let connected = trying.join_all().await.into_iter();
        let connected = connected.filter_map(|result| result.map_err(|error| errors.push(error)).ok());
        let newest = connected.max_by_key(|connection| connection.timeline);
        let newest = newest.ok_or_else(|| Error::Unavailable(errors.join("; ")))?;
        if newest.timeline < self.timeline.fetch_max(newest.timeline, Relaxed) {
            return Err(Error::Unavailable("only a primary that was replaced can be reached".into()));
        }
        Ok(newest)
    }
}

async fn connect(config: Config, tls: MakeRustlsConnect, silences: u32) -> Result<Connection, tokio_postgres::Error> {
    let (client, driver) = config.connect(tls).await?;
    // It ends with the client.
    tokio::spawn(driver);
    // Engines that only speak the protocol have no timelines.
    let timeline = client.query_one("SELECT substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)", &[]).await;
    let timeline = timeline.ok().and_then(|row| u32::from_str_radix(row.get(0), 16).ok()).unwrap_or_default();
    Ok(Connection { client, timeline, silences, prepared: HashMap::new() })
}

impl Connection {
    async fn run(&mut self, statements: &[Statement]) -> Result<Vec<Rows>, Error> {
        let transaction = self.client.transaction().await?;
        let mut all = Vec::new();
        for Statement { sql, values, fenced } in statements {
            if !self.prepared.contains_key(sql) {
                self.prepared.insert(sql, transaction.prepare(&spelt(sql)).await?);
            }
            let values: Vec<_> = values.iter().map(Parameter).collect();
            let values: Vec<_> = values.iter().map(|value| value as &(dyn ToSql + Sync)).collect();
            let rows = transaction.query(&self.prepared[sql], &values).await?;
            // Dropped, it is rolled back.
            if *fenced && rows.is_empty() {
                return Err(Error::Late);
            }
            all.push(rows.iter().map(values_of).collect::<Result<_, _>>()?);
        }
        transaction.commit().await?;
        Ok(all)
    }
}

fn spelt(sql: &str) -> String {
    sql.replace("{now}", "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)")
        .replace("{list}", "json_array_elements(CAST($1 AS json)) AS list(value)")
        .replace("{lock}", "FOR UPDATE")
        .replace("{skip}", "FOR UPDATE SKIP LOCKED")
}

fn values_of(row: &Row) -> Result<Value, tokio_postgres::Error> {
    let columns = row.columns().iter().enumerate();
    let value = |(column, shape): (usize, &tokio_postgres::Column)| match *shape.type_() {
        Type::INT8 => row.try_get::<_, Option<i64>>(column).map(Value::from),
        _ => row.try_get::<_, Option<&str>>(column).map(Value::from),
    };
    columns.map(value).collect()
}

impl From<tokio_postgres::Error> for Error {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Unavailable(with_cause(&error))
    }
}

/// The cause says what the database said.
fn with_cause(error: &tokio_postgres::Error) -> String {
    error.source().map_or(error.to_string(), |cause| format!("{error}: {cause}"))
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
