//! A callback server on axum. `cargo run --example server -- --help` explains the flags.

use std::net::TcpListener;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use axum::Router;
use clap::Parser;
use im_group_full::http::StatusCode;
use im_group_full::{
    CALLBACK_TIMEOUT, Failure, GroupFull, GroupFullHandler, GroupFullService, Immediate, Rejection, RejectionKind,
    Validator,
};
use tower_http::timeout::TimeoutLayer;

use crate::flags::{Flags, PATH, say};

#[path = "support/flags.rs"]
mod flags;

/// Receives Group.CallbackAfterGroupFull over HTTP and logs what arrives.
#[derive(Parser)]
struct Options {
    #[command(flatten)]
    flags: Flags,
}

/// The app.
struct Rooms {
    validator: Validator,
    accepted: AtomicU64,
    refused: AtomicU64,
    other_commands: AtomicU64,
}

impl GroupFullHandler for Rooms {
    fn validator(&self) -> &Validator {
        &self.validator
    }

    fn on_group_full(&self, event: &GroupFull<'_>) -> Result<(), Failure> {
        self.accepted.fetch_add(1, Relaxed);
        let group = event.group_id();
        let client = event.query().client_ip().unwrap_or("-");
        let platform = event.opt_platform().map_or("-", |platform| platform.as_str());
        match event.event_time_millis() {
            Some(millis) => say(format_args!("accepted {group:?} at {millis} ms, client {client:?}, {platform:?}")),
            None => say(format_args!("accepted {group:?}, client {client:?}, {platform:?}")),
        }
        Ok(())
    }

    fn on_rejected(&self, rejection: &Rejection, _raw_query: &str) {
        // One URL serves every command that is switched on, and some come with every message: no line for each.
        if rejection.kind() == RejectionKind::OtherCommand {
            self.other_commands.fetch_add(1, Relaxed);
        } else {
            self.refused.fetch_add(1, Relaxed);
            say(format_args!("refused {}: {rejection}", rejection.kind().as_str()));
        }
    }
}

fn main() -> ExitCode {
    let Options { flags } = Options::parse();
    match run(&flags) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("server: {message}");
            ExitCode::FAILURE
        }
    }
}

fn run(flags: &Flags) -> Result<(), String> {
    let rooms = Arc::new(Rooms {
        validator: flags.validator()?,
        accepted: AtomicU64::new(0),
        refused: AtomicU64::new(0),
        other_commands: AtomicU64::new(0),
    });
    let listener = flags.listen()?;
    serve(listener, Arc::clone(&rooms)).map_err(|error| error.to_string())?;
    say(format_args!(
        "stopped: {} accepted, {} refused, {} of other commands",
        rooms.accepted.load(Relaxed),
        rooms.refused.load(Relaxed),
        rooms.other_commands.load(Relaxed),
    ));
    Ok(())
}

#[tokio::main]
async fn serve(listener: TcpListener, rooms: Arc<Rooms>) -> std::io::Result<()> {
    listener.set_nonblocking(true)?;
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let app = Router::new()
        .route_service(PATH, GroupFullService::new(Immediate(rooms)))
        // Whoever sends slower than that is not the vendor, or is not waiting any more.
        .layer(TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, CALLBACK_TIMEOUT));
    tokio::select! {
        result = axum::serve(listener, app).with_graceful_shutdown(interrupted()) => result,
        // A client that holds its connection open does not keep the server from stopping.
        () = async { interrupted().await; tokio::time::sleep(Duration::from_secs(5)).await } => Ok(()),
    }
}

async fn interrupted() {
    // Without a handler there is nothing to wait for: Ctrl-C then ends the process by itself.
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}
