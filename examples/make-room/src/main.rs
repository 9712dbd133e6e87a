//! The whole story: a callback arrives over HTTP, is answered at once, and a worker in the background makes room in the
//! group with a real HTTP client.
//!
//! ```text
//! cargo run -p example-make-room                # against a stand-in for the vendor's servers, in this process
//! cargo run -p example-make-room -- --dry-run   # removes nobody
//! IM_CALLBACK_TOKEN=... IM_SECRET_KEY=... \
//!     cargo run -p example-make-room -- --region singapore --sdk-app-id 1400000001 --admin administrator
//! ```

mod args;
mod receiver;
mod story;
mod table;
mod worker;

use std::collections::HashSet;
use std::error::Error;
use std::net::TcpListener;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, mpsc};
use std::thread;

use axum::Router;
use clap::Parser;
use example_support::PATH;
use example_support::connections::Connections;
use example_support::serve::{interrupted, plain, serve};
use im_group_full::http::StatusCode;
use im_group_full::rest::RestApi;
use im_group_full::{CALLBACK_TIMEOUT, GroupFullService, Immediate, Validator};
use tokio::sync::oneshot;
use tower_http::timeout::TimeoutLayer;

use crate::args::Args;
use crate::receiver::Receiver;
use crate::worker::Worker;

/// How many groups may wait for the worker.
const QUEUE: usize = 64;

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("make-room: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<(), Box<dyn Error>> {
    let (Some(region), Some(admin)) = (&args.region, &args.admin) else { return story::tell(args) };
    args.needs_token()?;
    let api = RestApi::new(region.clone(), args.flags.sdk_app_id, admin, args.secret_key()?)?;
    let validator = args.flags.validator()?;
    receive(args, args.flags.listen()?, validator, api, false)
}

/// Receives callbacks and makes room, until it is stopped or, with `once`, after the first group.
fn receive(
    args: &Args,
    listener: TcpListener,
    validator: Validator,
    api: RestApi,
    once: bool,
) -> Result<(), Box<dyn Error>> {
    let busy = Arc::new(Mutex::new(HashSet::new()));
    let (sender, runs) = mpsc::sync_channel(QUEUE);
    let worker = Worker { api, dry_run: args.dry_run, busy: Arc::clone(&busy) };
    let (stop, stopped) = mpsc::channel::<()>();
    let (done, ended) = oneshot::channel::<()>();
    let worker = thread::spawn(move || {
        let result = worker.serve(&runs, once, &stopped);
        // The server ends with it.
        drop(done);
        result
    });

    let service = GroupFullService::new(Immediate(Receiver::new(validator, args.policy(), sender, busy)));
    let app = Router::new()
        .route_service(PATH, service)
        .layer(TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, CALLBACK_TIMEOUT));
    let end = async {
        tokio::select! {
            () = interrupted() => (),
            _ = ended => (),
        }
        // The worker ends between two steps of its run; the next callback begins one anew.
        drop(stop);
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(serve(listener, Connections::new(args.max_connections), plain, app, end))?;
    Ok(worker.join().map_err(|_| "the worker panicked")??)
}
