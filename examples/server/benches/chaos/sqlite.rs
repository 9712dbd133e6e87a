//! One process and its file.

use std::thread::sleep;
use std::time::Duration;

use rusqlite::Connection;
use tempfile::TempDir;

use crate::ledger::Outage;
use crate::process::{Process, Works};
use crate::{FROZEN, Steps, timed};

/// Few enough to be reached when work stands still for a second.
pub const MAX_ROOMS: u32 = 300;
/// How long another process keeps the server from writing.
const LOCKED: Duration = Duration::from_secs(2);

pub struct Sqlite {
    folder: TempDir,
    process: Process,
}

impl Sqlite {
    pub fn start(max_rooms: u32, works: &Works) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("rooms.db");
        Self { process: Process::start("", 0, file.to_str().unwrap(), max_rooms, works), folder }
    }

    fn open(&self) -> Connection {
        let other = Connection::open(self.folder.path().join("rooms.db")).unwrap();
        other.busy_timeout(Duration::from_secs(60)).unwrap();
        other
    }
}

impl Steps for Sqlite {
    fn receivers(&self) -> Vec<String> {
        self.process.address.iter().cloned().collect()
    }

    fn rows(&self) -> Option<u32> {
        self.open().query_row("SELECT COUNT(*) FROM rooms", (), |row| row.get(0)).ok()
    }

    fn count(&self) -> u32 {
        3
    }

    fn step(&mut self, number: u32) -> (&'static str, Vec<Outage>) {
        match number % 3 {
            0 => ("killed", vec![timed(0, || self.process.kill())]),
            1 => ("frozen", vec![timed(0, || self.process.freeze(FROZEN))]),
            // As by another process that is frozen while it writes. This one lives, so it has to answer.
            _ => {
                let other = self.open();
                other.execute_batch("BEGIN IMMEDIATE").unwrap();
                sleep(LOCKED);
                other.execute_batch("ROLLBACK").unwrap();
                ("locked out", Vec::new())
            }
        }
    }
}
