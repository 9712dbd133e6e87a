use std::collections::HashMap;
use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use im_group_full::GroupFull;
use redis::{RedisResult, pipe};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::keys::Keys;
use crate::link::{Link, PAUSE, passes};
use crate::metrics::METRICS;

/// Half a second less than the vendor waits: the answer has a way to go.
const ANSWER_WITHIN: Duration = Duration::from_millis(1_500);
/// An event takes a few hundred bytes; without this bound its `GroupId` could take as many as the body.
const MAX_LEN: usize = 4 * 1024;

/// How many events share a step of Redis, which does nothing else for the few milliseconds that it takes.
const AT_ONCE: usize = 1_000;
/// How long to wait for replicas. The write before it must fit into what a command may take, or the connection would be
/// taken for dead; and it is less than half of `ANSWER_WITHIN`, because an event may first have to wait for those before it.
const REPLICAS_WITHIN: Duration = Duration::from_millis(500);

/// The receivers' end of the stream.
pub struct Appender {
    link: Arc<Link>,
    keys: Keys,
    queue: mpsc::Sender<Waiting>,
}

/// An event on its way into the stream.
struct Waiting {
    json: String,
    mark: String,
    deadline: Instant,
    answer: oneshot::Sender<RedisResult<Appended>>,
}

/// Stores together what has arrived while Redis was busy with the events before: they share a write to the disk and
/// a wait for the replicas.
struct Writer {
    link: Arc<Link>,
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
    /// Starts the task that writes, which ends with the appender.
    pub fn start(link: Link, keys: Keys, limits: Limits) -> Self {
        let (link, (queue, waiting)) = (Arc::new(link), mpsc::channel(AT_ONCE));
        tokio::spawn(Writer { link: Arc::clone(&link), keys: keys.clone(), limits }.run(waiting));
        Self { link, keys, queue }
    }

    /// Says what Redis is set to that can lose an event answered `OK`, and what it does not show.
    pub async fn warn(&self) {
        let mut get = pipe();
        for (name, _) in SAFE {
            // One at a time: several in one command need Redis 7.0.
            get.cmd("CONFIG").arg("GET").arg(name);
        }
        let run = self.link.run(async |mut connection| get.query_async(&mut connection).await);
        let found: Vec<HashMap<String, String>> = match run.await {
            Err(error) if error.is_io_error() => {
                tracing::warn!("cannot look at the settings of redis: {error}");
                return;
            }
            found => found.unwrap_or_default(),
        };
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

    /// Puts an event into the stream, unless it is known.
    pub async fn append(&self, event: &GroupFull<'_>) -> RedisResult<Appended> {
        let json = serde_json::to_string(event).map_err(std::io::Error::from)?;
        if json.len() > MAX_LEN {
            return Ok(Appended::TooLong);
        }
        let (answer, answered) = oneshot::channel();
        let deadline = Instant::now() + ANSWER_WITHIN;
        let waiting = Waiting { json, mark: self.keys.mark(event), deadline, answer };
        let stored = async {
            self.queue.send(waiting).await.map_err(|_| ErrorKind::BrokenPipe)?;
            answered.await.map_err(|_| ErrorKind::BrokenPipe)
        };
        let outcome = timeout_at(deadline, stored).await.map_err(std::io::Error::from)?;
        let outcome = outcome.map_err(std::io::Error::from)??;
        if outcome == Appended::Merged {
            METRICS.merged.inc();
        }
        Ok(outcome)
    }
}

impl Writer {
    /// One batch after the other: what follows a WAIT on a connection stands behind it anyway.
    async fn run(self, mut queue: mpsc::Receiver<Waiting>) {
        let mut batch: Vec<Waiting> = Vec::new();
        while queue.recv_many(&mut batch, AT_ONCE).await > 0 {
            while !batch.is_empty() {
                self.answer(&mut batch).await;
            }
        }
    }

    /// Tries once, and leaves in the batch what is to be tried again: that is safe, so each event is tried until its
    /// time is up.
    async fn answer(&self, batch: &mut Vec<Waiting>) {
        batch.retain(|waiting| !waiting.answer.is_closed());
        match self.store(batch).await {
            Ok(outcomes) => {
                for (waiting, outcome) in batch.drain(..).zip(outcomes) {
                    let _ = waiting.answer.send(Ok(outcome));
                }
            }
            Err(error) => {
                let next = Instant::now() + PAUSE;
                for waiting in batch.extract_if(.., |waiting| !passes(&error) || waiting.deadline <= next) {
                    let _ = waiting.answer.send(Err(error.clone()));
                }
                if !batch.is_empty() {
                    sleep_until(next).await;
                }
            }
        }
    }

    async fn store(&self, batch: &[Waiting]) -> RedisResult<Vec<Appended>> {
        // The latest: an event whose time is up is answered by `append`, and must not cut the wait of the others short.
        let Some(deadline) = batch.iter().map(|waiting| waiting.deadline).max() else { return Ok(Vec::new()) };
        let Limits { mark_life, max_waiting, replicas } = self.limits;
        // In one pipeline, because it must be one connection: WAIT is about the connection's own writes.
        let mut both = pipe();
        // With the script's whole text, which costs microseconds: so a new primary need not be told it first.
        both.cmd("EVAL").arg(include_str!("scripts/append.lua")).arg(2 + batch.len());
        both.arg(&self.keys.stream).arg(&self.keys.dead);
        for waiting in batch {
            both.arg(&waiting.mark);
        }
        both.arg(mark_life.as_millis()).arg(max_waiting).arg(u8::from(replicas > 0));
        for waiting in batch {
            both.arg(&waiting.json);
        }
        let (outcomes, found) = if replicas == 0 {
            let run = self.link.run(async |mut connection| both.query_async::<(Vec<String>,)>(&mut connection).await);
            (run.await?.0, 0)
        } else {
            let left = deadline.saturating_duration_since(Instant::now()).min(REPLICAS_WITHIN);
            // To wait for no time is to wait for ever.
            both.cmd("WAIT").arg(replicas).arg(left.as_millis().max(1));
            let run = self.link.run(async |mut connection| both.query_async(&mut connection).await);
            run.await?
        };
        let replicated = found >= replicas;
        Ok(outcomes.iter().map(|said| Appended::new(said, replicated)).collect())
    }
}

impl Appended {
    fn new(said: &str, replicated: bool) -> Self {
        match said {
            "added" | "merged" if !replicated => Self::NotReplicated,
            "added" => Self::Added,
            "merged" => Self::Merged,
            _ => Self::Full,
        }
    }
}

/// What Redis must be set to for `OK` to mean that nothing gets lost.
const SAFE: [(&str, &str); 3] = [("appendonly", "yes"), ("appendfsync", "always"), ("maxmemory-policy", "noeviction")];
