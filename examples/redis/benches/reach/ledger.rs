//! Compares what was answered with what was worked on or given up, event by event.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use im_group_full::GroupFull;
use redis::streams::StreamRangeReply;

use crate::load::{Answer, fails, id};
use crate::util::Redis;

/// What the workers did: the entries of each event, and the deliveries on which each entry was worked on.
#[derive(Default)]
pub struct Worked(HashMap<String, HashMap<String, Vec<u32>>>);

impl Worked {
    /// Reads what a worker wrote. A line that is not understood is a reason to stop: nothing may be
    /// left out of the count.
    pub fn read(&mut self, path: &Path) {
        for line in fs::read_to_string(path).unwrap_or_default().lines() {
            let fields: Vec<_> = line.split('\t').collect();
            let [event, entry, delivery, _millis] = fields[..] else { panic!("{}: {line:?}", path.display()) };
            let works = self.0.entry(event.to_owned()).or_default().entry(entry.to_owned()).or_default();
            works.push(delivery.parse().unwrap());
        }
    }
}

/// What was given up.
#[derive(Default)]
pub struct Dead {
    events: HashSet<String>,
    poison: usize,
}

impl Dead {
    pub fn read(redis: &Redis) -> Self {
        let mut dead = Self::default();
        let found: StreamRangeReply = redis.ask("XRANGE {group-full}:dead - +");
        for entry in found.ids {
            match serde_json::from_str::<GroupFull<'_>>(&entry.get::<String>("event").unwrap()) {
                Ok(event) => drop(dead.events.insert(event.id())),
                Err(_) => dead.poison += 1,
            }
        }
        dead
    }
}

/// The time in which two servers took themselves for the primary.
pub struct Split {
    pub from: Instant,
    pub to: Instant,
    /// The beginning, since the Unix epoch.
    pub from_millis: u64,
}

impl Split {
    /// Tells whether what was answered at this time may be unknown to the replica; replication has a delay.
    fn may_lose(&self, answered: Instant) -> bool {
        answered + Duration::from_secs(1) >= self.from && answered <= self.to + Duration::from_secs(1)
    }

    /// Tells whether what came of an entry may be unknown to the replica: tries are up to 8 seconds apart.
    fn may_forget(&self, entry: &str) -> bool {
        let added: u64 = entry.split('-').next().unwrap().parse().unwrap();
        added + 15_000 >= self.from_millis
    }
}

/// What came of the events.
#[derive(Default)]
pub struct Ledger {
    ok: usize,
    /// Answered `OK`, never worked on and not among the dead.
    pub lost: usize,
    /// The same, and every `OK` came when the replica may not have known.
    pub lost_by_failover: usize,
    dead: usize,
    /// Worked on although the work always fails.
    pub impossible: usize,
    failed: usize,
    failed_but_worked_on: usize,
    unanswered: usize,
    /// Worked on again on a later delivery: a worker was killed, frozen or cut off before Redis knew of the first.
    pub not_acknowledged: usize,
    /// Worked on again as if for the first time, or in a second entry: what the old primary knew of it had not
    /// reached the replica.
    pub after_failover: usize,
    /// The same long before the failover.
    pub unexplained: usize,
    poison: usize,
    pub poison_lost: usize,
}

impl Ledger {
    pub fn new(answers: &[Answer], worked: &Worked, dead: &Dead, events: u32, poison: usize, split: &Split) -> Self {
        let answered = |wanted| answers.iter().filter(move |answer| answer.ok == Some(wanted));
        let ok: HashSet<_> = answered(true).map(|answer| answer.event).collect();
        let safe = answered(true).filter(|answer| !split.may_lose(answer.end));
        let safe: HashSet<_> = safe.map(|answer| answer.event).collect();
        let failed: HashSet<_> = answered(false).map(|answer| answer.event).collect();
        let mut ledger = Self { poison, poison_lost: poison.saturating_sub(dead.poison), ..Self::default() };
        for number in 0..events {
            let id = id(number);
            let (entries, dead) = (worked.0.get(&id), dead.events.contains(&id));
            ledger.dead += usize::from(dead);
            ledger.impossible += usize::from(fails(number) && entries.is_some());
            if ok.contains(&number) {
                ledger.ok += 1;
                let nowhere = usize::from(entries.is_none() && !dead);
                if safe.contains(&number) { ledger.lost += nowhere } else { ledger.lost_by_failover += nowhere }
            } else if failed.contains(&number) {
                ledger.failed += 1;
                ledger.failed_but_worked_on += usize::from(entries.is_some());
            } else {
                ledger.unanswered += 1;
            }
            for (place, (entry, works)) in entries.into_iter().flatten().enumerate() {
                let deliveries: HashSet<_> = works.iter().collect();
                let again = usize::from(place > 0) + works.len() - deliveries.len();
                ledger.not_acknowledged += deliveries.len() - 1;
                // An entry that is much older was known to the replica with all that had come of it.
                if split.may_forget(entry) { ledger.after_failover += again } else { ledger.unexplained += again }
            }
        }
        ledger
    }
}

impl fmt::Display for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "  answered OK                            {:>8}", self.ok)?;
        writeln!(f, "  of these nowhere: lost                 {:>8}   has to be 0", self.lost)?;
        writeln!(
            f,
            "  of these nowhere: lost by the failover {:>8}   has to be 0 with --wait-replicas 1",
            self.lost_by_failover
        )?;
        writeln!(f, "  among the dead                         {:>8}", self.dead)?;
        writeln!(f, "  worked on although it always fails     {:>8}   has to be 0", self.impossible)?;
        writeln!(f, "  worked on again, not acknowledged      {:>8}", self.not_acknowledged)?;
        writeln!(f, "  worked on again after the failover     {:>8}", self.after_failover)?;
        writeln!(f, "  worked on again, unexplained           {:>8}   has to be 0", self.unexplained)?;
        writeln!(f, "  answered FAIL                          {:>8}", self.failed)?;
        writeln!(f, "  of these worked on nevertheless        {:>8}", self.failed_but_worked_on)?;
        writeln!(f, "  without an answer                      {:>8}", self.unanswered)?;
        writeln!(f, "  entries that cannot be read            {:>8}", self.poison)?;
        write!(f, "  of these not among the dead            {:>8}   has to be 0", self.poison_lost)
    }
}
