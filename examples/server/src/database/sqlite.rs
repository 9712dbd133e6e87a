//! SQLite, on a thread of its own: it blocks, and it writes one transaction at a time anyway.

use std::path::Path;
use std::thread;
use std::time::Duration;

use rusqlite::types::{Value as Stored, ValueRef};
use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior, params_from_iter};
use serde_json::Value;

use super::{Database, Error, Job, Rows, Statement};
use crate::Failed;

/// For another process that writes, such as the command line. An event waits twice as long at most: for those before it, and for
/// itself.
const BUSY: Duration = Duration::from_millis(600);
/// Callers that share one commit at most.
const TOGETHER: usize = 64;

pub(crate) fn open(path: &Path, make: bool) -> Result<Database, Failed> {
    let mut flags = OpenFlags::default();
    flags.set(OpenFlags::SQLITE_OPEN_CREATE, make);
    let file = std::path::absolute(path).unwrap_or_else(|_| path.into());
    let failed = |error| format!("{}, as this user: {error}", file.display());
    let mut connection = Connection::open_with_flags(path, flags).map_err(failed)?;
    connection.busy_timeout(BUSY)?;
    // FULL: a commit is on the disk before it is believed.
    connection.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL").map_err(failed)?;
    connection.set_prepared_statement_cache_capacity(64);
    let (database, mut jobs) = Database::channel();
    let run = move || {
        let mut waiting = Vec::new();
        while jobs.blocking_recv_many(&mut waiting, TOGETHER) > 0 {
            // Nobody waits for the others any more.
            waiting.retain(|job| !job.answer.is_closed());
            work(&mut connection, &mut waiting);
        }
    };
    thread::Builder::new().name("sqlite".into()).spawn(run)?;
    Ok(database)
}

/// Runs what waits in one transaction, each job in a savepoint: a commit takes as long for many as for one.
fn work(connection: &mut Connection, waiting: &mut Vec<Job>) {
    let mut answers = Vec::new();
    let committed = (|| {
        let mut transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for Job { statements, .. } in &*waiting {
            let savepoint = transaction.savepoint()?;
            let result: Result<Vec<_>, _> = statements.iter().map(|statement| one(&savepoint, statement)).collect();
            // Dropped, it is rolled back.
            if result.is_ok() {
                savepoint.commit()?;
            }
            answers.push(result);
        }
        transaction.commit()
    })();
    if let Err(error) = committed {
        answers = vec![Err(error.into()); waiting.len()];
    }
    // Who does not wait any more was told that it failed.
    waiting.drain(..).zip(answers).for_each(|(job, answer)| drop(job.answer.send(answer)));
}

fn one(connection: &Connection, Statement { sql, values, fenced }: &Statement) -> Result<Rows, Error> {
    let sql = sql
        .replace("{now}", "CAST((julianday('now') - 2440587.5) * 86400000 AS BIGINT)")
        .replace("{list}", "json_each($1)")
        .replace("{lock}", "")
        .replace("{skip}", "")
        .replace('$', "?");
    let mut prepared = connection.prepare_cached(&sql)?;
    let columns = prepared.column_count();
    let values = values.iter().map(|value| match value {
        Value::Null => Stored::Null,
        Value::String(text) => Stored::Text(text.clone()),
        number => Stored::Integer(number.as_i64().unwrap_or_default()),
    });
    let rows = prepared.query_map(params_from_iter(values), |row| {
        let values = (0..columns).map(|column| {
            Ok(match row.get_ref(column)? {
                ValueRef::Integer(number) => number.into(),
                ValueRef::Text(text) => String::from_utf8_lossy(text).into(),
                _ => Value::Null,
            })
        });
        values.collect()
    })?;
    let rows = rows.collect::<Result<Rows, _>>()?;
    if *fenced && rows.is_empty() { Err(Error::Late) } else { Ok(rows) }
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        Self::Unavailable(match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy) => "busy: another process writes".into(),
            _ => error.to_string(),
        })
    }
}
