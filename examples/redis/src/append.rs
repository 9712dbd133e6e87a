use std::collections::HashMap;
use std::time::Duration;

use im_group_full::GroupFull;
use redis::{RedisResult, Script, pipe};
use tokio::time::{Instant, sleep, timeout_at};

use crate::keys::Keys;
use crate::link::{Link, PAUSE, passes};
use crate::metrics::METRICS;
use crate::server::Connection;

/// Half a second less than the vendor waits: the answer has a way to go.
const ANSWER_WITHIN: Duration = Duration::from_millis(1_500);
/// An event takes a few hundred bytes; without this bound its `GroupId` could take as many as the body.
const MAX_LEN: usize = 4 * 1024;

/// The receivers' end of the stream.
pub struct Appender {
    link: Link,
    script: Script,
    keys: Keys,
    limits: Limits,
}

#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// How long the same event is known for the same.
    pub mark_life: Duration,
    /// How many entries the stream may hold.
    pub max_waiting: usize,
    /// How many replicas must have an event.
    pub replicas: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Appended {
    /// It is in the stream.
    Added,
    /// It was known, and is in the stream, among the dead, or finished.
    Merged,
    /// Too many entries are in the stream.
    Full,
    /// The event is longer than any of the vendor's.
    TooLong,
    /// Redis has it, but too few replicas do.
    NotReplicated,
}

impl Appender {
    pub fn new(link: Link, keys: Keys, limits: Limits) -> Self {
        Self { link, script: Script::new(include_str!("scripts/append.lua")), keys, limits }
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
                    tracing::warn!("redis has {name} {value}: an event answered OK can get lost; {safe} is safe");
                }
                None => tracing::warn!("redis does not show {name}: make sure yourself that it is {safe}"),
            }
        }
    }

    /// Puts an event into the stream, unless it is known. To try again is safe, so it is tried until
    /// the time is up.
    pub async fn append(&self, event: &GroupFull<'_>) -> RedisResult<Appended> {
        let json = serde_json::to_string(event).map_err(std::io::Error::from)?;
        if json.len() > MAX_LEN {
            return Ok(Appended::TooLong);
        }
        let mark = self.keys.mark(event);
        let deadline = Instant::now() + ANSWER_WITHIN;
        loop {
            let attempt = self.link.run(async |connection| self.attempt(connection, &json, &mark, deadline).await);
            let error = match timeout_at(deadline, attempt).await {
                Ok(Ok(outcome)) => {
                    if outcome == Appended::Merged {
                        METRICS.merged.inc();
                    }
                    return Ok(outcome);
                }
                Ok(Err(error)) => error,
                Err(elapsed) => return Err(std::io::Error::from(elapsed).into()),
            };
            if !passes(&error) || Instant::now() + PAUSE >= deadline {
                return Err(error);
            }
            sleep(PAUSE).await;
        }
    }

    async fn attempt(
        &self,
        mut connection: Connection,
        json: &str,
        mark: &str,
        deadline: Instant,
    ) -> RedisResult<Appended> {
        let Limits { mark_life, max_waiting, replicas } = self.limits;
        if replicas == 0 {
            let mut script = self.script.key(&self.keys.stream);
            script.key(mark).key(&self.keys.dead);
            script.arg(json).arg(mark_life.as_millis()).arg(max_waiting).arg(0);
            return Ok(Appended::new(&script.invoke_async::<String>(&mut connection).await?));
        }
        // In one pipeline, because it must be one connection: WAIT is about the connection's own writes.
        let mut both = pipe();
        // With the script's whole text, which costs microseconds: so a new primary need not be told it first.
        both.cmd("EVAL").arg(include_str!("scripts/append.lua")).arg(3);
        both.arg(&self.keys.stream).arg(mark).arg(&self.keys.dead);
        both.arg(json).arg(mark_life.as_millis()).arg(max_waiting).arg(1);
        let left = deadline.saturating_duration_since(Instant::now()).min(REPLICAS_WITHIN);
        both.cmd("WAIT").arg(replicas).arg(left.as_millis());
        let (outcome, found): (String, u32) = both.query_async(&mut connection).await?;
        let outcome = Appended::new(&outcome);
        let stored = matches!(outcome, Appended::Added | Appended::Merged);
        Ok(if stored && found < replicas { Appended::NotReplicated } else { outcome })
    }
}

/// Less than a command may take, or the connection would be taken for dead.
const REPLICAS_WITHIN: Duration = Duration::from_millis(700);

impl Appended {
    fn new(said: &str) -> Self {
        match said {
            "added" => Self::Added,
            "merged" => Self::Merged,
            _ => Self::Full,
        }
    }
}

/// What Redis must be set to for `OK` to mean that nothing gets lost.
const SAFE: [(&str, &str); 3] = [("appendonly", "yes"), ("appendfsync", "always"), ("maxmemory-policy", "noeviction")];
