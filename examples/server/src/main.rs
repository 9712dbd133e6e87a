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

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use axum_server::Handle;
use clap::Parser;
use example_support::{log, say};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Notify, watch};
use tokio::time::timeout;

use crate::lines::Lines;
use crate::options::{Cli, Command, Process, Receive, Work};
use crate::receive::Receiver;
use crate::serve::STOPPED_WITHIN;

/// For work that is at an end soon. What is not is done again, after its lease.
const FINISHED_WITHIN: Duration = Duration::from_secs(20);

#[tokio::main]
async fn main() -> ExitCode {
    let Cli { command, run: all } = Cli::parse();
    let result = match command {
        None => run(&all.process, Some(&all.receive), Some(&all.work)).await,
        Some(Command::Receive { process, receive }) => run(&process, Some(&receive), None).await,
        Some(Command::Work { process, work }) => run(&process, None, Some(&work)).await,
        Some(Command::Rooms { table, command }) => match table.open(false).await {
            Ok(rooms) => operate::rooms(&rooms, command).await,
            Err(error) => Err(error),
        },
        Some(Command::Removals { table, group }) => match table.open(false).await {
            Ok(rooms) => operate::removals(&rooms, &group).await,
            Err(error) => Err(error),
        },
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("server: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(process: &Process, receive: Option<&Receive>, work: Option<&Work>) -> Result<(), String> {
    let app = process.table.sdk_app_id;
    // All that can be wrong is found before anything begins.
    let validator = receive.map(|receive| receive.tokens.validator(app)).transpose()?;
    let making_room = work.map(|work| work.making_room(app)).transpose()?.flatten();
    let rooms = process.table.open(true).await?;
    // Until the end: the last lines are written when the guard goes.
    let (_guard, dropped) = log::init(process.log);
    if let Some(address) = process.metrics {
        metrics::install(address).map_err(|error| format!("metrics on {address}: {error}"))?;
        tokio::spawn(metrics::observe(rooms.clone(), dropped));
    }
    let listener = receive.map(|receive| receive.listen(app)).transpose()?;

    let stored = Arc::new(Notify::new());
    let (stop, stopping) = watch::channel(false);
    let working = work.map(|work| {
        say(format_args!("working for SDKAppID {app}: {}", work.describe()));
        let worker = work.worker(rooms.clone(), making_room, stopping);
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
        serve::serve(listener, receiver, lines, handle).await.map_err(|error| error.to_string())?;
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
    let terminated = async {
        match signal(SignalKind::terminate()) {
            Ok(mut terminate) => drop(terminate.recv().await),
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => (),
        () = terminated => (),
    }
}
