//! Compares what was answered with what was worked on, event by event.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::load::{Answer, id};

/// What the workers say that they did: the entries of each event, and the works on each entry.
#[derive(Default)]
pub struct Worked(HashMap<String, HashMap<String, Vec<Work>>>);

struct Work {
    millis: u128,
    claimed: bool,
}

impl Worked {
    /// Reads what a worker printed. A line that is not understood is a reason to stop: nothing may be
    /// left out of the count.
    pub fn read(&mut self, path: &Path) {
        for line in fs::read_to_string(path).unwrap().lines() {
            let (event, entry, work) = parse(line).unwrap_or_else(|| panic!("{}: {line:?}", path.display()));
            self.0.entry(event).or_default().entry(entry).or_default().push(work);
        }
    }
}

/// Reads `worked on "{event}" for {millis} ms: entry {entry}` and what may follow.
fn parse(line: &str) -> Option<(String, String, Work)> {
    let (event, rest) = line.strip_prefix("worked on \"")?.split_once("\" for ")?;
    let (millis, rest) = rest.split_once(" ms: entry ")?;
    let (entry, claimed) = match rest.split_once(", which another worker had not finished") {
        Some((entry, "")) => (entry, true),
        None => (rest, false),
        Some(_) => return None,
    };
    Some((event.to_owned(), entry.to_owned(), Work { millis: millis.parse().ok()?, claimed }))
}

/// What came of the events.
#[derive(Default)]
pub struct Ledger {
    pub ok: usize,
    pub failed: usize,
    pub unanswered: usize,
    pub failed_but_worked_on: usize,
    /// Answered `OK` and never worked on.
    pub lost: usize,
    /// Worked on again after the claim time, which the first work had not outlived: its acknowledgement
    /// had not reached Redis.
    pub not_acknowledged: usize,
    /// Worked on again because the first work took longer than the claim time.
    pub outlived: usize,
    /// Worked on twice for no such reason, or twice in the stream.
    pub unexplained: usize,
}

impl Ledger {
    pub fn new(answers: &[Answer], worked: &Worked, events: u32, claim_after: Duration) -> Self {
        let answered =
            |wanted| answers.iter().filter(move |answer| answer.ok == Some(wanted)).map(|answer| answer.event);
        let (ok, failed): (HashSet<_>, HashSet<_>) = (answered(true).collect(), answered(false).collect());
        let mut ledger = Self::default();
        for number in 0..events {
            let entries = worked.0.get(&id(number));
            match (ok.contains(&number), failed.contains(&number)) {
                (true, _) => {
                    ledger.ok += 1;
                    ledger.lost += usize::from(entries.is_none());
                }
                (false, true) => {
                    ledger.failed += 1;
                    ledger.failed_but_worked_on += usize::from(entries.is_some());
                }
                (false, false) => ledger.unanswered += 1,
            }
            for (place, works) in entries.into_iter().flat_map(HashMap::values).enumerate() {
                ledger.unexplained += usize::from(place > 0);
                ledger.count(works, claim_after);
            }
        }
        ledger
    }

    fn count(&mut self, works: &[Work], claim_after: Duration) {
        let again = works.iter().filter(|work| work.claimed).count();
        let first = works.len() - again;
        // Only Redis makes a work a claimed one, and only while it has no acknowledgement: so every
        // claimed one is explained. If the first one died before it could say so, there is none.
        self.unexplained += first.saturating_sub(1);
        let repeated = again.min(works.len() - 1);
        let long = works.iter().filter(|work| work.millis >= claim_after.as_millis()).count();
        self.outlived += repeated.min(long);
        self.not_acknowledged += repeated - repeated.min(long);
    }
}

impl fmt::Display for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "  answered OK                            {:>8}", self.ok)?;
        writeln!(f, "  of these never worked on (lost)        {:>8}   has to be 0", self.lost)?;
        writeln!(f, "  worked on again, not acknowledged      {:>8}", self.not_acknowledged)?;
        writeln!(f, "  worked on again, outlived the claim    {:>8}", self.outlived)?;
        writeln!(f, "  worked on again, unexplained           {:>8}   has to be 0", self.unexplained)?;
        writeln!(f, "  answered FAIL                          {:>8}", self.failed)?;
        writeln!(f, "  of these worked on nevertheless        {:>8}", self.failed_but_worked_on)?;
        write!(f, "  without an answer                      {:>8}", self.unanswered)
    }
}
