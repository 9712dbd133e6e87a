//! Where the table is. What is run there is in `rooms.rs`, and the same for every database.

pub(crate) mod postgres;
pub(crate) mod sqlite;

use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};

/// Runs transactions on the database that has the other end of the channel.
///
/// What differs between databases stands in braces in a statement: `{now}`, the database's clock in milliseconds since the Unix
/// epoch; `{list}`, the elements of the JSON array `$1` as the column `value`; `{lock}` behind a row that others must wait for, and
/// `{skip}` behind rows of which those that are locked are left out.
#[derive(Clone)]
pub(crate) struct Database(mpsc::Sender<Job>);

struct Job {
    statements: Vec<Statement>,
    answer: oneshot::Sender<Result<Vec<Rows>, Error>>,
}

/// Arrays of numbers, texts and nulls.
pub(crate) type Rows = Vec<Value>;

#[derive(Debug)]
pub(crate) struct Statement {
    sql: &'static str,
    values: Vec<Value>,
    /// Rolls everything back as [`Error::Late`] if there is no row.
    fenced: bool,
}

#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum Error {
    #[error("the lease is over: another worker may have the group")]
    Late,
    #[error("database: {0}")]
    Unavailable(String),
}

impl Database {
    fn channel() -> (Self, mpsc::Receiver<Job>) {
        let (sender, jobs) = mpsc::channel(1024);
        (Self(sender), jobs)
    }

    /// Runs all statements or none, and returns the rows of each.
    pub(crate) async fn run(&self, statements: Vec<Statement>) -> Result<Vec<Rows>, Error> {
        let (answer, result) = oneshot::channel();
        let gone = || Error::Unavailable("nothing runs it any more".into());
        self.0.send(Job { statements, answer }).await.map_err(|_| gone())?;
        result.await.map_err(|_| gone())?
    }

    /// Runs one statement.
    pub(crate) async fn one<T: DeserializeOwned>(
        &self,
        sql: &'static str,
        values: impl Into<Vec<Value>>,
    ) -> Result<Vec<T>, Error> {
        let rows = self.run(vec![Statement::new(sql, values)]).await?.concat();
        serde_json::from_value(rows.into()).map_err(|error| Error::Unavailable(error.to_string()))
    }
}

impl Statement {
    pub(crate) fn new(sql: &'static str, values: impl Into<Vec<Value>>) -> Self {
        Self { sql, values: values.into(), fenced: false }
    }

    pub(crate) fn fenced(self) -> Self {
        Self { fenced: true, ..self }
    }
}
