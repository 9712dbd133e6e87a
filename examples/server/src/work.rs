//! Takes groups from the table and works on them.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use example_support::say;
use im_group_full::GroupFull;
use metrics::counter;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::Failed;
use crate::database::Error;
use crate::hook;
use crate::make_room::MakingRoom;
use crate::options;
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
    pub(crate) options: options::Work,
    /// Without it, the hook does the work.
    pub(crate) making_room: Option<MakingRoom>,
    /// Set once the process is told to stop.
    pub(crate) stopping: watch::Receiver<bool>,
}

impl Worker {
    /// Works until the process is told to stop, and then ends what it is at.
    pub(crate) async fn work(self: Arc<Self>, stored: Arc<Notify>) {
        let (mut tasks, mut stopping) = (JoinSet::new(), self.stopping.clone());
        let at_once = usize::from(self.options.at_once);
        let mut swept = None;
        while !*stopping.borrow() {
            let ended = if tasks.len() == at_once { tasks.join_next().await } else { tasks.try_join_next() };
            if let Some(ended) = ended {
                report_panic(&ended);
                continue;
            }
            if swept.is_none_or(|swept: Instant| swept.elapsed() >= SWEEP_EVERY) {
                swept = Some(Instant::now());
                let _ = self.rooms.sweep().await;
            }
            let taken = self.rooms.take(at_once - tasks.len(), self.options.lease()).await;
            let taken = taken.inspect_err(|error| tracing::error!("cannot take work: {error}")).unwrap_or_default();
            if taken.is_empty() {
                tokio::select! {
                    () = sleep(LOOK_EVERY) => (),
                    () = stored.notified() => (),
                    _ = stopping.changed() => (),
                }
            }
            for taken in taken {
                let worker = Arc::clone(&self);
                tasks.spawn(async move { worker.one(&taken).await });
            }
        }
        while let Some(ended) = tasks.join_next().await {
            report_panic(&ended);
        }
    }

    async fn one(&self, taken: &Taken) {
        let Taken { group, topic, .. } = taken;
        let result = tokio::select! {
            result = self.work_on(taken) => result,
            error = self.keep(taken) => Err(error),
        };
        // Without the lease there is nothing to write. Without the database the lease ends by itself.
        let name = result.as_ref().map_or("lost", End::name);
        counter!("rooms_work_total", "end" => name).increment(1);
        match result {
            Ok(End::Dead(why)) => tracing::error!(group, topic, "dead: {why}"),
            Ok(End::Retry(after, why)) => tracing::warn!(group, topic, ?after, "to be tried again: {why}"),
            Ok(End::Rest(why)) => tracing::info!(group, topic, "no more can be done for now: {why}"),
            Ok(End::Done | End::Planned | End::Released) => tracing::info!(group, topic, "{name}"),
            Err(error) => tracing::error!(group, topic, "gave up the work: {error}"),
        }
    }

    /// Works on a group, and writes how it ended.
    async fn work_on(&self, taken: &Taken) -> Result<End, Error> {
        let event = serde_json::from_str::<GroupFull>(&taken.event);
        let run = taken.run.clone();
        let (end, run) = match (event, &self.making_room) {
            (Err(error), _) => (End::Dead(format!("the event cannot be read: {error}")), run),
            (Ok(_), _) if taken.attempts > i64::from(self.options.attempts) => {
                let attempts = self.options.attempts;
                (End::Dead(format!("{attempts} attempts ended with their process, or in a panic")), run)
            }
            (Ok(event), None) => match self.hook(&event).await {
                Ok(()) => (End::Done, run),
                Err(error) => (self.again(taken, Duration::ZERO, error.to_string()), run),
            },
            (Ok(event), Some(making_room)) => match making_room.run(&self.options.room, taken, &event) {
                Ok(run) => return making_room.work_on(self, taken, run).await,
                Err(error) => (End::Dead(error.to_string()), None),
            },
        };
        self.rooms.end(taken, &end, run, None).await.map(|()| end)
    }

    async fn hook(&self, event: &GroupFull<'_>) -> Result<(), Failed> {
        let Some(time) = self.options.pretend else { return hook::group_full(event).await };
        let say_when = |mark: &str| {
            let nanos = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default().as_nanos();
            say(format_args!("{mark} {nanos} {}", event.group_id()));
        };
        say_when("begin");
        sleep(Duration::from_millis(time)).await;
        say_when("end");
        Ok(())
    }

    /// Another attempt, not before this time, unless this was the last one.
    pub(crate) fn again(&self, taken: &Taken, after: Duration, why: String) -> End {
        if taken.attempts >= i64::from(self.options.attempts) {
            return End::Dead(format!("failed {} times: {why}", taken.attempts));
        }
        let doubled = u32::try_from(taken.attempts - 1).unwrap_or_default().min(16);
        End::Retry(
            (Duration::from_secs(self.options.retry_after.into()) * 2_u32.pow(doubled)).min(RETRY_AT_MOST).max(after),
            why,
        )
    }

    /// Keeps the lease, until it is lost.
    async fn keep(&self, taken: &Taken) -> Error {
        let began = Instant::now();
        let (mut kept, mut named) = (began, began);
        loop {
            sleep(self.options.lease() / 3).await;
            let asked = Instant::now();
            match self.rooms.keep(taken, self.options.lease()).await {
                Ok(()) => kept = asked,
                // Known by the time that has passed here, too: the database may be away for longer.
                Err(Error::Unavailable(_)) if kept.elapsed() < self.options.lease() => (),
                Err(error) => return error,
            }
            if named.elapsed() >= LONG {
                named = Instant::now();
                tracing::warn!(group = taken.group, "still at work after {} minutes", began.elapsed().as_secs() / 60);
            }
        }
    }
}

fn report_panic(task: &Result<(), tokio::task::JoinError>) {
    if let Err(error) = task {
        tracing::error!("the work panicked, and is tried again when its lease is over: {error}");
    }
}
