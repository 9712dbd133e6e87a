use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, ConnectionInfo, IntoConnectionInfo, RedisError, RedisResult};
use tokio::sync::Mutex;
use tokio::time::Instant;

/// How long to let Redis alone after it could not be reached.
pub const PAUSE: Duration = Duration::from_millis(50);
/// How long Redis may take; a receiver has the time for a second try on a new connection.
pub const REDIS_WITHIN: Duration = Duration::from_secs(1);

/// One connection to Redis for everybody, made when it is first needed, and again after it failed.
pub struct Link {
    client: Client,
    address: String,
    config: AsyncConnectionConfig,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    connection: Option<MultiplexedConnection>,
    /// Counts the connections, so that a late failure of an old one does not close its successor.
    generation: u64,
    failed: Option<(Instant, RedisError)>,
}

impl Link {
    /// `answer_within`: after this time without an answer, the connection is taken for dead.
    pub fn new(redis: &ConnectionInfo, answer_within: Duration) -> RedisResult<Self> {
        // Many small commands share the connection; Nagle's algorithm would hold them back.
        let tcp = redis.tcp_settings().clone().set_nodelay(true);
        let redis = redis.clone().set_tcp_settings(tcp).into_connection_info()?;
        Ok(Self {
            address: redis.addr().to_string(),
            client: Client::open(redis)?,
            config: AsyncConnectionConfig::new()
                .set_connection_timeout(Some(answer_within))
                .set_response_timeout(Some(answer_within)),
            state: Mutex::default(),
        })
    }

    /// Runs a command, which may be sent although this fails.
    pub async fn run<T>(&self, command: impl AsyncFnOnce(MultiplexedConnection) -> RedisResult<T>) -> RedisResult<T> {
        let (connection, generation) = self.connection().await?;
        let result = command(connection).await;
        if let Err(error) = &result
            && (error.is_io_error() || error.is_unrecoverable_error())
        {
            let mut state = self.state.lock().await;
            if state.generation == generation && state.connection.take().is_some() {
                self.failed(&mut state, error);
            }
        }
        result
    }

    async fn connection(&self) -> RedisResult<(MultiplexedConnection, u64)> {
        let mut state = self.state.lock().await;
        if let Some(connection) = &state.connection {
            return Ok((connection.clone(), state.generation));
        }
        if let Some((when, error)) = &state.failed
            && when.elapsed() < PAUSE
        {
            return Err(error.clone());
        }
        match self.client.get_multiplexed_async_connection_with_config(&self.config).await {
            Ok(connection) => {
                if state.failed.take().is_some() {
                    eprintln!("redis at {} is back", self.address);
                }
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

    fn failed(&self, state: &mut State, error: &RedisError) {
        if state.failed.is_none() {
            eprintln!("redis at {} is away, trying again: {error}", self.address);
        }
        state.failed = Some((Instant::now(), error.clone()));
    }
}
