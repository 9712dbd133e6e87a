//! Looks at the dead, and gives them another life.

use std::io::{self, Write};

use im_group_full::GroupFull;
use redis::streams::{StreamId, StreamRangeReply};
use redis::{RedisResult, Script, cmd};

use crate::keys::Keys;
use crate::link::Link;

/// How many entries to ask for at once.
const PAGE: u32 = 100;

pub struct Dead {
    pub link: Link,
    pub keys: Keys,
}

impl Dead {
    /// Prints each entry: its ID, how often it was delivered, why it is dead, and the event.
    pub async fn show(&self) -> Result<(), Box<dyn std::error::Error>> {
        let mut out = io::stdout().lock();
        let mut from = "-".to_owned();
        while let Some(last) = self.page(&from).await?.into_iter().try_fold(None, |_, entry| {
            let text = |field| entry.get::<String>(field).unwrap_or_default();
            let (reason, event) = (text("reason"), text("event"));
            writeln!(out, "{} after {} deliveries, {reason:?}: {event}", entry.id, text("deliveries"))?;
            Ok::<_, io::Error>(Some(entry.id))
        })? {
            from = format!("({last}");
        }
        Ok(())
    }

    /// Moves these entries back to the stream, or all of them; returns how many.
    pub async fn replay(&self, ids: &[String]) -> RedisResult<usize> {
        let mut replayed = 0;
        if ids.is_empty() {
            let mut from = "-".to_owned();
            loop {
                let page = self.page(&from).await?;
                let Some(last) = page.last() else { return Ok(replayed) };
                from = format!("({}", last.id);
                for entry in &page {
                    replayed += usize::from(self.replay_one(entry).await?);
                }
            }
        }
        for id in ids {
            for entry in self.range(id, id).await? {
                replayed += usize::from(self.replay_one(&entry).await?);
            }
        }
        Ok(replayed)
    }

    async fn replay_one(&self, entry: &StreamId) -> RedisResult<bool> {
        let script = Script::new(include_str!("scripts/replay.lua"));
        let event = entry.get::<Vec<u8>>("event").and_then(|json| serde_json::from_slice(&json).ok());
        let mark = event.map_or_else(|| self.keys.no_mark(), |event: GroupFull<'_>| self.keys.mark(&event));
        let mut replay = script.key(&self.keys.dead);
        replay.key(&self.keys.stream).key(mark).arg(&entry.id);
        let id: Option<String> = self.link.script(&replay).await?;
        Ok(id.is_some())
    }

    async fn page(&self, from: &str) -> RedisResult<Vec<StreamId>> {
        self.range(from, "+").await
    }

    async fn range(&self, from: &str, to: &str) -> RedisResult<Vec<StreamId>> {
        let mut range = cmd("XRANGE");
        range.arg(&self.keys.dead).arg(from).arg(to).arg("COUNT").arg(PAGE);
        let run = self.link.run(async |mut connection| range.query_async(&mut connection).await);
        run.await.map(|reply: StreamRangeReply| reply.ids)
    }
}
