//! What an operator sees and decides.

use std::fmt::Write;

use example_support::say;
use im_group_full::rest::{Candidate, Outcome, Report, SavedRun};
use jiff::Timestamp;
use serde_json::Value;

use crate::database::Error;
use crate::options::RoomsCommand;
use crate::rooms::{Rooms, number, text};

pub(crate) async fn rooms(rooms: &Rooms, command: Option<RoomsCommand>) -> Result<(), String> {
    match command {
        None => list(rooms).await,
        Some(RoomsCommand::Show { group }) => show(rooms, &group).await,
        Some(RoomsCommand::Approve { group, accounts, .. }) => approve(rooms, &group, accounts).await,
        Some(RoomsCommand::Retry { group }) => {
            let count = rooms.retry(&group).await.map_err(say_why)?;
            if count == 0 && !group.is_empty() {
                return Err(format!("{group:?} is not in the table, or in work"));
            }
            say(format_args!("{count} to be tried again"));
            Ok(())
        }
    }
}

pub(crate) async fn removals(rooms: &Rooms, group: &str) -> Result<(), String> {
    for row in rooms.removals(group).await.map_err(say_why)? {
        let [group, account, sent, outcome, active] = fields(row);
        let (sent, active) = (time(number(&sent)), time(number(&active)));
        let (group, account, outcome) = (text(&group), text(&account), text(&outcome));
        say(format_args!("{sent}  {group:?}  {account:?}  {outcome}, last active {active}"));
    }
    Ok(())
}

async fn list(rooms: &Rooms) -> Result<(), String> {
    let rows = rooms.list("").await.map_err(say_why)?;
    if rows.is_empty() {
        say(format_args!("no group of the app {} is in the table", rooms.app()));
    }
    for row in rows {
        say(format_args!("{}", Row::new(row)));
    }
    Ok(())
}

async fn show(rooms: &Rooms, group: &str) -> Result<(), String> {
    let rows = rooms.list(group).await.map_err(say_why)?;
    if rows.is_empty() {
        return Err(format!("{group:?} is not in the table"));
    }
    for row in rows.into_iter().map(Row::new) {
        say(format_args!("{row}"));
        if let Some(run) = &row.run {
            say(format_args!("{}", described(run.report()).map_err(|error| error.to_string())?.trim_end()));
        }
    }
    Ok(())
}

/// Writes names and the plan's number into the row: the policy is the worker's.
async fn approve(rooms: &Rooms, group: &str, accounts: Vec<String>) -> Result<(), String> {
    let rows = rooms.list(group).await.map_err(say_why)?;
    let planned = rows.into_iter().map(Row::new).find(|row| row.state == "planned");
    let Some(Row { run: Some(run), plan, .. }) = planned else { return Err(format!("{group:?} has no plan")) };
    let planned: Vec<_> = run.report().with_outcome(Outcome::Planned).map(account).collect();
    let accounts = if accounts.is_empty() { planned.clone() } else { accounts };
    if let Some(other) = accounts.iter().find(|one| !planned.contains(one)) {
        return Err(format!("{other:?} is not in the plan; nobody was approved"));
    }
    rooms.approve(group, plan, &accounts).await.map_err(|error| match error {
        Error::Late => format!("the plan for {group:?} is another one by now; look at it again"),
        Error::Unavailable(_) => say_why(error),
    })?;
    say(format_args!("approved: {} of {} accounts; the worker carries it out", accounts.len(), planned.len()));
    Ok(())
}

fn account(candidate: &Candidate) -> String {
    candidate.member().account().to_owned()
}

/// A row as one line.
struct Row {
    group: String,
    topic: String,
    state: String,
    due_in: i64,
    attempts: i64,
    error: Option<String>,
    run: Option<SavedRun>,
    plan: i64,
}

impl Row {
    fn new(row: Vec<Value>) -> Self {
        let [group, topic, state, due_in, attempts, error, run, plan] = fields(row);
        Self {
            group: text(&group),
            topic: text(&topic),
            state: text(&state),
            due_in: number(&due_in) / 1000,
            attempts: number(&attempts),
            error: error.as_str().map(str::to_owned),
            run: run.as_str().and_then(|run| serde_json::from_str(run).ok()),
            plan: number(&plan),
        }
    }
}

impl std::fmt::Display for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { group, topic, state, due_in, attempts, error, run, .. } = self;
        write!(f, "{state:8} {group:?}")?;
        if !topic.is_empty() {
            write!(f, " topic {topic:?}")?;
        }
        match &**state {
            "waiting" if *due_in > 0 => write!(f, ", {attempts} attempts, the next in {due_in} s")?,
            "waiting" => write!(f, ", due for {} s", -due_in)?,
            "working" => write!(f, ", attempt {attempts}, lease ends in {due_in} s")?,
            "planned" => {
                let report = run.as_ref().map(SavedRun::report);
                let planned = report.map_or(0, |report| report.with_outcome(Outcome::Planned).count());
                write!(f, ", {planned} members would be removed")?;
                if let Some(raise) = report.and_then(Report::limit_raise) {
                    write!(f, ", raising the limit: {raise:?}")?;
                }
            }
            _ if *due_in > 0 => write!(f, ", not looked at for {due_in} s")?,
            _ => write!(f, ", looked at after the next event")?,
        }
        error.as_ref().map_or(Ok(()), |error| write!(f, ": {error}"))
    }
}

fn described(report: &Report) -> Result<String, std::fmt::Error> {
    let mut text = String::new();
    let (members, limit) = (report.members(), report.limit());
    writeln!(
        text,
        "  {members} of {limit} members at the last count, {} slots free, {} wanted",
        report.free(),
        report.aim()
    )?;
    for (why, count) in report.spared() {
        writeln!(text, "  {count:>6} stay: {why:?}")?;
    }
    for account in report.protected_not_found() {
        writeln!(text, "  protected, and no member: {account:?}")?;
    }
    for candidate in report.candidates() {
        let active = i64::try_from(candidate.member().last_active()).unwrap_or(i64::MAX);
        let (account, outcome) = (candidate.member().account(), candidate.outcome());
        writeln!(text, "  {account:?}  last active {}  {outcome:?}", time(active))?;
    }
    Ok(text)
}

fn time(seconds: i64) -> String {
    Timestamp::from_second(seconds).map_or_else(|_| seconds.to_string(), |time| time.to_string())
}

fn fields<const N: usize>(row: Vec<Value>) -> [Value; N] {
    row.try_into().unwrap_or([const { Value::Null }; N])
}

#[expect(clippy::needless_pass_by_value, reason = "for `map_err`")]
fn say_why(error: Error) -> String {
    error.to_string()
}
