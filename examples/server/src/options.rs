//! The command line.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use clap::{Args, Parser, Subcommand};
use example_support::flags::Tokens;
use example_support::log::LevelFilter;
use example_support::rest_client::Client;
use example_support::{PATH, Source, TOKEN_VARIABLE, curl, say};
use im_group_full::SdkAppId;
use im_group_full::rest::{Endpoint, InactivityPolicy, RestApi, SecretKey};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use tokio::sync::watch;

use crate::database::{postgres, sqlite};
use crate::make_room::MakingRoom;
use crate::rooms::Rooms;
use crate::work::Worker;

const DAY: u64 = 24 * 60 * 60;
/// Longer than the vendor takes, and shorter than what was read stays fresh.
const CALL_WITHIN: Duration = Duration::from_secs(10);

/// Receives Group.CallbackAfterGroupFull, stores each full group in a table, and makes room in it
///
/// Without a command it receives and works in one process.
#[derive(Parser)]
#[command(version, args_conflicts_with_subcommands = true, after_help = ENVIRONMENT)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) run: Box<Run>,
}

const ENVIRONMENT: &str = "\
Environment:
  IM_CALLBACK_TOKEN   The token of webhook authentication, as the console shows it
  IM_REST_SECRET_KEY  The secret key of the app, for --rest-admin
  PGPASSWORD          The password for PostgreSQL";

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Only receive; other processes on the same PostgreSQL work
    Receive {
        #[command(flatten)]
        process: Process,
        #[command(flatten)]
        receive: Receive,
    },
    /// Only work
    Work {
        #[command(flatten)]
        process: Process,
        #[command(flatten)]
        work: Work,
    },
    /// Show the groups in the table, or decide about one of them
    Rooms {
        #[command(flatten)]
        table: Table,
        #[command(subcommand)]
        command: Option<RoomsCommand>,
    },
    /// Show everybody who was removed, oldest first
    Removals {
        #[command(flatten)]
        table: Table,
        /// Only of this group
        #[arg(default_value = "", hide_default_value = true)]
        group: String,
    },
}

#[derive(Subcommand)]
pub(crate) enum RoomsCommand {
    /// Show one group, with its plan and the reasons of those who stay
    Show { group: String },
    /// Let the worker carry out the plan for these accounts, or for all that it names
    Approve {
        group: String,
        #[arg(required_unless_present = "all")]
        accounts: Vec<String>,
        #[arg(long, conflicts_with = "accounts")]
        all: bool,
    },
    /// Try a group again at once, or all that failed or rest; the plan of a named group is made anew
    Retry {
        #[arg(default_value = "", hide_default_value = true)]
        group: String,
    },
}

#[derive(Args)]
pub(crate) struct Table {
    /// SQLite file that holds the table, or a PostgreSQL URL without a password
    #[arg(long, global = true, env = "IM_DATABASE", value_name = "FILE|URL", default_value = "rooms.db")]
    database: String,
    /// File with the password for PostgreSQL, instead of `PGPASSWORD`; read for each connection
    #[arg(long, global = true, env = "IM_DATABASE_PASSWORD_FILE", value_name = "FILE")]
    database_password_file: Option<PathBuf>,
    /// PEM file with the certificates to trust for PostgreSQL, instead of the public ones
    #[arg(long, global = true, env = "IM_DATABASE_CA", value_name = "FILE")]
    database_ca: Option<PathBuf>,
    /// The app's SDKAppID, as the vendor's console shows it
    #[arg(long, global = true, env = "IM_SDK_APP_ID", default_value = "888888")]
    pub(crate) sdk_app_id: SdkAppId,
}

#[derive(Args)]
pub(crate) struct Run {
    #[command(flatten)]
    pub(crate) process: Process,
    #[command(flatten)]
    pub(crate) receive: Receive,
    #[command(flatten)]
    pub(crate) work: Work,
}

#[derive(Args)]
pub(crate) struct Process {
    #[command(flatten)]
    pub(crate) table: Table,
    /// Address that serves metrics for Prometheus; keep it off the internet
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) metrics: Option<SocketAddr>,
    /// What is logged at most: off, error, warn, info (with a line for each event) or debug
    #[arg(long, value_name = "LEVEL", default_value = "info")]
    pub(crate) log: LevelFilter,
}

#[derive(Args)]
#[group(id = "receiving")]
#[command(next_help_heading = "Receiving")]
pub(crate) struct Receive {
    /// Address to listen on; port 0 means any free port
    #[arg(long, env = "IM_CALLBACK_ADDRESS", default_value = "127.0.0.1:8080")]
    address: SocketAddr,
    #[command(flatten)]
    pub(crate) tokens: Tokens,
    /// How many groups the table may hold; an event of any more is answered FAIL
    #[arg(long, value_name = "GROUPS", default_value = "10000")]
    pub(crate) max_rooms: u32,
}

#[derive(Args)]
#[group(id = "working")]
#[command(next_help_heading = "Working")]
pub(crate) struct Work {
    /// How many groups are worked on at once
    #[arg(long, value_name = "GROUPS", default_value = "8", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) at_once: u16,
    /// Attempts before a group is given up
    #[arg(long, value_name = "ATTEMPTS", default_value = "8", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) attempts: u32,
    /// Time before the second attempt; it doubles with each one, up to 10 minutes
    #[arg(long, value_name = "SECONDS", default_value = "5")]
    pub(crate) retry_after: u32,
    /// Time after which a process that is silent is taken for dead, and its groups are anybody's
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) lease: u32,
    /// Only pretend to work, for this long
    #[arg(long, value_name = "MILLISECONDS", hide = true)]
    pub(crate) pretend: Option<u64>,
    #[command(flatten)]
    room: Room,
}

#[derive(Args)]
#[expect(clippy::struct_excessive_bools, reason = "flags")]
#[command(next_help_heading = "Making room (without --rest-admin, src/hook.rs does the work)")]
struct Room {
    /// Account that the vendor's console lists as an admin of the app
    #[arg(long, value_name = "ACCOUNT")]
    rest_admin: Option<String>,
    /// File with the secret key of the app, instead of `IM_REST_SECRET_KEY`
    #[arg(long, value_name = "FILE", requires = "rest_admin")]
    rest_secret_key_file: Option<PathBuf>,
    /// The app's region: china, singapore, seoul, tokyo, frankfurt, silicon-valley, jakarta; or a proxy's URL
    #[arg(long, requires = "rest_admin", value_name = "REGION", default_value = "china")]
    rest_endpoint: Endpoint,
    /// Remove members without waiting for the approval of a plan
    #[arg(long, requires = "rest_admin")]
    remove: bool,
    /// Days of silence that make a member inactive
    #[arg(long, requires = "rest_admin", value_name = "DAYS", default_value = "90")]
    inactive_days: u32,
    /// Slots to free
    #[arg(long, requires = "rest_admin", value_name = "SLOTS", default_value = "10")]
    free: u32,
    /// Account that is never removed; may be repeated
    #[arg(long, requires = "rest_admin", value_name = "ACCOUNT")]
    protect: Vec<String>,
    /// Raise the group's limit to this before anybody is removed
    #[arg(long, requires = "rest_admin", value_name = "MEMBERS")]
    raise_limit_to: Option<u32>,
    /// The largest share of the limit that is removed at once
    #[arg(long, requires = "rest_admin", value_name = "PERCENT", default_value = "10")]
    max_removed_percent: u8,
    /// Day of the import, in UTC, for groups that were imported: silence before it means nothing
    #[arg(long, requires = "rest_admin", value_name = "YYYY-MM-DD")]
    recorded_since: Option<Date>,
    /// Spare those who have read one of the last messages
    #[arg(long, requires = "rest_admin", value_name = "MESSAGES")]
    spare_readers: Option<u32>,
    /// Do not ask who is online
    #[arg(long, requires = "rest_admin")]
    ignore_online_status: bool,
    /// Take silence for inactivity also where the vendor may not record messages, as in a Community
    #[arg(long, requires = "rest_admin")]
    trust_silence: bool,
    /// Ask the vendor to send no notification about removals
    #[arg(long, requires = "rest_admin")]
    no_notification: bool,
    /// Reason that is given with removals
    #[arg(long, requires = "rest_admin", value_name = "TEXT")]
    reason: Option<String>,
}

impl Table {
    /// Opens the table. Only a server makes one.
    pub(crate) async fn open(&self, make: bool) -> Result<Rooms, String> {
        let postgres_url = ["postgres://", "postgresql://"].iter().any(|scheme| self.database.starts_with(scheme));
        let database = if postgres_url {
            let (password, ca) = (self.database_password_file.clone(), self.database_ca.clone());
            postgres::open(&self.database, password, ca)?
        } else if self.database.contains("://") {
            return Err(format!("--database: expected a file or postgres://…, found {:?}", self.database));
        } else {
            sqlite::open(Path::new(&self.database), make)?
        };
        Rooms::open(database, self.sdk_app_id).await
    }
}

impl Receive {
    /// Listens, and says where, and how to try it.
    pub(crate) fn listen(&self, app: SdkAppId) -> Result<TcpListener, String> {
        let failed = |error| format!("cannot listen on {}: {error}", self.address);
        let listener = TcpListener::bind(self.address).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let url = format!("http://{}{PATH}", listener.local_addr().map_err(failed)?);
        say(format_args!("listening on {url} for SDKAppID {app}"));
        let source = self.tokens.source();
        match source {
            None => say(format_args!(
                "warning: no token, so anybody can forge a callback; set {TOKEN_VARIABLE} or --token-file\nto try it:"
            )),
            Some(Source::Variable) => say(format_args!("to try it in another shell, with the same {TOKEN_VARIABLE}:")),
            Some(_) => say(format_args!("to try it:")),
        }
        say(format_args!("  {}", curl(&url, app, source, "")));
        Ok(listener)
    }
}

impl Work {
    pub(crate) fn describe(&self) -> &'static str {
        match &self.room {
            Room { rest_admin: None, .. } => "the hook does the work",
            Room { remove: true, .. } => "members are removed without approval",
            Room { .. } => "plans wait for approval",
        }
    }

    pub(crate) fn worker(
        &self,
        rooms: Rooms,
        making_room: Option<MakingRoom>,
        stopping: watch::Receiver<bool>,
    ) -> Worker {
        Worker {
            rooms,
            making_room,
            at_once: self.at_once.into(),
            lease: Duration::from_secs(self.lease.into()),
            attempts: self.attempts,
            retry_after: Duration::from_secs(self.retry_after.into()),
            pretend: self.pretend.map(Duration::from_millis),
            stopping,
        }
    }

    /// Returns what makes room; `None` if the hook does the work.
    pub(crate) fn making_room(&self, app: SdkAppId) -> Result<Option<MakingRoom>, String> {
        let room = &self.room;
        let Some(admin) = &room.rest_admin else { return Ok(None) };
        let key = SecretKey::new(&secret(room.rest_secret_key_file.as_deref())?).map_err(|error| error.to_string())?;
        Ok(Some(MakingRoom {
            api: RestApi::new(room.rest_endpoint.clone(), app, admin, key).map_err(|error| error.to_string())?,
            policy: room.policy()?,
            remove: room.remove,
            notify: !room.no_notification,
            reason: room.reason.clone(),
            client: Arc::new(Client::new(CALL_WITHIN)),
        }))
    }
}

impl Room {
    fn policy(&self) -> Result<InactivityPolicy, String> {
        let mut policy = InactivityPolicy::new(Duration::from_secs(u64::from(self.inactive_days) * DAY), self.free)
            .max_removed_percent(self.max_removed_percent);
        policy = self.protect.iter().fold(policy, InactivityPolicy::protect);
        if let Some(members) = self.raise_limit_to {
            policy = policy.raise_limit_to(members);
        }
        if let Some(date) = self.recorded_since {
            let since = date.to_zoned_datetime(TimeZone::UTC).and_then(|day| SystemTime::try_from(day.timestamp()));
            let since = since.map_err(|error| format!("--recorded-since: {error}"))?;
            if since > SystemTime::now() {
                return Err(format!("--recorded-since: {date} is in the future"));
            }
            policy = policy.recorded_since(since);
        }
        if let Some(messages) = self.spare_readers {
            policy = policy.spare_readers(messages);
        }
        if self.ignore_online_status {
            policy = policy.ignore_online_status();
        }
        Ok(if self.trust_silence { policy.trust_silence() } else { policy })
    }
}

fn secret(file: Option<&Path>) -> Result<String, String> {
    let text = match file {
        Some(path) => std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?,
        None => std::env::var("IM_REST_SECRET_KEY")
            .map_err(|_| "IM_REST_SECRET_KEY is not set, and there is no --rest-secret-key-file")?,
    };
    Ok(text.trim().to_owned())
}

#[test]
fn flags_do_not_contradict_each_other() {
    <Cli as clap::CommandFactory>::command().debug_assert();
}
