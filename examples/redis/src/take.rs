use std::time::Duration;

use im_group_full::GroupFull;
use redis::streams::{StreamId, StreamReadReply};
use redis::{RedisResult, Script, ScriptInvocation, cmd};
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::keys::Keys;
use crate::link::{Link, REDIS_WITHIN};
use crate::metrics::METRICS;
use crate::server::Server;

/// How long Redis holds a question for new entries before it says that there are none.
const BLOCK: Duration = Duration::from_secs(1);
/// The longest time between two tries.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The workers' end of the stream.
pub struct Taker {
    link: Link,
    /// For what Redis may hold back for a while: nothing that follows on a connection overtakes it.
    waiting: Link,
    pub keys: Keys,
    pub consumer: Consumer,
    scripts: Scripts,
    search: Mutex<Search>,
}

#[derive(Debug, Clone)]
pub struct Consumer {
    pub group: String,
    pub name: String,
    /// How long an entry may be silent before its worker is taken for dead; also the time before the second try.
    pub claim_after: Duration,
    /// After so many tries an entry is moved to the dead.
    pub max_deliveries: u32,
}

/// An event that is this worker's as long as it holds it.
pub struct Entry {
    pub id: String,
    pub event: Result<GroupFull<'static>, String>,
    /// Which try this is.
    pub delivery: u32,
}

struct Scripts {
    begin: Script,
    claim: Script,
    hold: Script,
    finish: Script,
    bury: Script,
    tidy: Script,
}

/// Where the search for entries to try again stands.
struct Search {
    from: String,
    next: Instant,
}

/// The next page, and of each entry the ID, the delivery and the event.
type Claimed = (String, Vec<(String, u32, Option<Vec<u8>>)>);

impl Consumer {
    /// Returns how long after one try the next one is due: four times as long after each.
    pub fn pause_after(&self, delivery: u32) -> Duration {
        let factor = 4_u32.saturating_pow(delivery.saturating_sub(1));
        self.claim_after.saturating_mul(factor).min(self.longest())
    }

    fn longest(&self) -> Duration {
        self.claim_after.max(DAY)
    }
}

impl Taker {
    pub fn new(server: &Server, keys: Keys, consumer: Consumer) -> Result<Self, String> {
        let (link, waiting) = (Link::new(server, REDIS_WITHIN)?, Link::new(server, BLOCK + REDIS_WITHIN)?);
        let search = Mutex::new(Search { from: "-".to_owned(), next: Instant::now() });
        Ok(Self { link, waiting, keys, consumer, scripts: Scripts::new(), search })
    }

    pub fn link(&self) -> &Link {
        &self.link
    }

    /// Takes what is due for another try, otherwise what is new; waits up to a second for it.
    pub async fn take(&self, at_most: usize) -> RedisResult<Vec<Entry>> {
        let entries = self.claim(at_most).await?;
        if !entries.is_empty() {
            return Ok(entries);
        }
        match self.read(at_most).await {
            Err(error) if error.code() == Some("NOGROUP") => self.create_group().await.map(|()| Vec::new()),
            read => read,
        }
    }

    async fn claim(&self, at_most: usize) -> RedisResult<Vec<Entry>> {
        let mut search = self.search.lock().await;
        if search.next > Instant::now() {
            return Ok(Vec::new());
        }
        let Consumer { group, name, claim_after, max_deliveries } = &self.consumer;
        let mut claim = self.scripts.claim.key(&self.keys.stream);
        claim.arg(group).arg(name).arg(&search.from).arg(at_most);
        claim.arg(claim_after.as_millis()).arg(self.consumer.longest().as_millis()).arg(max_deliveries);
        let (next, claimed): Claimed = match self.link.script(&claim).await {
            Err(error) if error.to_string().contains("NOGROUP") => return Ok(Vec::new()),
            reply => reply?,
        };
        if next.is_empty() {
            "-".clone_into(&mut search.from);
            search.next = Instant::now() + *claim_after / 2;
        } else {
            search.from = next;
        }
        METRICS.claimed.inc_by(claimed.len() as u64);
        Ok(claimed.into_iter().map(|(id, delivery, json)| Entry::new(id, json, delivery)).collect())
    }

    async fn read(&self, at_most: usize) -> RedisResult<Vec<Entry>> {
        let Consumer { group, name, .. } = &self.consumer;
        let mut read = cmd("XREADGROUP");
        read.arg("GROUP").arg(group).arg(name).arg("COUNT").arg(at_most).arg("BLOCK").arg(BLOCK.as_millis());
        read.arg("STREAMS").arg(&self.keys.stream).arg(">");
        let run = self.waiting.run(async |mut connection| read.query_async::<StreamReadReply>(&mut connection).await);
        let entries = run.await?.keys.into_iter().flat_map(|stream| stream.ids);
        Ok(entries.map(|entry: StreamId| Entry::new(entry.id.clone(), entry.get("event"), 1)).collect())
    }

    /// Starts at `0`, so that what came before the first worker is not passed over. Asks where it was missing: the other
    /// connection may still lead to the server before a failover.
    async fn create_group(&self) -> RedisResult<()> {
        let mut create = cmd("XGROUP");
        create.arg("CREATE").arg(&self.keys.stream).arg(&self.consumer.group).arg("0").arg("MKSTREAM");
        let run = self.waiting.run(async |mut connection| create.exec_async(&mut connection).await);
        match run.await {
            Err(error) if error.code() == Some("BUSYGROUP") => Ok(()),
            created => created,
        }
    }

    /// Lets a next event of the group in, if only the group tells them apart: it may be news of
    /// something that happens while this one is worked on.
    pub async fn begin(&self, entry: &str, event: &GroupFull<'_>) -> RedisResult<()> {
        if event.event_time_millis().is_some() {
            return Ok(());
        }
        self.link.script(self.scripts.begin.key(self.keys.mark(event)).arg(entry)).await
    }

    /// Keeps an entry; `false` if another worker has it by now.
    pub async fn keep(&self, entry: &Entry) -> RedisResult<bool> {
        self.hold(entry, Duration::ZERO, entry.delivery).await
    }

    /// Puts an entry back, to be tried again after a while, as if this try had not been.
    pub async fn put_back(&self, entry: &Entry, again_after: Duration) -> RedisResult<bool> {
        let before = entry.delivery.saturating_sub(1);
        let idle = self.consumer.pause_after(before).saturating_sub(again_after);
        self.hold(entry, idle, before).await
    }

    async fn hold(&self, entry: &Entry, idle: Duration, delivery: u32) -> RedisResult<bool> {
        let mut hold = self.scripts.hold.key(&self.keys.stream);
        hold.arg(&self.consumer.group).arg(&entry.id).arg(&self.consumer.name).arg(entry.delivery);
        hold.arg(idle.as_millis()).arg(delivery);
        self.link.script(&hold).await
    }

    /// Acknowledges an entry and deletes it, so that the stream holds only what is not done.
    pub async fn finish(&self, entry: &Entry) -> RedisResult<bool> {
        let mut finish = self.scripts.finish.key(&self.keys.stream);
        finish.key(self.mark(entry)).arg(&self.consumer.group).arg(&entry.id);
        self.link.script(&finish).await
    }

    /// Moves an entry to the dead; `false` if another worker has it by now.
    pub async fn bury(&self, entry: &Entry, reason: &str) -> RedisResult<bool> {
        let mut bury = self.scripts.bury.key(&self.keys.stream);
        bury.key(&self.keys.dead).key(self.mark(entry));
        bury.arg(&self.consumer.group).arg(&entry.id).arg(&self.consumer.name).arg(entry.delivery).arg(reason);
        self.link.script(&bury).await
    }

    fn mark(&self, entry: &Entry) -> String {
        entry.event.as_ref().map_or_else(|_| self.keys.no_mark(), |event| self.keys.mark(event))
    }

    /// Removes consumers that have been idle for so long and hold nothing; returns how many.
    pub async fn tidy(&self, idle: Duration) -> RedisResult<u32> {
        self.link.script(&self.tidying(idle, "")).await
    }

    /// Removes this consumer, unless it holds something.
    pub async fn leave(&self) -> RedisResult<u32> {
        self.link.script(&self.tidying(Duration::ZERO, &self.consumer.name)).await
    }

    fn tidying(&self, idle: Duration, name: &str) -> ScriptInvocation<'_> {
        let mut tidy = self.scripts.tidy.key(&self.keys.stream);
        tidy.arg(&self.consumer.group).arg(idle.as_millis()).arg(name);
        tidy
    }
}

impl Entry {
    fn new(id: String, json: Option<Vec<u8>>, delivery: u32) -> Self {
        let event = match json {
            Some(json) => serde_json::from_slice(&json).map_err(|error| format!("no event: {error}")),
            None => Err("no event: no field `event`".to_owned()),
        };
        Self { id, event, delivery }
    }
}

impl Scripts {
    fn new() -> Self {
        Self {
            begin: Script::new(include_str!("scripts/begin.lua")),
            claim: Script::new(include_str!("scripts/claim.lua")),
            hold: Script::new(include_str!("scripts/hold.lua")),
            finish: Script::new(include_str!("scripts/finish.lua")),
            bury: Script::new(include_str!("scripts/bury.lua")),
            tidy: Script::new(include_str!("scripts/tidy.lua")),
        }
    }
}
