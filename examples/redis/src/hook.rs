//! What is done about a full group.

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use im_group_full::GroupFull;
use tokio::time::sleep;

use crate::room::Rooms;

pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// **Your own work goes here.** It can happen twice, so it must be safe to repeat.
///
/// It may take as long as it wants: the entry is kept meanwhile. If another worker takes it over nevertheless
/// (this one was frozen, or away from Redis), this future is dropped.
///
/// # Errors
///
/// After an error it is tried again, later and later, and after `--max-deliveries` tries the event is moved to
/// the dead, with this error as the reason.
#[expect(clippy::unused_async, reason = "yours will wait for something")]
pub async fn group_full(event: &GroupFull<'_>) -> Result<(), Error> {
    let _ = event.group_id();
    Err("nothing to do: fill in src/hook.rs, or give --make-room or --pretend".into())
}

/// An event, and which try it is.
pub struct Job {
    pub event: GroupFull<'static>,
    pub entry: String,
    pub delivery: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Done,
    /// Another worker is at work on the same group.
    Busy,
}

/// What the flags ask for.
pub enum Hook {
    Own,
    Pretend(Pretend),
    MakeRoom(Arc<Rooms>),
}

impl Hook {
    pub async fn run(&self, job: &Job) -> Result<Outcome, Error> {
        match self {
            Self::Own => group_full(&job.event).await.map(|()| Outcome::Done),
            Self::Pretend(pretend) => pretend.run(job).await.map(|()| Outcome::Done),
            Self::MakeRoom(rooms) => rooms.make_room(job).await,
        }
    }
}

/// Work that takes time and does nothing.
pub struct Pretend {
    pub time: Duration,
    /// Fails for groups that have this in their ID.
    pub failing: Option<String>,
    /// Gets a line for each event: what a log loses when the process is killed, this keeps.
    pub file: Option<PathBuf>,
}

impl Pretend {
    async fn run(&self, job: &Job) -> Result<(), Error> {
        let start = Instant::now();
        sleep(self.time).await;
        if let Some(text) = &self.failing
            && job.event.group_id().contains(text)
        {
            return Err("pretends to fail".into());
        }
        if let Some(path) = &self.file {
            let Job { event, entry, delivery } = job;
            let line = format!("{}\t{entry}\t{delivery}\t{}\n", event.id(), start.elapsed().as_millis());
            // In one call, which appends it as a whole.
            File::options().create(true).append(true).open(path)?.write_all(line.as_bytes())?;
        }
        Ok(())
    }
}
