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
/// How long at most if somebody waits for an answer.
const HURRIED_PAUSE: Duration = Duration::from_millis(100);

/// What a server says that is not the right one, or not now. A new connection may lead to another one: an
/// address that fails over stays the same, and the old connection stays open.
const ELSEWHERE: [&str; 11] = [
    "READONLY",
    "MASTERDOWN",
    "LOADING",
    "NOAUTH",
    "WRONGPASS",
    "NOPERM",
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
    longest_pause: Duration,
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
        let connector = server.connector(answer_within)?;
        Ok(Self { connector, answer_within, longest_pause: LONG_PAUSE, state: Mutex::default() })
    }

    /// Tries often when Redis is away, for the few processes that somebody waits for.
    pub fn hurrying(self) -> Self {
        Self { longest_pause: HURRIED_PAUSE, ..self }
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
        let result = command(connection).await.map_err(first);
        if let Err(error) = &result
            && (error.is_io_error() || error.is_unrecoverable_error() || is_elsewhere(error))
        {
            let mut state = self.state.lock().await;
            if state.generation == generation && state.connection.take().is_some() {
                METRICS.reconnects.inc();
                self.failed(&mut state, error);
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
                self.failed(&mut state, &error);
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

    fn failed(&self, state: &mut State, error: &RedisError) {
        let pause = match &state.failed {
            None => {
                tracing::warn!("redis is away, trying again: {error}");
                PAUSE
            }
            Some(failed) => self.longest_pause.min(failed.pause * 2),
        };
        state.failed = Some(Failed { at: Instant::now(), pause, error: error.clone() });
    }
}

/// The first error of a pipeline: the pipeline's own error does not show most codes.
fn first(error: RedisError) -> RedisError {
    let errors = error.clone().into_server_errors();
    errors.and_then(|errors| errors.first().map(|(_, first)| first.clone().into())).unwrap_or(error)
}

/// Tells whether an error is of the kind that is over when Redis is back.
pub fn passes(error: &RedisError) -> bool {
    !matches!(error.retry_method(), RetryMethod::NoRetry) || is_elsewhere(error) || error.code() == Some("BUSY")
}

fn is_elsewhere(error: &RedisError) -> bool {
    // Redis 6.2 has the code of an error inside a script only in its text.
    let text = error.to_string();
    // A password that is changed while we run may be the right one again, or that of the next primary.
    keeps_us_out(error) || ELSEWHERE.iter().any(|&code| error.code() == Some(code) || text.contains(code))
}

fn keeps_us_out(error: &RedisError) -> bool {
    error.kind() == ErrorKind::AuthenticationFailed || matches!(error.code(), Some("NOAUTH" | "WRONGPASS" | "NOPERM"))
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use redis::parse_redis_value;

    use super::*;

    #[derive(Parser)]
    struct Flags {
        #[command(flatten)]
        server: Server,
    }

    #[test]
    fn lets_redis_alone_for_longer_and_longer() {
        let link = || Link::new(&Flags::parse_from(["", "--redis", "redis://127.0.0.1"]).server, REDIS_WITHIN).unwrap();
        for (link, expected) in
            [(link(), [50, 100, 200, 400, 800, 1_000]), (link().hurrying(), [50, 100, 100, 100, 100, 100])]
        {
            let (mut state, error) = (State::default(), said("LOADING Redis is loading the dataset in memory"));
            for expected in expected {
                link.failed(&mut state, &error);
                assert_eq!(state.failed.as_ref().unwrap().pause, Duration::from_millis(expected));
            }
        }
    }

    #[track_caller]
    fn said(line: &str) -> RedisError {
        parse_redis_value(format!("-{line}\r\n").as_bytes()).unwrap().extract_error().unwrap_err()
    }

    #[test]
    fn knows_not_here_and_not_now() {
        for (line, elsewhere, again) in [
            ("READONLY You can't write against a read only replica.", true, true),
            ("MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.", true, true),
            ("LOADING Redis is loading the dataset in memory", true, true),
            ("NOAUTH Authentication required.", true, true),
            ("WRONGPASS invalid username-password pair or user is disabled.", true, true),
            ("NOPERM this user has no permissions to run the 'eval' command", true, true),
            ("CLUSTERDOWN The cluster is down", true, true),
            ("TRYAGAIN Multiple keys request during rehashing of slot", true, true),
            ("MISCONF Errors writing to the AOF file: No space left on device", true, true),
            ("NOREPLICAS Not enough good replicas to write.", true, true),
            ("UNBLOCKED force unblock from blocking operation, instance state changed", true, true),
            // As Redis 6.2 says it from inside a script.
            ("ERR Error running script (call to f_1): @user_script:1: -READONLY You can't write against", true, true),
            ("BUSY Redis is busy running a script.", false, true),
            ("WRONGTYPE Operation against a key holding the wrong kind of value", false, false),
            ("OOM command not allowed when used memory > 'maxmemory'.", false, false),
            ("NOGROUP No such key 'group-full' or consumer group 'workers'", false, false),
            ("ERR unknown command 'XADD'", false, false),
        ] {
            let error = said(line);
            assert_eq!((is_elsewhere(&error), passes(&error)), (elsewhere, again), "{line}");
        }
        // As the library says it when it connects.
        let refused = RedisError::from((ErrorKind::AuthenticationFailed, "Password authentication failed"));
        assert!(is_elsewhere(&refused) && passes(&refused));
    }
}
