//! The whole story: a callback arrives over HTTP, is answered at once, and a worker in the background makes room in the
//! group with a real HTTP client.
//!
//! ```text
//! cargo run --example make_room                # against a stand-in for the vendor's servers, in this process
//! cargo run --example make_room -- --dry-run   # removes nobody
//! IM_SECRET_KEY=... cargo run --example make_room -- --region singapore --sdk-app-id 1400000001 --admin administrator
//! ```

mod args;
#[path = "../support/client.rs"]
mod client;
mod receiver;
#[path = "../support/stand_in/mod.rs"]
mod stand_in;
mod table;
mod worker;

use std::collections::HashSet;
use std::error::Error;
use std::process::ExitCode;
use std::sync::{Arc, mpsc};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::Parser;
use im_group_full::rest::{Endpoint, RestApi, SecretKey};
use im_group_full::{GROUP_FULL_COMMAND, SdkAppId, Validator};
use tokio::net::TcpListener;

use crate::args::Args;
use crate::client::Client;
use crate::receiver::Receiver;
use crate::stand_in::{Group, Member, StandIn};
use crate::worker::Worker;

/// How many groups may wait for the worker.
const QUEUE: usize = 64;

/// What the stand-in knows of the app.
const APP: SdkAppId = SdkAppId::new(1_400_000_001);
const ADMIN: &str = "administrator";
const SECRET_KEY: &str = "5bd2850fff3ecb11d7c805251c51ee46";
const GROUP: &str = "@TGS#_@TGS#cQVLVHIM62CJ";

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<(), Box<dyn Error>> {
    if let (Some(region), Some(app), Some(admin)) = (&args.region, args.sdk_app_id, &args.admin) {
        return serve(args, region.clone(), app, admin, args.secret_key()?, None);
    }
    let stand_in = StandIn::start(APP, ADMIN, SECRET_KEY, Arc::new(SystemTime::now))?;
    stand_in.with(|vendor| vendor.groups.insert(GROUP.to_owned(), full_group()));
    println!("a stand-in for the vendor's servers is at {}", stand_in.url());
    serve(args, stand_in.endpoint()?, APP, ADMIN, SecretKey::new(SECRET_KEY)?, Some(GROUP))
}

/// Receives callbacks and makes room; for one `group`, if there is one, whose callback it sends itself.
fn serve(
    args: &Args,
    endpoint: Endpoint,
    app: SdkAppId,
    admin: &str,
    key: SecretKey,
    group: Option<&str>,
) -> Result<(), Box<dyn Error>> {
    let busy = Arc::new(std::sync::Mutex::new(HashSet::new()));
    let (sender, groups) = mpsc::sync_channel(QUEUE);
    let worker = Worker {
        api: RestApi::new(endpoint, app, admin, key)?,
        policy: args.policy(),
        dry_run: args.dry_run,
        busy: Arc::clone(&busy),
    };
    // With webhook authentication switched on in the console, use `Validator::signed`: else anybody can forge a callback.
    let receiver = Receiver::new(Validator::unauthenticated(app), sender, busy);

    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let listener = runtime.block_on(TcpListener::bind(args.listen))?;
    let url = format!("http://{}/", listener.local_addr()?);
    println!("listening for callbacks at {url}");
    runtime.spawn(async move { axum::serve(listener, receiver.router()).await });

    if let Some(group) = group {
        let (status, body) = Client::new(Duration::from_secs(2)).send(callback(&url, app, group)?)?;
        println!("the callback was answered {status}: {}", String::from_utf8_lossy(&body));
    }
    Ok(worker.serve(&groups, group.is_some())?)
}

/// What the vendor sends.
fn callback(url: &str, app: SdkAppId, group_id: &str) -> http::Result<http::Request<Vec<u8>>> {
    let query = format!("SdkAppid={app}&CallbackCommand={GROUP_FULL_COMMAND}&contenttype=json&ClientIP=127.0.0.1");
    let body = serde_json::json!({ "CallbackCommand": GROUP_FULL_COMMAND, "GroupId": group_id });
    http::Request::post(format!("{url}?{query}")).body(body.to_string().into_bytes())
}

/// A Community with many members, of whom some have been silent for long.
fn full_group() -> Group {
    const MEMBERS: u64 = 10_000;
    const DAY: u64 = 24 * 60 * 60;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let members = (0..MEMBERS).map(|i| {
        let joined = now - (30 + i * 7919 % 1000) * DAY;
        let spoke = if i % 3 == 0 { 0 } else { joined + (now - joined) / 100 * (i % 100) };
        let role = if i == 0 { "Owner" } else { "Member" };
        Member { role, ..Member::new(format!("user{i:05}"), joined, spoke) }
    });
    let members: Vec<_> = members.collect();
    Group { kind: "Community", limit: members.len(), members }
}
