//! The command line.

use std::net::{SocketAddr, TcpListener};
use std::num::{NonZeroU32, ParseIntError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, value_parser};
use example_support::flags::Tokens;
use example_support::log::LevelFilter;
use example_support::rest_client::Client;
use example_support::{PATH, Source, TOKEN_VARIABLE, curl, say};
use im_group_full::SdkAppId;
use im_group_full::rest::{Endpoint, RestApi, SecretKey};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Serialize;
use serde_json::json;

use crate::Failed;
use crate::database::{postgres, sqlite};
use crate::make_room::MakingRoom;
use crate::rooms::Rooms;

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
    pub(crate) process: Process,
    #[command(flatten)]
    pub(crate) receive: Receive,
    #[command(flatten)]
    pub(crate) work: Work,
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
    pub(crate) database: String,
    /// File with the password for PostgreSQL, instead of `PGPASSWORD`; read for each connection
    #[arg(long, global = true, env = "IM_DATABASE_PASSWORD_FILE", value_name = "FILE")]
    pub(crate) database_password_file: Option<PathBuf>,
    /// PEM file with the certificates to trust for PostgreSQL, instead of the public ones
    #[arg(long, global = true, env = "IM_DATABASE_CA", value_name = "FILE")]
    pub(crate) database_ca: Option<PathBuf>,
    /// The app's SDKAppID, as the vendor's console shows it
    #[arg(long, global = true, env = "IM_SDK_APP_ID", default_value = "888888")]
    pub(crate) sdk_app_id: SdkAppId,
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
    #[arg(long, value_name = "GROUPS", default_value = "8", value_parser = value_parser!(u16).range(1..))]
    pub(crate) at_once: u16,
    /// Attempts before a group is given up
    #[arg(long, value_name = "ATTEMPTS", default_value = "8", value_parser = value_parser!(u32).range(1..))]
    pub(crate) attempts: u32,
    /// Time before the second attempt; it doubles with each one, up to 10 minutes
    #[arg(long, value_name = "SECONDS", default_value = "5")]
    pub(crate) retry_after: u32,
    /// Time after which a process that is silent is taken for dead, and its groups are anybody's
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = value_parser!(u32).range(1..))]
    pub(crate) lease: u32,
    /// Only pretend to work, for this long
    #[arg(long, value_name = "MILLISECONDS", hide = true)]
    pub(crate) pretend: Option<u64>,
    /// Account that the vendor's console lists as an admin of the app; without it, src/hook.rs does the work
    #[arg(long, value_name = "ACCOUNT")]
    rest_admin: Option<String>,
    #[command(flatten)]
    pub(crate) room: Room,
    #[command(flatten)]
    policy: Policy,
}

#[derive(Args)]
#[group(requires = "rest_admin")]
#[command(next_help_heading = "Making room, with --rest-admin")]
pub(crate) struct Room {
    /// File with the secret key of the app, instead of `IM_REST_SECRET_KEY`
    #[arg(long, value_name = "FILE")]
    rest_secret_key_file: Option<PathBuf>,
    /// The app's region: china, singapore, seoul, tokyo, frankfurt, silicon-valley, jakarta; or a proxy's URL
    #[arg(long, value_name = "REGION", default_value = "china")]
    rest_endpoint: Endpoint,
    /// Remove members without waiting for the approval of a plan
    #[arg(long)]
    pub(crate) remove: bool,
    /// Ask the vendor to send no notification about removals
    #[arg(long)]
    pub(crate) no_notification: bool,
    /// Reason that is given with removals
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
}

/// What an `InactivityPolicy` is read from.
#[derive(Args, Serialize)]
#[group(requires = "rest_admin")]
#[command(next_help_heading = "Whom it removes, with --rest-admin")]
struct Policy {
    /// Days of silence that make a member inactive
    #[arg(long = "inactive-days", value_name = "DAYS", default_value = "90", value_parser = days)]
    inactive_for_secs: u64,
    /// Slots to free
    #[arg(long, value_name = "SLOTS", default_value = "10")]
    free: u32,
    /// Account that is never removed; may be repeated
    #[arg(long = "protect", value_name = "ACCOUNT")]
    protected: Vec<String>,
    /// Raise the group's limit to this before anybody is removed
    #[arg(long, value_name = "MEMBERS")]
    raise_limit_to: Option<u32>,
    /// The largest share of the limit that is removed at once
    #[arg(long, value_name = "PERCENT", default_value = "10")]
    max_removed_percent: u8,
    /// Day of the import, in UTC, for groups that were imported: silence before it means nothing
    #[arg(long = "recorded-since", value_name = "YYYY-MM-DD", value_parser = seconds_of)]
    recorded_since_secs: Option<i64>,
    /// Spare those who have read one of the last messages
    #[arg(long, value_name = "MESSAGES")]
    spare_readers: Option<NonZeroU32>,
    /// Do not ask who is online
    #[arg(long)]
    ignore_online_status: bool,
    /// Take silence for inactivity also where the vendor may not record messages, as in a Community
    #[arg(long)]
    trust_silence: bool,
}

fn days(text: &str) -> Result<u64, ParseIntError> {
    Ok(u64::from(text.parse::<u32>()?) * 24 * 60 * 60)
}

fn seconds_of(day: &str) -> Result<i64, Failed> {
    let start = day.parse::<Date>()?.to_zoned_datetime(TimeZone::UTC)?.timestamp();
    if start > Timestamp::now() { Err("it is in the future".into()) } else { Ok(start.as_second()) }
}

impl Table {
    /// Opens the table. Only a server makes one.
    pub(crate) async fn open(&self, make: bool) -> Result<Rooms, Failed> {
        let database = match self.database.split_once("://") {
            Some(("postgres" | "postgresql", _)) => {
                postgres::open(&self.database, self.database_password_file.clone(), self.database_ca.as_deref())?
            }
            Some(_) => {
                return Err(format!("--database: expected a file or postgres://…, found {:?}", self.database).into());
            }
            None => sqlite::open(Path::new(&self.database), make)?,
        };
        Rooms::open(database, self.sdk_app_id).await
    }
}

impl Receive {
    /// Listens, and says where, and how to try it.
    pub(crate) fn listen(&self, app: SdkAppId) -> Result<TcpListener, Failed> {
        let failed = |error| format!("cannot listen on {}: {error}", self.address);
        let listener = TcpListener::bind(self.address).map_err(failed)?;
        listener.set_nonblocking(true)?;
        let url = format!("http://{}{PATH}", listener.local_addr()?);
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
        match (&self.rest_admin, self.room.remove) {
            (None, _) => "the hook does the work",
            (Some(_), true) => "members are removed without approval",
            (Some(_), false) => "plans wait for approval",
        }
    }

    pub(crate) fn lease(&self) -> Duration {
        Duration::from_secs(self.lease.into())
    }

    /// Returns what makes room; `None` if the hook does the work.
    pub(crate) fn making_room(&self, app: SdkAppId) -> Result<Option<MakingRoom>, Failed> {
        let Some(admin) = &self.rest_admin else { return Ok(None) };
        let key = match &self.room.rest_secret_key_file {
            Some(path) => std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?,
            None => std::env::var("IM_REST_SECRET_KEY")
                .map_err(|_| "IM_REST_SECRET_KEY is not set, and there is no --rest-secret-key-file")?,
        };
        let api = RestApi::new(self.room.rest_endpoint.clone(), app, admin, SecretKey::new(key.trim())?)?;
        let policy = serde_json::from_value(json!(self.policy))?;
        Ok(Some(MakingRoom { api, policy, client: Arc::new(Client::new(CALL_WITHIN)) }))
    }
}

#[test]
fn flags_do_not_contradict_each_other() {
    <Cli as clap::CommandFactory>::command().debug_assert();
}
