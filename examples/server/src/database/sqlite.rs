//! SQLite, on a thread of its own: it blocks, and it writes one transaction at a time anyway.

use std::path::Path;
use std::thread;
use std::time::Duration;

use rusqlite::types::{Value as Stored, ValueRef};
use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};
use serde_json::Value;

use super::{Database, Error, Job, Rows, Statement};

/// For another process that writes, such as the command line. An event waits twice as long at most: for those before it, and for
/// itself.
const BUSY: Duration = Duration::from_millis(600);
/// Callers that share one commit at most.
const TOGETHER: usize = 64;

pub(crate) fn open(path: &Path, make: bool) -> Result<Database, String> {
    let failed = |error| format!("{}: {error}", path.display());
    let mut flags = OpenFlags::default();
    flags.set(OpenFlags::SQLITE_OPEN_CREATE, make);
    let mut connection = Connection::open_with_flags(path, flags).map_err(|error| {
        format!("{}, as this user: {error}", std::path::absolute(path).as_deref().unwrap_or(path).display())
    })?;
    connection.busy_timeout(BUSY).map_err(failed)?;
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
    thread::Builder::new().name("sqlite".into()).spawn(run).map_err(|error| error.to_string())?;
    Ok(database)
}

/// Runs what waits in one transaction, each job in a savepoint: a commit takes as long for many as for one.
fn work(connection: &mut Connection, waiting: &mut Vec<Job>) {
    let mut answers = Vec::new();
    let committed = (|| {
        let mut transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for Job { statements, .. } in &*waiting {
            let savepoint = transaction.savepoint()?;
            let result = all(&savepoint, statements);
            // Dropped, it is rolled back.
            if result.is_ok() {
                savepoint.commit()?;
            }
            answers.push(result);
        }
        transaction.commit()
    })();
    // Who does not wait any more was told that it failed.
    match committed {
        Ok(()) => waiting.drain(..).zip(answers).for_each(|(job, answer)| drop(job.answer.send(answer))),
        Err(error) => waiting.drain(..).for_each(|job| drop(job.answer.send(Err(unavailable(&error))))),
    }
}

fn all(connection: &Connection, statements: &[Statement]) -> Result<Vec<Rows>, Error> {
    statements.iter().map(|statement| one(connection, statement)).collect()
}

fn one(connection: &Connection, Statement { sql, values, fenced }: &Statement) -> Result<Rows, Error> {
    let sql = sql
        .replace("{now}", "CAST((julianday('now') - 2440587.5) * 86400000 AS BIGINT)")
        .replace("{list}", "json_each($1)")
        .replace("{lock}", "")
        .replace("{skip}", "")
        .replace('$', "?");
    let mut prepared = connection.prepare_cached(&sql).map_err(|error| unavailable(&error))?;
    let columns = prepared.column_count();
    let values = values.iter().map(|value| match value {
        Value::Null => Stored::Null,
        Value::String(text) => Stored::Text(text.clone()),
        number => Stored::Integer(number.as_i64().unwrap_or_default()),
    });
    let mut rows = prepared.query(rusqlite::params_from_iter(values)).map_err(|error| unavailable(&error))?;
    let mut found = Rows::new();
    while let Some(row) = rows.next().map_err(|error| unavailable(&error))? {
        let values = (0..columns).map(|column| {
            Ok(match row.get_ref(column)? {
                ValueRef::Integer(number) => number.into(),
                ValueRef::Text(text) => String::from_utf8_lossy(text).into(),
                _ => Value::Null,
            })
        });
        found.push(values.collect::<rusqlite::Result<_>>().map_err(|error| unavailable(&error))?);
    }
    drop(rows);
    if *fenced && connection.changes() == 0 { Err(Error::Late) } else { Ok(found) }
}

fn unavailable(error: &rusqlite::Error) -> Error {
    Error::Unavailable(match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy) => "busy: another process writes".into(),
        _ => error.to_string(),
    })
}
