//! A callback server on axum as one runs it: it answers at once, works afterwards, and says how it does.
//! `cargo run -p example-server -- --help` explains the flags.

mod metrics;
mod queue;
mod rooms;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use axum::routing::post;
use axum::{Router, middleware};
use clap::Parser;
use example_support::connections::Connections;
use example_support::flags::{Flags, PATH};
use example_support::log::{self, LevelFilter};
use example_support::serve::{interrupted, plain, serve};
use im_group_full::http::StatusCode;
use im_group_full::{CALLBACK_TIMEOUT, GroupFullService, Immediate};
use tower_http::timeout::TimeoutLayer;

use crate::rooms::Rooms;

/// Receives Group.CallbackAfterGroupFull over HTTP, answers at once, and does the work afterwards
#[derive(Parser)]
struct Options {
    #[command(flatten)]
    flags: Flags,
    /// How many events may wait for the worker; any more are answered FAIL and lost
    #[arg(long, value_name = "EVENTS", default_value = "1000")]
    max_waiting: usize,
    /// How many connections may be open
    #[arg(long, value_name = "CONNECTIONS", default_value = "128")]
    max_connections: usize,
    /// Address that serves metrics for Prometheus; keep it off the internet
    #[arg(long, value_name = "ADDRESS")]
    metrics: Option<std::net::SocketAddr>,
    /// What is logged at most: off, error, warn, info (with a line for each event) or debug
    #[arg(long, value_name = "LEVEL", default_value = "info")]
    log: LevelFilter,
    /// How long the work takes in this example
    #[arg(long, value_name = "MILLISECONDS", default_value = "0")]
    pretend: u64,
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("server: {error}");
            ExitCode::FAILURE
        }
    }
}

#[tokio::main]
async fn run(options: &Options) -> Result<(), Box<dyn std::error::Error>> {
    let rooms = Arc::new(Rooms::new(options.flags.validator()?, options.max_waiting));
    let listener = options.flags.listen()?;
    // Until the end of `main`: the last lines are written when the guard goes.
    let (_guard, dropped) = log::init(options.log);
    if let Some(address) = options.metrics {
        metrics::install(address)?;
    }
    tokio::spawn(metrics::observe(Arc::clone(&rooms), dropped));
    let worker = tokio::spawn(Arc::clone(&rooms).work(Duration::from_millis(options.pretend)));

    let service = GroupFullService::new(Immediate(Arc::clone(&rooms))).other(post(rooms::other_command));
    let app = Router::new()
        .route_service(PATH, service)
        // A client that sends slower than that is not the vendor, or is not waiting any more.
        .layer(TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, CALLBACK_TIMEOUT))
        .layer(middleware::from_fn(metrics::time));
    serve(listener, Connections::new(options.max_connections), plain, app, interrupted()).await?;

    rooms.queue.close();
    tracing::info!("finishing what was accepted; Ctrl-C again gives it up");
    tokio::select! {
        biased;
        () = interrupted() => tracing::warn!("gave up {} that waited", rooms.queue.len()),
        _ = worker => (),
    }
    tracing::info!("stopped: {rooms}");
    Ok(())
}
