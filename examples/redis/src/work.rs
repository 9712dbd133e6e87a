use std::sync::Arc;
use std::time::Duration;

use im_group_full::GroupFull;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::hook::{Error, Hook, Job, Outcome};
use crate::link::{LONG_PAUSE, PAUSE};
use crate::metrics::METRICS;
use crate::stopped;
use crate::take::{Entry, Taker};
use crate::tell::{News, tell};

/// How often consumers that are gone are looked for.
const TIDY_EVERY: Duration = Duration::from_secs(60 * 60);

pub struct Worker {
    pub taker: Taker,
    pub hook: Hook,
    pub at_once: u16,
    /// How long a consumer without entries may be silent.
    pub forget_after: Duration,
}

/// Takes entries and works on them until it is told to stop, and then finishes what it took.
pub async fn run(worker: Worker, stop: watch::Receiver<bool>) {
    let at_once = usize::from(worker.at_once);
    let (worker, slots) = (Arc::new(worker), Arc::new(Semaphore::new(at_once)));
    let mut tasks = JoinSet::new();
    let tidy = tokio::spawn(tidy(Arc::clone(&worker)));
    while !*stop.borrow() {
        while tasks.try_join_next().is_some() {}
        // Work that is done frees its slot before Redis has been told; so there may be more tasks than slots.
        if tasks.len() >= 8 * at_once {
            tasks.join_next().await;
            continue;
        }
        let mut permits = tokio::select! {
            permit = Arc::clone(&slots).acquire_owned() => permit.into_iter().collect::<Vec<_>>(),
            () = stopped(stop.clone()) => break,
        };
        permits.extend(std::iter::from_fn(|| Arc::clone(&slots).try_acquire_owned().ok()));
        match worker.taker.take(permits.len()).await {
            Ok(entries) => {
                for (entry, permit) in entries.into_iter().zip(permits) {
                    tasks.spawn(work_on(Arc::clone(&worker), entry, permit, stop.clone()));
                }
            }
            Err(error) => {
                if error.code().is_some() {
                    tracing::warn!("cannot take entries, trying again: {error}");
                    sleep(LONG_PAUSE).await;
                }
                sleep(PAUSE).await;
            }
        }
    }
    tidy.abort();
    while tasks.join_next().await.is_some() {}
    // A consumer that stays behind is removed by another worker, later.
    let _ = worker.taker.leave().await;
}

async fn tidy(worker: Arc<Worker>) {
    let every = TIDY_EVERY.min(worker.forget_after);
    loop {
        match worker.taker.tidy(worker.forget_after).await {
            Ok(0) => (),
            Ok(removed) => tracing::info!("removed {removed} consumers that were gone"),
            Err(error) if error.to_string().contains("NOGROUP") || error.to_string().contains("no such key") => (),
            Err(error) => tracing::warn!("cannot look for consumers that are gone: {error}"),
        }
        sleep(every).await;
    }
}

/// What came of one try.
enum Try {
    Done,
    Busy,
    Failed(String),
    /// Another worker has the entry.
    Lost,
}

async fn work_on(worker: Arc<Worker>, entry: Entry, permit: OwnedSemaphorePermit, stop: watch::Receiver<bool>) {
    let start = Instant::now();
    let max = worker.taker.consumer.max_deliveries;
    let came_of_it = if entry.delivery > max {
        Try::Failed(format!("not finished after {max} deliveries"))
    } else {
        try_once(&worker, &entry).await
    };
    drop(permit);
    let Entry { id, delivery, .. } = &entry;
    let outcome = match &came_of_it {
        Try::Done => "done",
        Try::Busy => "busy",
        Try::Failed(_) => "failed",
        Try::Lost => "lost",
    };
    METRICS.worked.get_or_create(&[("outcome", outcome)]).inc();
    let news = match came_of_it {
        Try::Done => {
            METRICS.work_seconds.observe(start.elapsed().as_secs_f64());
            let (event, millis) = (entry.event.as_ref().map(GroupFull::id), start.elapsed().as_millis());
            let again = if *delivery > 1 { format!(", delivery {delivery}") } else { String::new() };
            tracing::info!("worked on {:?} for {millis} ms: entry {id}{again}", event.unwrap_or_default());
            News::Finished
        }
        Try::Busy => News::Busy,
        Try::Failed(reason) if *delivery >= max => {
            tracing::error!("entry {id} goes to the dead: {reason}");
            METRICS.buried.inc();
            News::Dead(reason)
        }
        Try::Failed(reason) => {
            let next = worker.taker.consumer.pause_after(*delivery).as_secs();
            tracing::warn!("entry {id} failed, try {delivery} of {max}, again in {next} s: {reason}");
            return;
        }
        Try::Lost => {
            tracing::warn!("entry {id} was taken over by another worker");
            return;
        }
    };
    let told = tell(&worker.taker, &entry, &news, stop).await;
    if let Err(error) = told {
        tracing::error!("entry {id} ({outcome}) will come again, because Redis could not be told: {error}");
    }
}

async fn try_once(worker: &Arc<Worker>, entry: &Entry) -> Try {
    let event = match &entry.event {
        Ok(event) => event.clone(),
        Err(error) => return Try::Failed(error.clone()),
    };
    if let Err(error) = worker.taker.begin(&entry.id, &event).await {
        return Try::Failed(error.to_string());
    }
    let job = Job { event, entry: entry.id.clone(), delivery: entry.delivery };
    // A task of its own, because a panic is a failure like any other. It ends when the set is dropped.
    let mut task = JoinSet::new();
    let for_task = Arc::clone(worker);
    task.spawn(async move { for_task.hook.run(&job).await });
    tokio::select! {
        Some(result) = task.join_next() => match result {
            Ok(result) => Try::from(result),
            Err(error) => Try::Failed(panicked(error)),
        },
        () = keep(&worker.taker, entry) => Try::Lost,
    }
}

/// Keeps the entry from being claimed; returns when that failed.
async fn keep(taker: &Taker, entry: &Entry) {
    let claim_after = taker.consumer.claim_after;
    let mut kept = Instant::now();
    loop {
        sleep(claim_after / 3).await;
        let asked = Instant::now();
        match taker.keep(entry).await {
            Ok(true) => kept = asked,
            // Nobody can claim it before that time.
            Err(_) if kept.elapsed() < claim_after => (),
            Ok(false) | Err(_) => return,
        }
    }
}

fn panicked(error: tokio::task::JoinError) -> String {
    match error.try_into_panic() {
        Ok(panic) => {
            let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
            let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
            format!("panicked: {}", text.unwrap_or_default())
        }
        Err(error) => error.to_string(),
    }
}

impl From<Result<Outcome, Error>> for Try {
    fn from(result: Result<Outcome, Error>) -> Self {
        match result {
            Ok(Outcome::Done) => Self::Done,
            Ok(Outcome::Busy) => Self::Busy,
            Err(error) => Self::Failed(error.to_string()),
        }
    }
}
