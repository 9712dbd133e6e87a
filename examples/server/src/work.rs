//! Takes groups from the table and works on them.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use example_support::say;
use im_group_full::GroupFull;
use tokio::sync::{Notify, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::database::Error;
use crate::hook;
use crate::make_room::MakingRoom;
use crate::metrics::ended;
use crate::rooms::{End, Rooms, Taken};

/// How often the table is asked when nobody says that there is something.
const LOOK_EVERY: Duration = Duration::from_millis(500);
const SWEEP_EVERY: Duration = Duration::from_secs(60);
/// The longest time between two attempts.
const RETRY_AT_MOST: Duration = Duration::from_secs(10 * 60);
/// Work that takes longer is named in the log, again and again.
const LONG: Duration = Duration::from_secs(10 * 60);

pub(crate) struct Worker {
    pub(crate) rooms: Rooms,
    /// Without it, the hook does the work.
    pub(crate) making_room: Option<MakingRoom>,
    /// Groups at once.
    pub(crate) at_once: usize,
    pub(crate) lease: Duration,
    pub(crate) attempts: u32,
    /// The time before the second attempt; it doubles with each one.
    pub(crate) retry_after: Duration,
    /// Pretends to work for this long, and says so.
    pub(crate) pretend: Option<Duration>,
    /// Set once the process is told to stop.
    pub(crate) stopping: watch::Receiver<bool>,
}

impl Worker {
    /// Works until the process is told to stop, and then ends what it is at.
    pub(crate) async fn work(self: Arc<Self>, stored: Arc<Notify>) {
        let slots = Arc::new(Semaphore::new(self.at_once));
        let (mut tasks, mut stopping) = (JoinSet::new(), self.stopping.clone());
        let mut swept = None;
        while !*stopping.borrow() {
            while let Some(task) = tasks.try_join_next() {
                report_panic(&task);
            }
            if swept.is_none_or(|swept: Instant| swept.elapsed() >= SWEEP_EVERY) {
                swept = Some(Instant::now());
                let _ = self.rooms.sweep().await;
            }
            // Only this loop takes slots, so those that are free now stay free.
            drop(slots.acquire().await);
            let taken = self.rooms.take(slots.available_permits(), self.lease).await;
            let taken = taken.inspect_err(|error| tracing::error!("cannot take work: {error}")).unwrap_or_default();
            if taken.is_empty() {
                tokio::select! {
                    () = sleep(LOOK_EVERY) => (),
                    () = stored.notified() => (),
                    _ = stopping.changed() => (),
                }
            }
            for taken in taken {
                let slot = Arc::clone(&slots).acquire_owned().await;
                let worker = Arc::clone(&self);
                tasks.spawn(async move {
                    worker.one(&taken).await;
                    drop(slot);
                });
            }
        }
        while let Some(task) = tasks.join_next().await {
            report_panic(&task);
        }
    }

    async fn one(&self, taken: &Taken) {
        let (group, topic) = &taken.key;
        let result = tokio::select! {
            result = self.work_on(taken) => result,
            error = self.keep(taken) => Err(error),
        };
        // Without the lease there is nothing to write. Without the database the lease ends by itself.
        match result {
            Ok(end) => {
                let name = end.name();
                ended(name);
                match &end {
                    End::Dead(why) => tracing::error!(group, topic, "dead: {why}"),
                    End::Retry(after, why) => tracing::warn!(group, topic, ?after, "to be tried again: {why}"),
                    End::Rest(why) => tracing::info!(group, topic, "no more can be done for now: {why}"),
                    End::Done | End::Planned | End::Released => tracing::info!(group, topic, "{name}"),
                }
            }
            Err(error) => {
                ended("lost");
                tracing::error!(group, topic, "gave up the work: {error}");
            }
        }
    }

    /// Works on a group, and writes how it ended.
    async fn work_on(&self, taken: &Taken) -> Result<End, Error> {
        let event = serde_json::from_str::<GroupFull>(&taken.event);
        let event = match event {
            Ok(event) if taken.attempts <= i64::from(self.attempts) => event,
            Ok(_) => {
                let why = format!("{} attempts ended with their process, or in a panic", self.attempts);
                return self.end(taken, End::Dead(why)).await;
            }
            Err(error) => return self.end(taken, End::Dead(format!("the event cannot be read: {error}"))).await,
        };
        if let Some(making_room) = &self.making_room {
            return making_room.work_on(self, taken, &event).await;
        }
        if let Some(time) = self.pretend {
            let nanos = || SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default().as_nanos();
            say(format_args!("begin {} {}", nanos(), event.group_id()));
            sleep(time).await;
            say(format_args!("end {} {}", nanos(), event.group_id()));
            return self.end(taken, End::Done).await;
        }
        let end = match hook::group_full(&event).await {
            Ok(()) => End::Done,
            Err(error) => self.again(taken, Duration::ZERO, error.to_string()),
        };
        self.end(taken, end).await
    }

    async fn end(&self, taken: &Taken, end: End) -> Result<End, Error> {
        self.rooms.end(taken, &end, taken.run.clone(), None).await.map(|()| end)
    }

    /// Another attempt, not before this time, unless this was the last one.
    pub(crate) fn again(&self, taken: &Taken, after: Duration, why: String) -> End {
        if taken.attempts >= i64::from(self.attempts) {
            return End::Dead(format!("failed {} times: {why}", taken.attempts));
        }
        let doubled = u32::try_from(taken.attempts - 1).unwrap_or_default().min(16);
        End::Retry((self.retry_after * 2_u32.pow(doubled)).min(RETRY_AT_MOST).max(after), why)
    }

    /// Keeps the lease, until it is lost.
    async fn keep(&self, taken: &Taken) -> Error {
        let began = Instant::now();
        let (mut kept, mut named) = (began, began);
        loop {
            sleep(self.lease / 3).await;
            let asked = Instant::now();
            match self.rooms.keep(taken, self.lease).await {
                Ok(()) => kept = asked,
                // Known by the time that has passed here, too: the database may be away for longer.
                Err(Error::Unavailable(_)) if kept.elapsed() < self.lease => (),
                Err(error) => return error,
            }
            if named.elapsed() >= LONG {
                named = Instant::now();
                tracing::warn!(group = taken.key.0, "still at work after {} minutes", began.elapsed().as_secs() / 60);
            }
        }
    }
}

fn report_panic(task: &Result<(), tokio::task::JoinError>) {
    if let Err(error) = task {
        tracing::error!("the work panicked, and is tried again when its lease is over: {error}");
    }
}
