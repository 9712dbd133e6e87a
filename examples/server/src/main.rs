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
use example_support::log;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Notify, watch};
use tokio::time::timeout;

use crate::lines::Lines;
use crate::options::{Cli, Command, Run};
use crate::receive::Receiver;
use crate::serve::STOPPED_WITHIN;
use crate::work::Worker;

/// For work that is at an end soon. What is not is done again, after its lease.
const FINISHED_WITHIN: Duration = Duration::from_secs(20);

#[tokio::main]
async fn main() -> ExitCode {
    let Cli { command, run: options } = Cli::parse();
    let result = match command {
        None => run(&options).await,
        Some(Command::Rooms { table, command }) => match table.open().await {
            Ok(rooms) => operate::rooms(&rooms, command).await,
            Err(error) => Err(error),
        },
        Some(Command::Removals { table, group }) => match table.open().await {
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

async fn run(options: &Run) -> Result<(), String> {
    let app = options.table.sdk_app_id;
    let validator = options.receive.tokens.validator(app)?;
    let making_room = options.work.making_room(app)?;
    let rooms = options.table.open().await?;
    let listener = options.receive.listen(app)?;
    // Until the end: the last lines are written when the guard goes.
    let (_guard, dropped) = log::init(options.log);
    if let Some(address) = options.metrics {
        metrics::install(address).map_err(|error| format!("metrics on {address}: {error}"))?;
    }
    tokio::spawn(metrics::observe(rooms.clone(), dropped));

    let (stored, lines) = (Arc::new(Notify::new()), Arc::new(Lines::default()));
    let (stop, stopping) = watch::channel(false);
    let worker = Arc::new(Worker {
        rooms: rooms.clone(),
        making_room,
        at_once: options.work.at_once.into(),
        lease: Duration::from_secs(options.work.lease.into()),
        attempts: options.work.attempts,
        retry_after: Duration::from_secs(options.work.retry_after.into()),
        pretend: options.work.pretend.map(Duration::from_millis),
        stopping,
    });
    let working = tokio::spawn(worker.work(Arc::clone(&stored)));
    let (receiver, waiting) = Receiver::new(validator, Arc::clone(&lines));
    let storing = tokio::spawn(receive::store(waiting, rooms, options.receive.max_rooms, stored));
    let handle = Handle::new();
    let stopper = handle.clone();
    tokio::spawn(async move {
        interrupted().await;
        tracing::info!("stopping");
        stopper.graceful_shutdown(Some(STOPPED_WITHIN));
    });
    serve::serve(listener, receiver, lines, handle).await.map_err(|error| error.to_string())?;
    // Nothing more arrives. What was answered `OK` is in the table.
    let _ = timeout(STOPPED_WITHIN, storing).await;
    let _ = stop.send(true);
    if timeout(FINISHED_WITHIN, working).await.is_err() {
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
