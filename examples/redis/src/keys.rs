//! The keys in Redis. All hold the stream's name as their hash tag, so that a Cluster keeps them on one node.

use im_group_full::GroupFull;
use sha2::{Digest, Sha256};

#[derive(Debug, Clone)]
pub struct Keys {
    pub stream: String,
    pub dead: String,
}

impl Keys {
    /// The name must not hold braces, which would make another tag.
    pub fn new(stream: &str) -> Result<Self, String> {
        if stream.is_empty() || stream.contains(['{', '}']) {
            return Err(format!("--stream: expected a name without braces, found {stream:?}"));
        }
        Ok(Self { stream: stream.to_owned(), dead: format!("{{{stream}}}:dead") })
    }

    /// The key that says that an event is known. A hash, because a `GroupId` can be as long as a body.
    pub fn mark(&self, event: &GroupFull<'_>) -> String {
        self.hashed("mark", &event.id())
    }

    /// For an entry that cannot be read: a key that nothing writes.
    pub fn no_mark(&self) -> String {
        format!("{{{}}}:mark", self.stream)
    }

    /// Held by the one worker that makes room in the event's group.
    pub fn lease(&self, event: &GroupFull<'_>) -> String {
        self.hashed("lease", &group(event))
    }

    /// Where the worker saves how far it is.
    pub fn run(&self, event: &GroupFull<'_>) -> String {
        self.hashed("run", &group(event))
    }

    fn hashed(&self, kind: &str, name: &str) -> String {
        format!("{{{}}}:{kind}:{}", self.stream, hex::encode(Sha256::digest(name)))
    }
}

fn group(event: &GroupFull<'_>) -> String {
    format!("{}:{}", event.sdk_app_id(), event.group_id())
}
