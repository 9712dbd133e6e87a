//! The apps and their tokens.

use std::path::Path;
use std::time::Duration;

use im_group_full::{InvalidToken, SdkAppId, Token, Validator};
use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};

/// The vendor waits two seconds, and a failure that comes later than that is not heard.
const PATIENCE: Duration = Duration::from_millis(500);

#[derive(Clone)]
pub(crate) struct Tenants(SqlitePool);

/// Why an app could not be looked up, or added.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("{0}")]
    Database(#[from] sqlx::Error),
    #[error("app {0}: {1}")]
    Token(SdkAppId, InvalidToken),
    #[error("app {0}: too large for this database")]
    App(SdkAppId),
}

impl Tenants {
    /// Opens the database, and makes what is not there.
    pub(crate) async fn open(file: &Path) -> Result<Self, Error> {
        let options = SqliteConnectOptions::new().filename(file).create_if_missing(true).busy_timeout(PATIENCE);
        let pool = SqlitePoolOptions::new().acquire_timeout(PATIENCE).connect_with(options).await?;
        let table = "CREATE TABLE IF NOT EXISTS callback_token \
                     (sdk_app_id INTEGER NOT NULL, token TEXT NOT NULL, PRIMARY KEY (sdk_app_id, token))";
        sqlx::query(table).execute(&pool).await?;
        Ok(Self(pool))
    }

    /// Adds a token of an app, unless it is there.
    pub(crate) async fn add(&self, app: SdkAppId, token: &str) -> Result<(), Error> {
        Token::new(token).map_err(|error| Error::Token(app, error))?;
        let id = i64::try_from(app.get()).map_err(|_| Error::App(app))?;
        let insert = "INSERT OR IGNORE INTO callback_token (sdk_app_id, token) VALUES (?, ?)";
        sqlx::query(insert).bind(id).bind(token).execute(&self.0).await?;
        Ok(())
    }

    /// Returns what checks the callbacks of an app: `None` if there is no such app, never a validator without a token.
    pub(crate) async fn validator(&self, app: SdkAppId) -> Result<Option<Validator>, Error> {
        let Ok(id) = i64::try_from(app.get()) else { return Ok(None) };
        let select = "SELECT token FROM callback_token WHERE sdk_app_id = ?";
        let tokens: Vec<String> = sqlx::query_scalar(select).bind(id).fetch_all(&self.0).await?;
        let mut validator: Option<Validator> = None;
        for token in tokens {
            let token = Token::new(token).map_err(|error| Error::Token(app, error))?;
            validator = Some(match validator {
                None => Validator::signed(app, token),
                Some(validator) => validator.also_accept(token),
            });
        }
        Ok(validator)
    }
}
