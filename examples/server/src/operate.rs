//! What an operator sees and decides.

use std::fmt::{Display, Formatter, Result as Written};

use example_support::say;
use im_group_full::rest::{Outcome, Report, SavedRun};
use jiff::Timestamp;

use crate::Failed;
use crate::database::Error;
use crate::options::RoomsCommand;
use crate::rooms::{Listed, Rooms};

pub(crate) async fn rooms(rooms: &Rooms, command: Option<RoomsCommand>) -> Result<(), Failed> {
    match command {
        None => {
            let rows = rooms.list("").await?;
            if rows.is_empty() {
                say(format_args!("no group of the app {} is in the table", rooms.app()));
            }
            for row in rows {
                say(format_args!("{row}"));
            }
        }
        Some(RoomsCommand::Show { group }) => {
            let rows = rooms.list(&group).await?;
            if rows.is_empty() {
                return Err(format!("{group:?} is not in the table").into());
            }
            for row in rows {
                say(format_args!("{row}"));
                if let Some(run) = row.saved() {
                    describe(run.report());
                }
            }
        }
        Some(RoomsCommand::Approve { group, accounts, .. }) => approve(rooms, &group, accounts).await?,
        Some(RoomsCommand::Retry { group }) => {
            let count = rooms.retry(&group).await?;
            if count == 0 && !group.is_empty() {
                return Err(format!("{group:?} is not in the table, or in work").into());
            }
            say(format_args!("{count} to be tried again"));
        }
    }
    Ok(())
}

pub(crate) async fn removals(rooms: &Rooms, group: &str) -> Result<(), Failed> {
    for (group, account, sent, outcome, active) in rooms.removals(group).await? {
        let (sent, active) = (time(sent), time(active));
        say(format_args!("{sent}  {group:?}  {account:?}  {outcome}, last active {active}"));
    }
    Ok(())
}

/// Writes names and the plan's number into the row: the policy is the worker's.
async fn approve(rooms: &Rooms, group: &str, mut accounts: Vec<String>) -> Result<(), Failed> {
    let rows = rooms.list(group).await?;
    let row = rows.iter().find(|row| row.state == "planned");
    let run = row.and_then(|row| Some((row.saved()?, row.plan?)));
    let Some((run, plan)) = run else { return Err(format!("{group:?} has no plan").into()) };
    let planned: Vec<_> = run.report().with_outcome(Outcome::Planned).map(|one| one.member().account()).collect();
    if accounts.is_empty() {
        accounts = planned.iter().map(|account| (*account).to_owned()).collect();
    }
    if let Some(other) = accounts.iter().find(|one| !planned.contains(&&***one)) {
        return Err(format!("{other:?} is not in the plan; nobody was approved").into());
    }
    rooms.approve(group, plan, &accounts).await.map_err(|error| match error {
        Error::Late => format!("the plan for {group:?} is another one by now; look at it again"),
        Error::Unavailable(_) => error.to_string(),
    })?;
    say(format_args!("approved: {} of {} accounts; the worker carries it out", accounts.len(), planned.len()));
    Ok(())
}

impl Listed {
    fn saved(&self) -> Option<SavedRun> {
        serde_json::from_str(self.run.as_deref()?).ok()
    }
}

/// A row as one line.
impl Display for Listed {
    fn fmt(&self, f: &mut Formatter<'_>) -> Written {
        let Self { group, topic, state, due_in, attempts, error, .. } = self;
        write!(f, "{state:8} {group:?}")?;
        if !topic.is_empty() {
            write!(f, " topic {topic:?}")?;
        }
        match &**state {
            "waiting" if *due_in > 0 => write!(f, ", {attempts} attempts, the next in {due_in} s")?,
            "waiting" => write!(f, ", due for {} s", -due_in)?,
            "working" => write!(f, ", attempt {attempts}, lease ends in {due_in} s")?,
            "planned" => {
                let run = self.saved();
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
        error.iter().try_for_each(|error| write!(f, ": {error}"))
    }
}

fn describe(report: &Report) {
    let (members, limit, free, aim) = (report.members(), report.limit(), report.free(), report.aim());
    say(format_args!("  {members} of {limit} members at the last count, {free} slots free, {aim} wanted"));
    for (why, count) in report.spared() {
        say(format_args!("  {count:>6} stay: {why:?}"));
    }
    for account in report.protected_not_found() {
        say(format_args!("  protected, and no member: {account:?}"));
    }
    for candidate in report.candidates() {
        let active = i64::try_from(candidate.member().last_active()).unwrap_or(i64::MAX);
        let (account, outcome) = (candidate.member().account(), candidate.outcome());
        say(format_args!("  {account:?}  last active {}  {outcome:?}", time(active)));
    }
}

fn time(seconds: i64) -> String {
    Timestamp::from_second(seconds).map_or_else(|_| seconds.to_string(), |time| time.to_string())
}
