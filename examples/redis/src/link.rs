use std::time::Duration;

use redis::{ErrorKind, FromRedisValue, RedisError, RedisResult, RetryMethod, ScriptInvocation};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use crate::metrics::METRICS;
use crate::server::{Connection, Connector, Server};

/// How long Redis may take; a receiver has the time for a second try on a new connection.
pub const REDIS_WITHIN: Duration = Duration::from_secs(1);
/// How long to let Redis alone after a failure, and how long at most after many.
pub const PAUSE: Duration = Duration::from_millis(50);
pub const LONG_PAUSE: Duration = Duration::from_secs(1);

/// What a server says that is not the right one, or not now. A new connection may lead to another one: an
/// address that fails over stays the same, and the old connection stays open.
const ELSEWHERE: [&str; 10] = [
    "READONLY",
    "MASTERDOWN",
    "LOADING",
    "NOAUTH",
    "WRONGPASS",
    "CLUSTERDOWN",
    "TRYAGAIN",
    "MISCONF",
    "NOREPLICAS",
    "UNBLOCKED",
];

/// One connection to Redis for everybody, made when it is first needed, and again after it failed.
pub struct Link {
    connector: Connector,
    answer_within: Duration,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    connection: Option<Connection>,
    /// Counts the connections, so that a late failure of an old one does not close its successor.
    generation: u64,
    failed: Option<Failed>,
}

struct Failed {
    at: Instant,
    pause: Duration,
    error: RedisError,
}

impl Link {
    /// `answer_within`: after this time without an answer, the connection is taken for dead.
    pub fn new(server: &Server, answer_within: Duration) -> Result<Self, String> {
        Ok(Self { connector: server.connector(answer_within)?, answer_within, state: Mutex::default() })
    }

    /// Tells whether Redis lets us in. One that is away may come back, and is no error.
    pub async fn check(&self, key: &str) -> Result<(), String> {
        let run = self.run(async |mut connection| redis::cmd("EXISTS").arg(key).exec_async(&mut connection).await);
        match run.await {
            Err(error) if keeps_us_out(&error) => Err(format!("redis refuses the user or the password: {error}")),
            _ => Ok(()),
        }
    }

    /// Runs a script.
    pub async fn script<T: FromRedisValue>(&self, script: &ScriptInvocation<'_>) -> RedisResult<T> {
        self.run(async |mut connection| script.invoke_async(&mut connection).await).await
    }

    /// Runs a command, which may be sent although this fails.
    pub async fn run<T>(&self, command: impl AsyncFnOnce(Connection) -> RedisResult<T>) -> RedisResult<T> {
        let (connection, generation) = self.connection().await?;
        let result = command(connection).await;
        if let Err(error) = &result
            && (error.is_io_error() || error.is_unrecoverable_error() || is_elsewhere(error))
        {
            let mut state = self.state.lock().await;
            if state.generation == generation && state.connection.take().is_some() {
                METRICS.reconnects.inc();
                failed(&mut state, error);
            }
        } else if result.is_ok() {
            self.worked(generation).await;
        }
        result
    }

    async fn connection(&self) -> RedisResult<(Connection, u64)> {
        let mut state = self.state.lock().await;
        if let Some(connection) = &state.connection {
            return Ok((connection.clone(), state.generation));
        }
        if let Some(failed) = &state.failed
            && failed.at.elapsed() < failed.pause
        {
            return Err(failed.error.clone());
        }
        // The library bounds the connection, and not what it does with it before it is ready.
        let connecting = timeout(self.answer_within, self.connector.connect(self.answer_within));
        match connecting.await.unwrap_or_else(|elapsed| Err(std::io::Error::from(elapsed).into())) {
            Ok(connection) => {
                state.generation += 1;
                state.connection = Some(connection.clone());
                Ok((connection, state.generation))
            }
            Err(error) => {
                failed(&mut state, &error);
                Err(error)
            }
        }
    }

    /// A connection alone says nothing: a replica accepts it, too.
    async fn worked(&self, generation: u64) {
        let mut state = self.state.lock().await;
        if state.generation == generation && state.failed.take().is_some() {
            tracing::info!("redis is back");
        }
    }
}

fn failed(state: &mut State, error: &RedisError) {
    let pause = match &state.failed {
        None => {
            tracing::warn!("redis is away, trying again: {error}");
            PAUSE
        }
        Some(failed) => LONG_PAUSE.min(failed.pause * 2),
    };
    state.failed = Some(Failed { at: Instant::now(), pause, error: error.clone() });
}

/// Tells whether an error is of the kind that is over when Redis is back.
pub fn passes(error: &RedisError) -> bool {
    !matches!(error.retry_method(), RetryMethod::NoRetry) || is_elsewhere(error) || error.code() == Some("BUSY")
}

fn is_elsewhere(error: &RedisError) -> bool {
    // Redis 6.2 has the code of an error inside a script only in its text.
    let text = error.to_string();
    ELSEWHERE.iter().any(|&code| error.code() == Some(code) || text.contains(code))
}

fn keeps_us_out(error: &RedisError) -> bool {
    error.kind() == ErrorKind::AuthenticationFailed || matches!(error.code(), Some("NOAUTH" | "WRONGPASS" | "NOPERM"))
}
