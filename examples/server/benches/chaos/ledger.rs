//! Compares what was answered with what was done.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::time::{Duration, Instant};

/// The vendor gives up after two seconds.
const TOO_LATE: Duration = Duration::from_secs(2);

pub struct Answer {
    pub receiver: usize,
    pub group: String,
    /// When the event was due: a late sender counts against the server.
    pub start: Instant,
    pub end: Instant,
    pub outcome: Outcome,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Ok,
    /// Another answer, and what it says.
    Fail(String),
    /// No answer, and why.
    None(String),
}

/// What a worker says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mark {
    Begin,
    End,
    /// Whatever this process has begun has ended.
    Killed,
}

#[derive(Debug, Clone)]
pub struct Work {
    pub at: Instant,
    pub process: usize,
    pub mark: Mark,
    pub group: String,
}

/// When a receiver was killed or frozen, until it answered again.
#[derive(Debug, Clone, Copy)]
pub struct Outage {
    pub receiver: usize,
    pub from: Instant,
    pub to: Instant,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    pub ok: usize,
    /// Answered `OK`, and no work on the group began afterwards.
    pub lost: usize,
    /// Work on a group that began before other work on it had ended.
    pub overlapping: usize,
    /// Slower than two seconds, while the server was neither killed nor frozen.
    pub late: usize,
    /// Not answered at all, although the server was neither killed nor frozen, by cause.
    pub ignored: BTreeMap<String, usize>,
    /// Not answered because the server was killed or frozen.
    pub unanswered: usize,
    pub failed: BTreeMap<String, usize>,
}

impl Ledger {
    /// `works` is in the order of its times.
    pub fn new(answers: &[Answer], works: &[Work], outages: &[Outage]) -> Self {
        let mut ledger = Self::default();
        let (mut last, mut open) = (HashMap::<&str, Instant>::new(), HashMap::<&str, usize>::new());
        for Work { at, process, mark, group } in works {
            match mark {
                Mark::Begin => {
                    last.insert(group, *at);
                    ledger.overlapping += usize::from(open.insert(group, *process).is_some());
                }
                Mark::End => drop(open.remove(&**group)),
                Mark::Killed => open.retain(|_, owner| owner != process),
            }
        }
        for answer in answers {
            // The event was stored after its start, so work that began earlier did not look at the group for it.
            let worked = last.get(&*answer.group).is_some_and(|at| *at >= answer.start);
            let excused = outages.iter().any(|outage| {
                outage.receiver == answer.receiver && answer.start < outage.to && answer.end > outage.from
            });
            ledger.late += usize::from(answer.end - answer.start > TOO_LATE && !excused);
            match &answer.outcome {
                Outcome::Ok => {
                    ledger.ok += 1;
                    ledger.lost += usize::from(!worked);
                }
                Outcome::Fail(text) => *ledger.failed.entry(text.clone()).or_default() += 1,
                Outcome::None(_) if excused => ledger.unanswered += 1,
                Outcome::None(cause) => *ledger.ignored.entry(cause.clone()).or_default() += 1,
            }
        }
        ledger
    }

    /// Returns whether every `OK` was true.
    pub fn holds(&self) -> bool {
        self.lost == 0 && self.overlapping == 0
    }

    /// Returns whether every event was answered in time, which a machine that is busy with other things may not manage.
    pub fn is_in_time(&self) -> bool {
        self.late == 0 && self.ignored.is_empty()
    }
}

impl fmt::Display for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "  answered OK                                   {:>8}", self.ok)?;
        writeln!(f, "  of these lost                                 {:>8}   must be 0", self.lost)?;
        writeln!(f, "  effects overlapping in a group                {:>8}   must be 0", self.overlapping)?;
        writeln!(f, "  above 2 s while the receiver runs             {:>8}   must be 0", self.late)?;
        let ignored: usize = self.ignored.values().sum();
        writeln!(f, "  unanswered while the receiver runs            {ignored:>6}   must be 0")?;
        self.ignored.iter().try_for_each(|(cause, count)| writeln!(f, "    {count} {cause}"))?;
        write!(f, "  unanswered while it was killed or frozen      {:>8}", self.unanswered)?;
        self.failed.iter().try_for_each(|(text, count)| write!(f, "\n  FAIL, {text}: {count}"))
    }
}
