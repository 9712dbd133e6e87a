//! The server's processes and their database, and what goes wrong with them.

use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::mpsc::Sender;
use std::thread::{self, sleep};
use std::time::{Duration, Instant, SystemTime};

use example_support::TOKEN_VARIABLE;
use example_support::testing::{Ended, TOKEN};
use rusqlite::Connection;
use tempfile::TempDir;

use crate::ledger::{Mark, Work};
use crate::postgres::Postgres;

/// For a server that has to start, however slow the machine.
const PATIENCE: Duration = Duration::from_secs(15);
/// How long a process is frozen.
const FROZEN: Duration = Duration::from_secs(1);
/// How long another process keeps the server from writing to SQLite.
const LOCKED: Duration = Duration::from_secs(2);
/// How long PostgreSQL is away, in one way or another.
const AWAY: Duration = Duration::from_secs(3);

/// One process on SQLite, or two receivers and two workers on PostgreSQL with a synchronous standby.
pub struct World {
    /// Receivers before workers.
    processes: Vec<Process>,
    /// Where SQLite has its file.
    folder: TempDir,
    /// The primary and its standby, if there are any.
    postgres: Vec<Postgres>,
}

/// What goes wrong, which receiver cannot answer meanwhile, and how it is done.
pub type Fault = (&'static str, Option<usize>, fn(&mut World));

pub const ON_SQLITE: [Fault; 3] = [
    ("killed", Some(0), |world| world.processes[0].kill()),
    ("frozen", Some(0), |world| world.processes[0].freeze()),
    // As by another process that is frozen while it writes. This one lives, so it has to answer.
    ("locked out", None, |world| {
        let other = world.sqlite();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        sleep(LOCKED);
        other.execute_batch("ROLLBACK").unwrap();
    }),
];

pub const ON_POSTGRES: [Fault; 10] = [
    ("receiver killed", Some(0), |world| world.processes[0].kill()),
    ("receiver frozen", Some(1), |world| world.processes[1].freeze()),
    ("worker killed", None, |world| world.processes[2].kill()),
    ("worker frozen", None, |world| world.processes[3].freeze()),
    PRIMARY_KILLED,
    PRIMARY_KILLED,
    ("primary frozen", None, |world| world.freeze(0)),
    ("standby frozen", None, |world| world.freeze(1)),
    ("connection limit", None, |world| {
        // All that are left, and held.
        let others: Vec<_> = (0..300).map_while(|_| world.postgres[0].hold().ok()).collect();
        sleep(AWAY);
        drop(others);
    }),
    ("failover, and the old primary lives on", None, |world| {
        world.postgres[1].psql("SELECT pg_promote()").unwrap();
        world.postgres.swap(0, 1);
    }),
];

const PRIMARY_KILLED: Fault = ("primary killed", None, |world| {
    world.postgres[0].crash();
    world.postgres[0].up(&[]);
});

impl World {
    pub fn start(on_postgres: bool, max_rooms: u32, marks: &Sender<Work>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("rooms.db").to_str().unwrap().to_owned();
        let (roles, postgres, database) = if on_postgres {
            let primary = Postgres::start(&[]);
            // By default a standby waits for 5 s before it connects again, and commits wait for it.
            let standby = Postgres::standby_of(&primary, &["wal_retrieve_retry_interval=200ms"]);
            // The standby does not get it: once it is the primary, it has none.
            primary.psql("ALTER SYSTEM SET synchronous_standby_names = standby").unwrap();
            primary.psql("SELECT pg_reload_conf()").unwrap();
            let url = primary.url_with(&standby);
            (vec!["receive", "receive", "work", "work"], vec![primary, standby], url)
        } else {
            (vec![""], Vec::new(), file)
        };
        let processes = roles.into_iter().enumerate();
        let processes = processes.map(|(number, role)| Process::start(role, number, &database, max_rooms, marks));
        Self { processes: processes.collect(), folder, postgres }
    }

    /// The addresses of the receivers.
    pub fn receivers(&self) -> Vec<String> {
        self.processes.iter().filter_map(|process| process.address.clone()).collect()
    }

    /// Returns how many rows the table has; `None` if it cannot be asked now.
    pub fn rows(&self) -> Option<u32> {
        const COUNT: &str = "SELECT COUNT(*) FROM rooms";
        match self.postgres.first() {
            Some(primary) => primary.psql(COUNT).ok()?.parse().ok(),
            None => self.sqlite().query_row(COUNT, (), |row| row.get(0)).ok(),
        }
    }

    fn sqlite(&self) -> Connection {
        let other = Connection::open(self.folder.path().join("rooms.db")).unwrap();
        other.busy_timeout(Duration::from_secs(60)).unwrap();
        other
    }

    fn freeze(&self, server: usize) {
        self.postgres[server].signal("STOP");
        sleep(AWAY);
        self.postgres[server].signal("CONT");
    }
}

struct Process {
    child: Ended,
    arguments: Vec<String>,
    /// `None` if it only works.
    address: Option<String>,
    number: usize,
    marks: Sender<Work>,
}

impl Process {
    /// Starts one. `role` is its command; without one it receives and works.
    fn start(role: &str, number: usize, database: &str, max_rooms: u32, marks: &Sender<Work>) -> Self {
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let (receives, works) = (format!("--max-rooms {max_rooms} --address {free}"), "--pretend 2 --lease 3");
        let arguments = match role {
            "receive" => receives,
            "work" => works.into(),
            _ => format!("{receives} {works}"),
        };
        let arguments = format!("{role} --log off --database {database} {arguments}");
        let arguments: Vec<_> = arguments.split_whitespace().map(str::to_owned).collect();
        let address = (role != "work").then_some(free);
        let child = spawn(&arguments, address.as_deref(), number, marks);
        Self { child, arguments, address, number, marks: marks.clone() }
    }

    /// Kills it and starts it again at once.
    fn kill(&mut self) {
        self.child.0.kill().unwrap();
        self.child.0.wait().unwrap();
        let killed = Work { at: Instant::now(), process: self.number, mark: Mark::Killed, group: String::new() };
        self.marks.send(killed).unwrap();
        self.child = spawn(&self.arguments, self.address.as_deref(), self.number, &self.marks);
    }

    /// Lets it stand still.
    fn freeze(&self) {
        let signal = |name| {
            let id = self.child.0.id().to_string();
            assert!(Command::new("kill").args(["-s", name, &id]).status().unwrap().success());
        };
        signal("STOP");
        sleep(FROZEN);
        signal("CONT");
    }
}

fn spawn(arguments: &[String], address: Option<&str>, process: usize, marks: &Sender<Work>) -> Ended {
    let mut command = Command::new(env!("CARGO_BIN_EXE_example-server"));
    command.args(arguments).env(TOKEN_VARIABLE, TOKEN).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = Ended(command.spawn().unwrap());
    let (lines, marks) = (BufReader::new(child.0.stdout.take().unwrap()), marks.clone());
    thread::spawn(move || {
        let said = lines.lines().map_while(Result::ok).filter_map(|line| said(&line, process));
        said.for_each(|work| drop(marks.send(work)));
    });
    let start = Instant::now();
    while address.is_some_and(|address| TcpStream::connect(address).is_err()) {
        assert!(start.elapsed() < PATIENCE, "the server does not listen");
        sleep(Duration::from_millis(5));
    }
    child
}

/// The time is the one that the process says: lines of two processes are not read in their order.
fn said(line: &str, process: usize) -> Option<Work> {
    let mut words = line.splitn(3, ' ');
    let mark = match words.next()? {
        "begin" => Mark::Begin,
        "end" => Mark::End,
        _ => return None,
    };
    let since = Duration::from_nanos(words.next()?.parse().ok()?);
    let ago = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH + since).unwrap_or_default();
    Some(Work { at: Instant::now().checked_sub(ago)?, process, mark, group: words.next()?.into() })
}
