//! The table: one row for each group that is full, and a record of everybody who was removed.
//!
//! | state | what it is | `due` |
//! |---|---|---|
//! | `waiting` | for a worker | when to begin |
//! | `working` | a worker has it | when its lease ends, and the row is anybody's again |
//! | `planned` | the plan waits for approval | when an event may replace the plan |
//! | `resting` | work found no more to do, and the group is as good as full | when an event may wake it |
//! | `dead` | failed for good | when an event may wake it |
//!
//! `again` says that an event came that no work has looked at. The database's clock alone decides what is due.

use std::collections::{BTreeMap, HashSet};
use std::time::{Duration, SystemTime};

use im_group_full::rest::{Outcome, Report};
use im_group_full::{GroupFull, SdkAppId};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::Failed;
use crate::database::{Database, Error, Statement};

#[cfg(test)]
mod tests;

/// Of a group and its topic, together. The vendor's are shorter, and an index holds no more than 2.6 KiB.
const MAX_KEY: usize = 1024;
const VERSION: i64 = 1;

const SCHEMA: [&str; 5] = [
    "CREATE TABLE IF NOT EXISTS rooms_schema (version BIGINT PRIMARY KEY)",
    "CREATE TABLE IF NOT EXISTS rooms (app BIGINT NOT NULL, grp TEXT NOT NULL, topic TEXT NOT NULL, event TEXT NOT NULL,
       state TEXT NOT NULL, due BIGINT NOT NULL, again BIGINT NOT NULL, attempts BIGINT NOT NULL DEFAULT 0, owner BIGINT,
       run TEXT, error TEXT, plan BIGINT, approved TEXT, PRIMARY KEY (app, grp, topic))",
    "CREATE INDEX IF NOT EXISTS rooms_due ON rooms (app, due)",
    "CREATE TABLE IF NOT EXISTS removals (app BIGINT NOT NULL, grp TEXT NOT NULL, account TEXT NOT NULL, sent BIGINT NOT NULL,
       outcome TEXT NOT NULL, last_active BIGINT NOT NULL, PRIMARY KEY (app, grp, account, sent))",
    "INSERT INTO rooms_schema (version) VALUES (1) ON CONFLICT DO NOTHING",
];

/// Receivers wait for each other here, so that none counts what another one is about to add.
const LOCK: &str = "SELECT version FROM rooms_schema {lock}";
/// It writes also where nothing changes: a read alone would say `OK` on a standby. (An `UPDATE` would look through all rows.)
const RENEW: &str = "INSERT INTO rooms (app, grp, topic, event, state, due, again)
     SELECT CAST($2 AS BIGINT), value->>'grp', value->>'topic', value->>'event', 'waiting', {now}, 1 FROM {list}
     WHERE EXISTS (SELECT 1 FROM rooms WHERE app = $2 AND grp = value->>'grp' AND topic = value->>'topic')
     ON CONFLICT (app, grp, topic) DO UPDATE SET event = excluded.event, again = 1 RETURNING grp, topic";
const ADD: &str = "INSERT INTO rooms (app, grp, topic, event, state, due, again)
     SELECT CAST($2 AS BIGINT), value->>'grp', value->>'topic', value->>'event', 'waiting', {now}, 1 FROM {list}
     WHERE NOT EXISTS (SELECT 1 FROM rooms WHERE app = $2 AND grp = value->>'grp' AND topic = value->>'topic')
     LIMIT (SELECT CASE WHEN COUNT(*) < $3 THEN $3 - COUNT(*) ELSE 0 END FROM rooms)
     RETURNING grp, topic";
const TAKE: &str = "WITH next AS (SELECT app, grp, topic FROM rooms
       WHERE app = $1 AND due <= {now} AND (again = 1 OR state IN ('waiting', 'working')) ORDER BY due LIMIT $2 {skip})
     UPDATE rooms SET state = 'working', owner = $3, due = {now} + $4, attempts = attempts + 1, again = 0 FROM next
     WHERE rooms.app = next.app AND rooms.grp = next.grp AND rooms.topic = next.topic AND due <= {now}
     RETURNING rooms.grp, rooms.topic, owner, event, attempts, run, plan, approved";
const KEEP: &str = "UPDATE rooms SET due = {now} + $5
     WHERE app = $1 AND grp = $2 AND topic = $3 AND owner = $4 AND due > {now} RETURNING app";
const SAVE: &str = "UPDATE rooms SET due = {now} + $5, run = $6, plan = NULL, approved = NULL
     WHERE app = $1 AND grp = $2 AND topic = $3 AND owner = $4 AND due > {now} RETURNING app";
const END: &str =
    "UPDATE rooms SET state = $5, due = {now} + $6, owner = NULL, attempts = $7, run = $8, error = $9, plan = $10,
       approved = NULL
     WHERE app = $1 AND grp = $2 AND topic = $3 AND owner = $4 AND due > {now} RETURNING app";
const DELETE: &str = "DELETE FROM rooms WHERE app = $1 AND grp = $2 AND topic = $3 AND again = 0";
const RECORD: &str = "INSERT INTO removals (app, grp, account, sent, outcome, last_active)
     SELECT CAST($2 AS BIGINT), CAST($3 AS TEXT), value->>'account', CAST(value->>'sent' AS BIGINT), value->>'outcome',
       CAST(value->>'last_active' AS BIGINT) FROM {list} WHERE 1 = 1
     ON CONFLICT (app, grp, account, sent) DO UPDATE SET outcome = excluded.outcome";
const SWEEP: &str = "DELETE FROM rooms WHERE app = $1 AND again = 0
     AND (state = 'resting' AND due <= {now} OR state IN ('dead', 'planned') AND due <= {now} - $2)";
const COUNT: &str = "SELECT state, COUNT(*), CAST({now} - MIN(due) AS BIGINT) FROM rooms WHERE app = $1 GROUP BY state";
const LIST: &str = "SELECT grp, topic, state, (due - {now}) / 1000, attempts, error, run, plan FROM rooms
     WHERE app = $1 AND ($2 = '' OR grp = $2) ORDER BY state, due, grp, topic";
const APPROVE: &str = "UPDATE rooms SET state = 'waiting', due = {now}, approved = $4
     WHERE app = $1 AND grp = $2 AND topic = '' AND state = 'planned' AND plan = $3 RETURNING app";
const RETRY: &str = "UPDATE rooms SET state = 'waiting', due = {now}, attempts = 0
     WHERE app = $1 AND ($2 = '' OR grp = $2) AND (state IN ('waiting', 'resting', 'dead') OR state = 'planned' AND $2 <> '')
     RETURNING grp";
const REMOVALS: &str = "SELECT grp, account, sent, outcome, last_active FROM removals
     WHERE app = $1 AND ($2 = '' OR grp = $2) ORDER BY sent, grp, account";

/// The rows of one app.
#[derive(Clone)]
pub(crate) struct Rooms {
    database: Database,
    app: i64,
}

/// Group and topic; no topic is the empty text.
pub(crate) type Key = (String, String);

/// A row that a worker has until its lease ends: what [`TAKE`] returns.
#[derive(Deserialize)]
pub(crate) struct Taken {
    pub(crate) group: String,
    pub(crate) topic: String,
    /// Random: a number that counts would begin again when a row comes back.
    owner: i64,
    pub(crate) event: String,
    /// This one counts, also when it ends with the process.
    pub(crate) attempts: i64,
    pub(crate) run: Option<String>,
    plan: Option<i64>,
    approved: Option<String>,
}

impl Taken {
    /// Returns whom an operator let go.
    pub(crate) fn approved(&self) -> Option<Vec<String>> {
        serde_json::from_str(self.approved.as_deref()?).ok()
    }

    /// Returns whether the run is a plan that nobody has approved.
    pub(crate) fn is_only_planned(&self) -> bool {
        self.plan.is_some() && self.approved().is_none()
    }
}

/// What [`LIST`] returns.
#[derive(Deserialize)]
pub(crate) struct Listed {
    pub(crate) group: String,
    pub(crate) topic: String,
    pub(crate) state: String,
    /// In seconds.
    pub(crate) due_in: i64,
    pub(crate) attempts: i64,
    pub(crate) error: Option<String>,
    pub(crate) run: Option<String>,
    pub(crate) plan: Option<i64>,
}

/// What [`REMOVALS`] returns: group, account, when it was sent, its outcome and when the member was last active.
pub(crate) type Removal = (String, String, i64, String, i64);

/// How work on a group ends.
#[derive(Debug)]
pub(crate) enum End {
    /// Nothing is left to do.
    Done,
    /// No more can be done for now, and why.
    Rest(String),
    Planned,
    /// To be tried again after this time, and why.
    Retry(Duration, String),
    /// Trying again does not help, and why.
    Dead(String),
    /// The process ends.
    Released,
}

impl End {
    /// Returns the word for it, in logs and metrics.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Rest(_) => "rests",
            Self::Planned => "planned",
            Self::Retry(..) => "failed",
            Self::Dead(_) => "dead",
            Self::Released => "released",
        }
    }
}

const HOUR: Duration = Duration::from_secs(60 * 60);
/// How long a group is left alone: its next failed join tells nothing new.
const REST: Duration = HOUR;
/// How long events leave a plan alone.
const PLAN: Duration = HOUR.saturating_mul(24);
/// How long rows that nobody asks for are kept.
const FORGET: Duration = PLAN.saturating_mul(30);

impl Rooms {
    /// Makes the tables, unless they are there.
    pub(crate) async fn open(database: Database, app: SdkAppId) -> Result<Self, Failed> {
        let app = i64::try_from(app.get()).map_err(|_| format!("the SDKAppID {app} is too large for the table"))?;
        let rooms = Self { database, app };
        let mut found = rooms.versions().await;
        // Twice: two processes that begin at once can be in each other's way. A role that must not create finds what is there.
        for _ in 0..2 {
            if found.is_err() {
                let made = rooms.database.run(SCHEMA.map(|sql| Statement::new(sql, [])).into()).await;
                found = rooms.versions().await.map_err(|error| made.err().unwrap_or(error));
            }
        }
        match found?.into_iter().max() {
            Some((VERSION,)) => Ok(rooms),
            other => {
                Err(format!("expected tables of version {VERSION}, found {:?}", other.map(|(version,)| version)).into())
            }
        }
    }

    async fn versions(&self) -> Result<Vec<(i64,)>, Error> {
        self.database.one("SELECT version FROM rooms_schema", []).await
    }

    pub(crate) fn app(&self) -> i64 {
        self.app
    }

    /// Returns the key of an event, unless it cannot be stored.
    pub(crate) fn key(event: &GroupFull<'_>) -> Result<Key, &'static str> {
        let key = (event.group_id().to_owned(), event.topic_id().unwrap_or_default().to_owned());
        // PostgreSQL takes no NUL.
        if key.0.contains('\0') || key.1.contains('\0') {
            Err("the ID of the group holds a NUL")
        } else if key.0.len() + key.1.len() > MAX_KEY {
            Err("the ID of the group is too long")
        } else {
            Ok(key)
        }
    }

    /// Stores events, of which each group has one, and returns the groups that are in the table now: all, unless it is full.
    pub(crate) async fn put(&self, events: &BTreeMap<&Key, &str>, max_rooms: u32) -> Result<HashSet<Key>, Error> {
        let list = events.iter().map(|((group, topic), event)| json!({ "grp": group, "topic": topic, "event": event }));
        let list = list.collect::<Value>().to_string();
        let lock = Statement::new(LOCK, []);
        let renew = Statement::new(RENEW, [list.clone().into(), self.app.into()]);
        let add = Statement::new(ADD, [list.into(), self.app.into(), i64::from(max_rooms).into()]);
        let stored = self.database.run(vec![lock, renew, add]).await?.into_iter().skip(1).flatten();
        Ok(stored.filter_map(|key| serde_json::from_value(key).ok()).collect())
    }

    pub(crate) async fn take(&self, most: usize, lease: Duration) -> Result<Vec<Taken>, Error> {
        let owner: i64 = rand::random();
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        self.database.one(TAKE, [self.app.into(), most.into(), owner.into(), millis(lease).into()]).await
    }

    fn owned(&self, taken: &Taken, sql: &'static str, more: impl IntoIterator<Item = Value>) -> Statement {
        let key = [self.app.into(), (*taken.group).into(), (*taken.topic).into(), taken.owner.into()];
        Statement::new(sql, key.into_iter().chain(more).collect::<Vec<_>>()).fenced()
    }

    /// Makes the lease longer.
    pub(crate) async fn keep(&self, taken: &Taken, lease: Duration) -> Result<(), Error> {
        self.database.run(vec![self.owned(taken, KEEP, [millis(lease).into()])]).await.map(drop)
    }

    /// Saves the run, and with it the record of its removals.
    pub(crate) async fn save(&self, taken: &Taken, lease: Duration, run: &str, report: &Report) -> Result<(), Error> {
        let mut statements = vec![self.owned(taken, SAVE, [millis(lease).into(), run.into()])];
        statements.extend(self.record(report));
        self.database.run(statements).await.map(drop)
    }

    /// Ends the work. `run` is what the next attempt goes on with.
    pub(crate) async fn end(
        &self,
        taken: &Taken,
        end: &End,
        run: Option<String>,
        report: Option<&Report>,
    ) -> Result<(), Error> {
        let mut plan = None;
        let (state, due, attempts, error) = match end {
            End::Done => ("waiting", Duration::ZERO, 0, None),
            End::Rest(why) => ("resting", REST, 0, Some(why)),
            End::Planned => {
                plan = Some(rand::random::<i64>());
                ("planned", PLAN, 0, None)
            }
            End::Retry(after, why) => ("waiting", *after, taken.attempts, Some(why)),
            End::Dead(why) => ("dead", REST, 0, Some(why)),
            End::Released => ("waiting", Duration::ZERO, taken.attempts - 1, None),
        };
        // PostgreSQL takes no NUL.
        let error = error.map(|why| why.replace('\0', "\u{fffd}"));
        let values = [state.into(), millis(due).into(), attempts.into(), run.into(), error.into(), plan.into()];
        let mut statements = vec![self.owned(taken, END, values)];
        if let End::Done = end {
            statements.push(Statement::new(DELETE, [self.app.into(), (*taken.group).into(), (*taken.topic).into()]));
        }
        statements.extend(report.and_then(|report| self.record(report)));
        self.database.run(statements).await.map(drop)
    }

    /// Everybody whose removal was handed out.
    fn record(&self, report: &Report) -> Option<Statement> {
        let seconds = |time: SystemTime| time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
        let sent = report.candidates().iter().filter_map(|one| {
            let (account, sent) = (one.member().account(), seconds(one.removal_sent()?));
            // Handed out, and not answered yet.
            let outcome = if one.outcome() == Outcome::Planned { Outcome::Unconfirmed } else { one.outcome() };
            let (outcome, last_active) = (format!("{outcome:?}"), one.member().last_active());
            Some(json!({ "account": account, "sent": sent, "outcome": outcome, "last_active": last_active }))
        });
        let list: Vec<_> = sent.collect();
        let values = |list| [Value::Array(list).to_string().into(), self.app.into(), report.group_id().into()];
        (!list.is_empty()).then(|| Statement::new(RECORD, values(list)))
    }

    /// Deletes rows that rest without need, or that nobody has asked for in a month.
    pub(crate) async fn sweep(&self) -> Result<(), Error> {
        self.database.run(vec![Statement::new(SWEEP, [self.app.into(), millis(FORGET).into()])]).await.map(drop)
    }

    /// Returns each state, how many rows are in it, and for how many milliseconds the first has been due.
    pub(crate) async fn count(&self) -> Result<Vec<(String, i64, i64)>, Error> {
        self.database.one(COUNT, [self.app.into()]).await
    }

    /// Returns the rows of one group, or of all.
    pub(crate) async fn list(&self, group: &str) -> Result<Vec<Listed>, Error> {
        self.database.one(LIST, [self.app.into(), group.into()]).await
    }

    /// Lets the worker carry out a plan for these accounts. [`Error::Late`] means that the plan is another one by now.
    pub(crate) async fn approve(&self, group: &str, plan: i64, accounts: &[String]) -> Result<(), Error> {
        let names = json!(accounts).to_string();
        let approve = Statement::new(APPROVE, [self.app.into(), group.into(), plan.into(), names.into()]);
        self.database.run(vec![approve.fenced()]).await.map(drop)
    }

    /// Lets work begin at once on what waits, rests or is dead, and returns on how many rows. The plan of a group that is named is
    /// made anew.
    pub(crate) async fn retry(&self, group: &str) -> Result<usize, Error> {
        let rows: Vec<Value> = self.database.one(RETRY, [self.app.into(), group.into()]).await?;
        Ok(rows.len())
    }

    pub(crate) async fn removals(&self, group: &str) -> Result<Vec<Removal>, Error> {
        self.database.one(REMOVALS, [self.app.into(), group.into()]).await
    }
}

fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}
