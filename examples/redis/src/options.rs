//! The flags.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use example_support::flags::Flags;
use example_support::rest_client::Client;
use im_group_full::SdkAppId;
use im_group_full::rest::{Endpoint, InactivityPolicy, RestApi, SecretKey};

use crate::hook::{Hook, Pretend};
use crate::keys::Keys;
use crate::link::{Link, REDIS_WITHIN};
use crate::room::{CALL_WITHIN, Rooms, Scripts};
use crate::server::Server;
use crate::take::Consumer;

/// Hands callbacks over to workers through a Redis stream, which outlives the process.
///
/// Tencent Cloud Chat waits 2 seconds for an answer and does not call again. Any number of receivers
/// behind a load balancer write each event into a stream and answer; any number of workers take the
/// events from it and do the work, however long it takes.
#[derive(Parser)]
#[command(name = "example-redis", after_long_help = HELP)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

const HELP: &str = "\
Try it, in three terminals:
  redis-server --appendonly yes --appendfsync always --maxmemory-policy noeviction --dir \"$(mktemp -d)\"
  IM_CALLBACK_TOKEN=secret cargo run -p example-redis -- receive --sdk-app-id 1400000001
  cargo run -p example-redis -- work --pretend 100
and send an event with the line that the receiver prints.

What is answered:
  OK    Redis has the event. With `appendfsync always` it is on the disk; with `everysec` a power cut
        can lose the last second.
  FAIL  Too many events wait (at once), or Redis did not have it after 1.5 seconds. The vendor does not call
        again: this event is gone until the next join fails. Each one is logged.

examples/redis/README.md has the rest.
";

/// In seconds.
const DAY: u64 = 86_400;
const WEEK: u64 = 7 * DAY;

#[derive(Subcommand)]
pub enum Command {
    /// Answers callbacks over HTTP, once Redis has them
    Receive(Receive),
    /// Takes events from the stream and works on them
    Work(Work),
    /// Shows the events that were given up, or moves them back to the stream
    Dead(Dead),
}

#[derive(Args)]
pub struct Stream {
    #[command(flatten)]
    pub server: Server,
    /// The stream's key
    #[arg(long = "stream", value_name = "STREAM", default_value = "group-full")]
    key: String,
    /// The consumer group that the workers form; a stream has one
    #[arg(long, default_value = "workers")]
    pub group: String,
    /// Serves figures for Prometheus here, at /metrics
    #[arg(long, value_name = "ADDRESS")]
    pub metrics: Option<SocketAddr>,
}

#[derive(Args)]
pub struct Receive {
    #[command(flatten)]
    pub stream: Stream,
    #[command(flatten)]
    pub flags: Flags,
    /// For how many seconds a repeated event is merged with the first
    #[arg(long, value_name = "SECONDS", default_value_t = 600, value_parser = clap::value_parser!(u64).range(1..=WEEK))]
    pub mark_life: u64,
    /// How many events may wait before the answer is FAIL; 1,000 take about 0.5 MB of Redis' memory
    #[arg(long, value_name = "EVENTS", default_value_t = 100_000)]
    pub max_waiting: usize,
    /// How many replicas must have an event before the answer is OK; then a failover to one of them loses nothing
    #[arg(long, value_name = "REPLICAS", default_value_t = 0)]
    pub wait_replicas: u32,
}

#[derive(Args)]
pub struct Work {
    #[command(flatten)]
    pub stream: Stream,
    /// This worker's name in XINFO CONSUMERS; no two workers may have the same [default: one of its own]
    #[arg(long)]
    name: Option<String>,
    /// How many events to work on at once
    #[arg(long, value_name = "EVENTS", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..))]
    pub at_once: u16,
    /// After how many seconds of silence a worker is taken for dead, and another one starts on its events; also
    /// the time before the second try of an event that failed, which grows fourfold with each try
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=WEEK))]
    claim_after: u64,
    /// After how many tries an event is moved to the dead
    #[arg(long, value_name = "TRIES", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    max_deliveries: u32,
    /// After how many seconds of silence a worker without events is removed from the group
    #[arg(long, value_name = "SECONDS", default_value_t = DAY, value_parser = clap::value_parser!(u64).range(1..=52 * WEEK))]
    pub forget_after: u64,
    /// Only pretends to work, for so long
    #[arg(long, value_name = "MILLISECONDS", conflicts_with = "make_room")]
    pretend: Option<u64>,
    /// Pretends to fail for groups with this in their ID
    #[arg(long, value_name = "TEXT", requires = "pretend", hide = true)]
    pretend_failing: Option<String>,
    /// Appends a line for each event that was pretended to be worked on
    #[arg(long, value_name = "FILE", requires = "pretend", hide = true)]
    pretend_file: Option<PathBuf>,
    /// Removes the least active members of each full group; only says whom, without --remove
    #[arg(long, requires = "region", requires = "sdk_app_id", requires = "admin")]
    make_room: bool,
    #[command(flatten)]
    room: Room,
}

#[derive(Args)]
#[command(next_help_heading = "Making room")]
struct Room {
    /// Really removes members
    #[arg(long, requires = "make_room")]
    remove: bool,
    /// The app's region (china, singapore, seoul, tokyo, frankfurt, silicon-valley, jakarta), or another host as
    /// a URL
    #[arg(long)]
    region: Option<Endpoint>,
    /// The SDKAppID of the app
    #[arg(long)]
    sdk_app_id: Option<SdkAppId>,
    /// An account that the vendor's console lists as an admin of the app
    #[arg(long)]
    admin: Option<String>,
    /// A file with the secret key of the app, instead of the environment's `IM_SECRET_KEY`
    #[arg(long, value_name = "FILE")]
    secret_key_file: Option<PathBuf>,
    /// How many days of silence make a member inactive
    #[arg(long, value_name = "DAYS", default_value_t = 90)]
    inactive_days: u32,
    /// How many slots to free
    #[arg(long, value_name = "SLOTS", default_value_t = 20)]
    free: u32,
    /// An account that is never removed; may be given again
    #[arg(long, value_name = "ACCOUNT")]
    protect: Vec<String>,
}

#[derive(Args)]
pub struct Dead {
    #[command(flatten)]
    pub stream: Stream,
    /// Moves them back to the stream, for as many tries as a new event has
    #[arg(long)]
    pub replay: bool,
    /// Only these, by the IDs that are shown
    #[arg(requires = "replay")]
    pub ids: Vec<String>,
}

impl Stream {
    pub fn keys(&self) -> Result<Keys, String> {
        Keys::new(&self.key)
    }

    pub fn link(&self) -> Result<Link, String> {
        Link::new(&self.server, REDIS_WITHIN)
    }
}

impl Work {
    pub fn consumer(&self) -> Consumer {
        // Two processes with one name could not tell whose an entry is.
        let own = || format!("worker-{:016x}", RandomState::new().build_hasher().finish());
        Consumer {
            group: self.stream.group.clone(),
            name: self.name.clone().unwrap_or_else(own),
            claim_after: Duration::from_secs(self.claim_after),
            max_deliveries: self.max_deliveries,
        }
    }

    pub fn hook(&self, consumer: &Consumer) -> Result<Hook, Box<dyn std::error::Error>> {
        if let Some(millis) = self.pretend {
            let time = Duration::from_millis(millis);
            let (failing, file) = (self.pretend_failing.clone(), self.pretend_file.clone());
            return Ok(Hook::Pretend(Pretend { time, failing, file }));
        }
        let (true, Some(endpoint), Some(app), Some(admin)) =
            (self.make_room, &self.room.region, self.room.sdk_app_id, &self.room.admin)
        else {
            return Ok(Hook::Own);
        };
        Ok(Hook::MakeRoom(Arc::new(Rooms {
            api: RestApi::new(endpoint.clone(), app, admin, self.room.secret_key()?)?,
            app,
            policy: self.room.policy(),
            remove: self.room.remove,
            client: Arc::new(Client::new(CALL_WITHIN)),
            link: self.stream.link()?,
            keys: self.stream.keys()?,
            name: consumer.name.clone(),
            lease: consumer.claim_after,
            scripts: Scripts::default(),
        })))
    }
}

impl Room {
    fn policy(&self) -> InactivityPolicy {
        let inactive_for = Duration::from_secs(u64::from(self.inactive_days) * DAY);
        let policy = InactivityPolicy::new(inactive_for, self.free);
        self.protect.iter().fold(policy, InactivityPolicy::protect)
    }

    fn secret_key(&self) -> Result<SecretKey, Box<dyn std::error::Error>> {
        let text = match &self.secret_key_file {
            Some(path) => std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?,
            None => std::env::var("IM_SECRET_KEY")
                .map_err(|_| "IM_SECRET_KEY is not set, and there is no --secret-key-file")?,
        };
        Ok(SecretKey::new(text.trim())?)
    }
}
