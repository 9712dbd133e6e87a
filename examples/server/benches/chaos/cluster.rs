//! Two receivers, two workers, and PostgreSQL with a synchronous standby.

use std::thread::sleep;
use std::time::Duration;

use crate::ledger::Outage;
use crate::postgres::Postgres;
use crate::process::{Process, Works};
use crate::{FROZEN, Steps, timed};

/// How long the database is away, in one way or another.
const AWAY: Duration = Duration::from_secs(3);

pub struct Cluster {
    receivers: [Process; 2],
    workers: [Process; 2],
    primary: Postgres,
    standby: Postgres,
    /// The standby is the primary now.
    failed_over: bool,
}

impl Cluster {
    pub fn start(max_rooms: u32, works: &Works) -> Self {
        let primary = Postgres::start(&[]);
        // By default a standby waits for 5 s before it connects again, and commits wait for it.
        let standby = Postgres::standby_of(&primary, &["wal_retrieve_retry_interval=200ms"]);
        // The standby does not get it: once it is the primary, it has none.
        primary.psql("ALTER SYSTEM SET synchronous_standby_names = standby").unwrap();
        primary.psql("SELECT pg_reload_conf()").unwrap();
        let (one, other) = (primary.port(), standby.port());
        let url = format!("postgres://postgres@127.0.0.1:{one},127.0.0.1:{other}/postgres");
        let start = |role, number| Process::start(role, number, &url, max_rooms, works);
        Self {
            receivers: [0, 1].map(|number| start("receive", number)),
            workers: [2, 3].map(|number| start("work", number)),
            primary,
            standby,
            failed_over: false,
        }
    }
}

impl Steps for Cluster {
    fn receivers(&self) -> Vec<String> {
        self.receivers.iter().filter_map(|receiver| receiver.address.clone()).collect()
    }

    fn rows(&self) -> Option<u32> {
        let now = if self.failed_over { &self.standby } else { &self.primary };
        now.psql("SELECT COUNT(*) FROM rooms").ok()?.parse().ok()
    }

    fn count(&self) -> u32 {
        10
    }

    fn step(&mut self, number: u32) -> (&'static str, Vec<Outage>) {
        match number {
            0 => ("receiver killed", vec![timed(0, || self.receivers[0].kill())]),
            1 => ("receiver frozen", vec![timed(1, || self.receivers[1].freeze(FROZEN))]),
            2 => {
                self.workers[0].kill();
                ("worker killed", Vec::new())
            }
            3 => {
                self.workers[1].freeze(FROZEN);
                ("worker frozen", Vec::new())
            }
            4 | 5 => {
                self.primary.crash();
                self.primary.up(&[]);
                ("primary killed", Vec::new())
            }
            6 => {
                self.primary.signal("STOP");
                sleep(AWAY);
                self.primary.signal("CONT");
                ("primary frozen", Vec::new())
            }
            7 => {
                self.standby.signal("STOP");
                sleep(AWAY);
                self.standby.signal("CONT");
                ("standby frozen", Vec::new())
            }
            8 => {
                // All that are left, and held.
                let others: Vec<_> = (0..300).map_while(|_| self.primary.hold().ok()).collect();
                sleep(AWAY);
                drop(others);
                ("connection limit", Vec::new())
            }
            _ => {
                self.standby.psql("SELECT pg_promote()").unwrap();
                self.failed_over = true;
                ("failover, and the old primary lives on", Vec::new())
            }
        }
    }
}
