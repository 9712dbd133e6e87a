//! Where the table is. What is run there is in `rooms.rs`, and the same for every database.

mod postgres;
mod sqlite;

use std::pin::Pin;
use std::sync::Arc;

use serde_json::Value;

pub(crate) use self::postgres::Postgres;
pub(crate) use self::sqlite::Sqlite;

/// Runs transactions. What differs between databases stands in braces in a statement: `{now}`, the database's clock in milliseconds
/// since the Unix epoch; `{list}`, the elements of the JSON array `$1` as the column `value`; `{lock}` behind a row that others must
/// wait for, and `{skip}` behind rows of which those that are locked are left out.
pub(crate) trait Database: Send + Sync {
    /// Runs all statements or none, and returns the rows of each.
    fn run(&self, statements: Vec<Statement>) -> Running<'_>;
}

pub(crate) type Shared = Arc<dyn Database>;
pub(crate) type Running<'a> = Pin<Box<dyn Future<Output = Result<Vec<Rows>, Error>> + Send + 'a>>;
/// Numbers, texts and nulls.
pub(crate) type Rows = Vec<Vec<Value>>;

#[derive(Debug, Clone)]
pub(crate) struct Statement {
    pub(crate) sql: &'static str,
    pub(crate) values: Vec<Value>,
    /// Rolls everything back as [`Error::Late`] if no row is changed.
    pub(crate) fenced: bool,
}

#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum Error {
    #[error("the lease is over: another worker may have the group")]
    Late,
    #[error("database: {0}")]
    Unavailable(String),
}

impl Statement {
    pub(crate) fn new(sql: &'static str, values: impl Into<Vec<Value>>) -> Self {
        Self { sql, values: values.into(), fenced: false }
    }

    pub(crate) fn fenced(mut self) -> Self {
        self.fenced = true;
        self
    }
}
