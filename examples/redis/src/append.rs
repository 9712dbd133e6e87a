use std::collections::HashMap;
use std::time::Duration;

use im_group_full::GroupFull;
use redis::{ConnectionInfo, RedisError, RedisResult, RetryMethod, Script, pipe};
use tokio::time::{Instant, sleep, timeout_at};

use crate::link::{Link, PAUSE, REDIS_WITHIN};

/// Half a second less than the vendor waits: the answer has a way to go.
const ANSWER_WITHIN: Duration = Duration::from_millis(1_500);

/// The receivers' end of the stream.
pub struct Appender {
    link: Link,
    script: Script,
    stream: String,
    limits: Limits,
}

#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// How long the same event is known for the same.
    pub mark_life: Duration,
    /// How many entries the stream may hold.
    pub max_waiting: usize,
}

#[derive(Debug)]
pub enum Appended {
    /// It is in the stream, or was before, when somebody else brought the same event.
    Stored,
    /// Too many entries are in the stream.
    Full,
}

impl Appender {
    pub fn new(redis: &ConnectionInfo, stream: String, limits: Limits) -> RedisResult<Self> {
        let script = Script::new(include_str!("append.lua"));
        Ok(Self { link: Link::new(redis, REDIS_WITHIN)?, script, stream, limits })
    }

    /// Says what Redis is set to that can lose an event answered `OK`, and what it does not show.
    pub async fn warn(&self) {
        let mut get = pipe();
        for (name, _) in SAFE {
            // One at a time: several in one command need Redis 7.0.
            get.cmd("CONFIG").arg("GET").arg(name);
        }
        let run = self.link.run(async |mut connection| get.query_async(&mut connection).await);
        let found: Vec<HashMap<String, String>> = run.await.unwrap_or_default();
        let found: HashMap<_, _> = found.into_iter().flatten().collect();
        for (name, safe) in SAFE {
            match found.get(name) {
                Some(value) if value == safe => (),
                Some(value) => {
                    eprintln!("warning: redis has {name} {value}: an event answered OK can get lost; {safe} is safe");
                }
                None => eprintln!("warning: redis does not show {name}: make sure yourself that it is {safe}"),
            }
        }
    }

    /// Puts an event into the stream, unless it is known. To try again is safe, so it is tried until
    /// the time is up.
    pub async fn append(&self, event: &GroupFull<'_>) -> RedisResult<Appended> {
        let json = serde_json::to_string(event).map_err(std::io::Error::from)?;
        let mark = mark(&self.stream, event);
        let deadline = Instant::now() + ANSWER_WITHIN;
        loop {
            let attempt = self.link.run(async |mut connection| {
                self.script
                    .key(&self.stream)
                    .key(&mark)
                    .arg(&json)
                    .arg(self.limits.mark_life.as_millis())
                    .arg(self.limits.max_waiting)
                    .invoke_async::<String>(&mut connection)
                    .await
            });
            let error = match timeout_at(deadline, attempt).await {
                Ok(Ok(outcome)) if outcome == "full" => return Ok(Appended::Full),
                Ok(Ok(_)) => return Ok(Appended::Stored),
                Ok(Err(error)) => error,
                Err(elapsed) => return Err(std::io::Error::from(elapsed).into()),
            };
            if !passes(&error) || Instant::now() + PAUSE >= deadline {
                return Err(error);
            }
            sleep(PAUSE).await;
        }
    }
}

/// What Redis must be set to for `OK` to mean that nothing gets lost.
const SAFE: [(&str, &str); 3] = [("appendonly", "yes"), ("appendfsync", "always"), ("maxmemory-policy", "noeviction")];

/// Returns the key that says that an event is known.
pub fn mark(stream: &str, event: &GroupFull<'_>) -> String {
    format!("{stream}:mark:{}", event.id())
}

/// Tells whether an error is of the kind that is over when Redis is back.
fn passes(error: &RedisError) -> bool {
    !matches!(error.retry_method(), RetryMethod::NoRetry)
}
