use std::fmt::Write;
use std::time::{SystemTime, UNIX_EPOCH};

use im_group_full::rest::{Outcome, Report};

/// Who goes and why.
pub(crate) fn of(report: &Report, now: SystemTime) -> String {
    let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let mut table = String::new();
    for (i, candidate) in report.candidates().iter().enumerate() {
        if i == 0 {
            line(&mut table, "account", "last active", "joined", "outcome");
        }
        let member = candidate.member();
        let active = match member.last_spoke() {
            None => "never spoke".to_owned(),
            Some(_) => ago(now, member.last_active()),
        };
        let joined = member.joined().map_or_else(|| "not known".to_owned(), |joined| ago(now, joined));
        line(&mut table, member.account(), &active, &joined, outcome(candidate.outcome()));
    }
    table
}

fn ago(now: u64, seconds: u64) -> String {
    format!("{} days ago", now.saturating_sub(seconds) / (24 * 60 * 60))
}

fn line(table: &mut String, account: &str, active: &str, joined: &str, outcome: &str) {
    // Writing to a `String` cannot fail.
    let _ = writeln!(table, "{account:<24}  {active:<16}  {joined:<16}  {outcome}");
}

fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Planned => "planned",
        Outcome::Removed => "removed",
        Outcome::Unconfirmed => "not known",
        Outcome::Rejoined => "has joined anew",
        Outcome::Left => "had left",
        Outcome::Active => "stays: active again",
        Outcome::Reader => "stays: reads",
        Outcome::Promoted => "stays: promoted",
        Outcome::Unclear => "stays: not clear",
        Outcome::NotNeeded => "stays: not needed",
        _ => "other",
    }
}
