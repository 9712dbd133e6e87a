//! A server that is killed, frozen and started again.

use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use example_support::TOKEN_VARIABLE;
use example_support::testing::{Ended, TOKEN};
use rusqlite::Connection;
use tempfile::TempDir;

use crate::ledger::{Mark, Work};

/// For a server that has to start, however slow the machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Few enough to be reached when work stands still for a second.
pub const MAX_ROOMS: u32 = 300;

/// What the processes say of their work.
pub type Works = Arc<Mutex<Vec<Work>>>;

pub struct Process {
    child: Ended,
    folder: TempDir,
    pub address: String,
    pub works: Works,
}

impl Process {
    pub fn start() -> Self {
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let (address, works) = (free.to_string(), Works::default());
        let folder = tempfile::tempdir().unwrap();
        Self { child: spawn(&address, &folder, &works), folder, address, works }
    }

    /// Stands in the way of its writes, as another process that is frozen while it writes does.
    pub fn lock(&self, how_long: Duration) {
        let other = Connection::open(database(&self.folder)).unwrap();
        other.busy_timeout(PATIENCE).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        sleep(how_long);
        other.execute_batch("ROLLBACK").unwrap();
    }

    /// Returns how many rows the table has.
    pub fn rows(&self) -> u32 {
        let table = Connection::open(database(&self.folder)).unwrap();
        table.busy_timeout(PATIENCE).unwrap();
        table.query_row("SELECT COUNT(*) FROM rooms", (), |row| row.get(0)).unwrap()
    }

    /// Kills it and starts it again at once.
    pub fn kill(&mut self) {
        self.child.0.kill().unwrap();
        self.child.0.wait().unwrap();
        let killed = Work { at: Instant::now(), mark: Mark::Killed, group: String::new() };
        self.works.lock().unwrap().push(killed);
        self.child = spawn(&self.address, &self.folder, &self.works);
    }

    /// Lets it stand still.
    pub fn freeze(&self, how_long: Duration) {
        self.signal("STOP");
        sleep(how_long);
        self.signal("CONT");
    }

    fn signal(&self, name: &str) {
        let id = self.child.0.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &id]).status().unwrap().success());
    }
}

fn said(line: &str) -> Option<Work> {
    let (mark, group) = match line.split_once(' ')? {
        ("begin", group) => (Mark::Begin, group),
        ("end", group) => (Mark::End, group),
        _ => return None,
    };
    Some(Work { at: Instant::now(), mark, group: group.into() })
}

fn database(folder: &TempDir) -> PathBuf {
    folder.path().join("rooms.db")
}

fn spawn(address: &str, folder: &TempDir, works: &Works) -> Ended {
    let mut command = Command::new(env!("CARGO_BIN_EXE_example-server"));
    command.args(["--address", address, "--log", "off", "--database"]).arg(database(folder));
    command.args(["--pretend", "2", "--lease", "3", "--max-rooms", &MAX_ROOMS.to_string()]);
    command.env(TOKEN_VARIABLE, TOKEN).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = Ended(command.spawn().unwrap());
    let (lines, works) = (BufReader::new(child.0.stdout.take().unwrap()), Arc::clone(works));
    thread::spawn(move || {
        for work in lines.lines().map_while(Result::ok).filter_map(|line| said(&line)) {
            works.lock().unwrap().push(work);
        }
    });
    let start = Instant::now();
    while TcpStream::connect(address).is_err() {
        assert!(start.elapsed() < PATIENCE, "the server does not listen");
        sleep(Duration::from_millis(5));
    }
    child
}
