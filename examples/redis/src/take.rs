use std::time::Duration;

use im_group_full::GroupFull;
use redis::streams::{StreamAutoClaimReply, StreamId, StreamReadReply};
use redis::{ConnectionInfo, RedisResult, cmd, pipe};
use tokio::time::Instant;

use crate::append::mark;
use crate::link::{Link, REDIS_WITHIN};

/// How long Redis holds a question for new entries before it says that there are none.
const BLOCK: Duration = Duration::from_secs(1);

/// The workers' end of the stream.
pub struct Taker {
    link: Link,
    /// For what Redis may hold back for a while: nothing that follows on a connection overtakes it.
    waiting: Link,
    stream: String,
    consumer: Consumer,
}

#[derive(Debug, Clone)]
pub struct Consumer {
    pub group: String,
    pub name: String,
    /// How long an entry may be worked on before its worker is taken for dead.
    pub claim_after: Duration,
}

/// An event that is this worker's until `claim_after` has passed.
pub struct Entry {
    pub id: String,
    pub event: Result<GroupFull<'static>, String>,
    /// Another worker had it before, and did not finish in time.
    pub claimed: bool,
}

/// Where the search for entries of dead workers stands.
pub struct Search {
    from: String,
    next: Instant,
}

impl Default for Search {
    fn default() -> Self {
        Self { from: "0-0".to_owned(), next: Instant::now() }
    }
}

impl Taker {
    pub fn new(redis: &ConnectionInfo, stream: String, consumer: Consumer) -> RedisResult<Self> {
        let (link, waiting) = (Link::new(redis, REDIS_WITHIN)?, Link::new(redis, BLOCK + REDIS_WITHIN)?);
        Ok(Self { link, waiting, stream, consumer })
    }

    /// Takes what a dead worker left, otherwise what is new; waits up to a second for it.
    pub async fn take(&self, search: &mut Search, at_most: usize) -> RedisResult<Vec<Entry>> {
        if search.next <= Instant::now() {
            let entries = self.claim(search, at_most).await?;
            if !entries.is_empty() {
                return Ok(entries);
            }
        }
        match self.read(at_most).await {
            Err(error) if error.code() == Some("NOGROUP") => self.create_group().await.map(|()| Vec::new()),
            read => read,
        }
    }

    async fn claim(&self, search: &mut Search, at_most: usize) -> RedisResult<Vec<Entry>> {
        let Consumer { group, name, claim_after } = &self.consumer;
        let mut claim = cmd("XAUTOCLAIM");
        claim.arg(&self.stream).arg(group).arg(name).arg(claim_after.as_millis()).arg(&search.from);
        claim.arg("COUNT").arg(at_most);
        let run =
            self.link.run(async |mut connection| claim.query_async::<StreamAutoClaimReply>(&mut connection).await);
        let reply = match run.await {
            Err(error) if error.code() == Some("NOGROUP") => return Ok(Vec::new()),
            reply => reply?,
        };
        if reply.next_stream_id == "0-0" {
            search.next = Instant::now() + *claim_after / 2;
        }
        search.from = reply.next_stream_id;
        Ok(reply.claimed.into_iter().map(|entry| Entry::new(entry, true)).collect())
    }

    async fn read(&self, at_most: usize) -> RedisResult<Vec<Entry>> {
        let Consumer { group, name, .. } = &self.consumer;
        let mut read = cmd("XREADGROUP");
        read.arg("GROUP").arg(group).arg(name).arg("COUNT").arg(at_most).arg("BLOCK").arg(BLOCK.as_millis());
        read.arg("STREAMS").arg(&self.stream).arg(">");
        let run = self.waiting.run(async |mut connection| read.query_async::<StreamReadReply>(&mut connection).await);
        let entries = run.await?.keys.into_iter().flat_map(|stream| stream.ids);
        Ok(entries.map(|entry| Entry::new(entry, false)).collect())
    }

    /// Starts at `0`, so that what came before the first worker is not passed over.
    async fn create_group(&self) -> RedisResult<()> {
        let mut create = cmd("XGROUP");
        create.arg("CREATE").arg(&self.stream).arg(&self.consumer.group).arg("0").arg("MKSTREAM");
        let run = self.link.run(async |mut connection| create.exec_async(&mut connection).await);
        match run.await {
            Err(error) if error.code() == Some("BUSYGROUP") => Ok(()),
            created => created,
        }
    }

    /// Lets a next event of the group in, if only the group tells them apart: it may be news of
    /// something that happens while this one is worked on.
    pub async fn begin(&self, event: &GroupFull<'_>) -> RedisResult<()> {
        if event.event_time_millis().is_some() {
            return Ok(());
        }
        let mark = mark(&self.stream, event);
        self.link.run(async |mut connection| cmd("DEL").arg(mark).exec_async(&mut connection).await).await
    }

    /// Acknowledges an entry and deletes it, so that the stream holds only what is not done.
    pub async fn finish(&self, entry_id: &str) -> RedisResult<()> {
        let mut finish = pipe();
        finish.atomic();
        finish.cmd("XACK").arg(&self.stream).arg(&self.consumer.group).arg(entry_id);
        finish.cmd("XDEL").arg(&self.stream).arg(entry_id);
        self.link.run(async |mut connection| finish.exec_async(&mut connection).await).await
    }
}

impl Entry {
    fn new(entry: StreamId, claimed: bool) -> Self {
        let event = match entry.get::<Vec<u8>>("event") {
            Some(json) => serde_json::from_slice(&json).map_err(|error| error.to_string()),
            None => Err("no field `event`".to_owned()),
        };
        Self { id: entry.id, event, claimed }
    }
}
