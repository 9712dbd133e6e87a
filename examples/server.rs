//! A callback server on axum that answers at once and works afterwards.
//! `cargo run --example server -- --help` explains the flags.

use std::net::TcpListener;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use axum::Router;
use clap::Parser;
use im_group_full::http::StatusCode;
use im_group_full::{
    CALLBACK_TIMEOUT, CheckedQuery, Failure, GroupFull, GroupFullHandler, GroupFullService, Immediate, Rejection,
    Validator,
};
use tower_http::timeout::TimeoutLayer;

use crate::flags::{Flags, PATH, log, say};
use crate::queue::Queue;

#[path = "support/flags.rs"]
mod flags;
#[path = "support/queue.rs"]
mod queue;

/// Receives Group.CallbackAfterGroupFull over HTTP, answers at once, and works afterwards
#[derive(Parser)]
struct Options {
    #[command(flatten)]
    flags: Flags,
    /// How many events may wait for the worker; one more is answered FAIL, and gone
    #[arg(long, value_name = "EVENTS", default_value = "1000")]
    max_waiting: usize,
    /// How long the work takes in this example
    #[arg(long, value_name = "MILLISECONDS", default_value = "0")]
    pretend: u64,
}

/// The app.
struct Rooms {
    validator: Validator,
    queue: Queue,
    pretend: Duration,
    accepted: AtomicU64,
    refused: AtomicU64,
    other_commands: AtomicU64,
}

impl GroupFullHandler for Rooms {
    fn validator(&self) -> &Validator {
        &self.validator
    }

    fn on_group_full(&self, event: &GroupFull<'_>) -> Result<(), Failure> {
        self.queue.push(event)?;
        self.accepted.fetch_add(1, Relaxed);
        let group = event.group_id();
        let client = event.query().client_ip().unwrap_or("-");
        let platform = event.opt_platform().map_or("-", |platform| platform.as_str());
        match event.event_time_millis() {
            Some(millis) => log(format_args!("accepted {group:?} at {millis} ms, client {client:?}, {platform:?}")),
            None => log(format_args!("accepted {group:?}, client {client:?}, {platform:?}")),
        }
        Ok(())
    }

    fn on_failed(&self, event: &GroupFull<'_>, failure: &Failure) {
        self.refused.fetch_add(1, Relaxed);
        log(format_args!("lost {:?}: {failure:#}", event.group_id()));
    }

    fn on_other_command(&self, _query: &CheckedQuery<'_>) {
        // One URL serves every command that is switched on, and some come with every message: no line for each.
        self.other_commands.fetch_add(1, Relaxed);
    }

    fn on_rejected(&self, rejection: &Rejection) {
        self.refused.fetch_add(1, Relaxed);
        log(format_args!("refused {}: {rejection}", rejection.kind().as_str()));
    }
}

/// Takes what was accepted, one after the other, until the queue is closed and empty.
async fn work(rooms: Arc<Rooms>) {
    while let Some(event) = rooms.queue.next().await {
        // In a task of its own: a panic is printed, and costs this event and no other.
        let _ = tokio::spawn(make_room(event, rooms.pretend)).await;
    }
}

/// The app's own work goes here. An event can come again, so it must be safe to repeat.
async fn make_room(event: GroupFull<'static>, pretend: Duration) {
    // A timer never takes less than a millisecond, and a busy server has more than a thousand events a second.
    if !pretend.is_zero() {
        tokio::time::sleep(pretend).await;
    }
    log(format_args!("worked on {:?}", event.group_id()));
}

fn main() -> ExitCode {
    let options = Options::parse();
    match run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("server: {message}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), String> {
    let rooms = Arc::new(Rooms {
        validator: options.flags.validator()?,
        queue: Queue::new(options.max_waiting),
        pretend: Duration::from_millis(options.pretend),
        accepted: AtomicU64::new(0),
        refused: AtomicU64::new(0),
        other_commands: AtomicU64::new(0),
    });
    let listener = options.flags.listen()?;
    serve(listener, &rooms).map_err(|error| error.to_string())?;
    say(format_args!(
        "stopped: {} accepted, {} refused, {} of other commands",
        rooms.accepted.load(Relaxed),
        rooms.refused.load(Relaxed),
        rooms.other_commands.load(Relaxed),
    ));
    Ok(())
}

#[tokio::main]
async fn serve(listener: TcpListener, rooms: &Arc<Rooms>) -> std::io::Result<()> {
    listener.set_nonblocking(true)?;
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let worker = tokio::spawn(work(Arc::clone(rooms)));
    let app = Router::new()
        .route_service(PATH, GroupFullService::new(Immediate(Arc::clone(rooms))))
        // Whoever sends slower than that is not the vendor, or is not waiting any more.
        .layer(TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, CALLBACK_TIMEOUT));
    tokio::select! {
        result = axum::serve(listener, app).with_graceful_shutdown(interrupted()) => result?,
        // A client that holds its connection open does not keep the server from stopping.
        () = async { interrupted().await; tokio::time::sleep(Duration::from_secs(5)).await } => (),
    }
    rooms.queue.close();
    let finish = async {
        say(format_args!("finishing what was accepted; Ctrl-C again gives it up"));
        let _ = worker.await;
    };
    tokio::select! {
        biased;
        () = interrupted() => say(format_args!("gave up {} that waited", rooms.queue.len())),
        () = finish => (),
    }
    Ok(())
}

/// Waits for Ctrl-C, or for a service manager's SIGTERM. A signal that cannot be waited for ends the
/// process by itself.
async fn interrupted() {
    tokio::select! {
        Ok(()) = tokio::signal::ctrl_c() => (),
        () = terminated() => (),
    }
}

async fn terminated() {
    #[cfg(unix)]
    if let Ok(mut signals) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        signals.recv().await;
        return;
    }
    std::future::pending::<()>().await;
}
