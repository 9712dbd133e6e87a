use std::sync::Arc;
use std::time::Duration;

use im_group_full::GroupFull;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::flags::say;
use crate::link::PAUSE;
use crate::take::{Entry, Search, Taker};

/// Takes entries and works on them until it is told to stop, and then finishes what it took.
pub async fn run(taker: Taker, at_once: usize, pretend: Duration, stop: watch::Receiver<bool>) {
    let taker = Arc::new(taker);
    let mut search = Search::default();
    // A task that panics has been printed, and its entry stays for another try.
    let mut tasks = JoinSet::new();
    while !*stop.borrow() {
        while tasks.try_join_next().is_some() {}
        if tasks.len() == at_once {
            tasks.join_next().await;
        }
        match taker.take(&mut search, at_once - tasks.len()).await {
            Ok(entries) => {
                for entry in entries {
                    tasks.spawn(work_on(Arc::clone(&taker), entry, pretend, stop.clone()));
                }
            }
            Err(error) => {
                if error.code().is_some() {
                    eprintln!("cannot take entries, trying again: {error}");
                }
                sleep(PAUSE).await;
            }
        }
    }
    while tasks.join_next().await.is_some() {}
}

/// Works on one entry. What goes wrong leaves it in the stream, and after the claim time somebody
/// tries again.
async fn work_on(taker: Arc<Taker>, entry: Entry, pretend: Duration, stop: watch::Receiver<bool>) {
    let start = Instant::now();
    let id = entry.id;
    let event = match entry.event {
        Ok(event) => event,
        Err(error) => return eprintln!("entry {id} is no event, and is left where it is: {error}"),
    };
    if let Err(error) = taker.begin(&event).await {
        return eprintln!("entry {id} is left for another try: {error}");
    }
    make_room(&event, pretend).await;
    let again = if entry.claimed { ", which another worker had not finished" } else { "" };
    let millis = start.elapsed().as_millis();
    say(format_args!("worked on {:?} for {millis} ms: entry {id}{again}", event.id()));

    while let Err(error) = taker.finish(&id).await {
        if *stop.borrow() {
            return eprintln!("entry {id} is done but not acknowledged, so it will be done again: {error}");
        }
        sleep(PAUSE).await;
    }
}

/// The app's own work goes here; it can happen twice, so it must be safe to repeat.
async fn make_room(_event: &GroupFull<'_>, pretend: Duration) {
    sleep(pretend).await;
}
