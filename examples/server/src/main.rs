//! The production server: one row for each full group, in a table that outlives the process.
//! README.md is for those who run it; `src/hook.rs` is where your own work goes.

mod database;
mod hook;
mod lines;
mod make_room;
mod metrics;
mod operate;
mod options;
mod receive;
mod rooms;
mod serve;
mod work;

use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use axum_server::Handle;
use clap::Parser;
use example_support::{log, say};
use tokio::signal::ctrl_c;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Notify, watch};
use tokio::time::timeout;

use crate::lines::Lines;
use crate::options::{Cli, Command, Process, Receive};
use crate::receive::Receiver;
use crate::serve::STOPPED_WITHIN;
use crate::work::Worker;

type Failed = Box<dyn Error + Send + Sync>;

/// For work that is at an end soon. What is not is done again, after its lease.
const FINISHED_WITHIN: Duration = Duration::from_secs(20);

#[tokio::main]
async fn main() -> ExitCode {
    match run(Cli::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("server: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(Cli { command, process, receive, work }: Cli) -> Result<(), Failed> {
    match command {
        None => serve(process, Some(receive), Some(work)).await,
        Some(Command::Receive { process, receive }) => serve(process, Some(receive), None).await,
        Some(Command::Work { process, work }) => serve(process, None, Some(work)).await,
        Some(Command::Rooms { table, command }) => operate::rooms(&table.open(false).await?, command).await,
        Some(Command::Removals { table, group }) => operate::removals(&table.open(false).await?, &group).await,
    }
}

async fn serve(process: Process, receive: Option<Receive>, work: Option<options::Work>) -> Result<(), Failed> {
    let app = process.table.sdk_app_id;
    // All that can be wrong is found before anything begins.
    let validator = receive.as_ref().map(|receive| receive.tokens.validator(app)).transpose()?;
    let making_room = work.as_ref().map(|work| work.making_room(app)).transpose()?.flatten();
    let rooms = process.table.open(true).await?;
    // Until the end: the last lines are written when the guard goes.
    let (_guard, dropped) = log::init(process.log);
    if let Some(address) = process.metrics {
        metrics::install(address).map_err(|error| format!("metrics on {address}: {error}"))?;
        tokio::spawn(metrics::observe(rooms.clone(), dropped));
    }
    let listener = receive.as_ref().map(|receive| receive.listen(app)).transpose()?;

    let stored = Arc::new(Notify::new());
    let (stop, stopping) = watch::channel(false);
    let working = work.map(|options| {
        say(format_args!("working for SDKAppID {app}: {}", options.describe()));
        let worker = Worker { rooms: rooms.clone(), options, making_room, stopping };
        tokio::spawn(Arc::new(worker).work(Arc::clone(&stored)))
    });
    if let (Some(receive), Some(validator), Some(listener)) = (receive, validator, listener) {
        let lines = Arc::new(Lines::default());
        let (receiver, waiting) = Receiver::new(validator, Arc::clone(&lines));
        let storing = tokio::spawn(receive::store(waiting, rooms, receive.max_rooms, stored));
        let handle = Handle::new();
        let stopper = handle.clone();
        tokio::spawn(async move {
            interrupted().await;
            stopper.graceful_shutdown(Some(STOPPED_WITHIN));
        });
        serve::serve(listener, receiver, lines, handle).await?;
        // Nothing more arrives. What was answered `OK` is in the table.
        let _ = timeout(STOPPED_WITHIN, storing).await;
    } else {
        interrupted().await;
    }
    tracing::info!("stopping");
    let _ = stop.send(true);
    if let Some(working) = working
        && timeout(FINISHED_WITHIN, working).await.is_err()
    {
        tracing::warn!("some work did not end in time; it is done again when its lease is over");
    }
    tracing::info!("stopped");
    Ok(())
}

/// Waits for Ctrl-C, or for what a service manager sends.
async fn interrupted() {
    let mut terminate = signal(SignalKind::terminate()).expect("a signal that can be handled");
    tokio::select! {
        _ = ctrl_c() => (),
        _ = terminate.recv() => (),
    }
}
