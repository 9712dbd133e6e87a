use serde::de::Error;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::Report;
use super::run::Run;

/// The `version` of a saved run.
pub(super) const VERSION: u64 = 2;

/// A saved [`MakeRoom`](super::MakeRoom), deserialised.
///
/// It cannot continue by itself: pass it to [`MakeRoom::continue_from`](super::MakeRoom::continue_from), so that
/// today's policy and options hold.
///
/// It has a `version`, and is read strictly. A later version of this crate either continues it as this one
/// would, or rejects it with an error that names both versions; then begin a new run, which frees the slots
/// that are still missing. Only JSON and other formats with named fields are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedRun(pub(super) Run);

impl SavedRun {
    /// Returns what the run had found and done.
    pub fn report(&self) -> &Report {
        &self.0.report
    }
}

impl<'de> Deserialize<'de> for SavedRun {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let saved = Map::deserialize(deserializer)?;
        // Checked first: the fields of another version would only be reported as unknown.
        let version = saved.get("version").unwrap_or(&Value::Null);
        match Option::deserialize(version).map_err(D::Error::custom)? {
            Some(VERSION) => Run::deserialize(Value::Object(saved)).map(Self).map_err(D::Error::custom),
            Some(other) => {
                Err(D::Error::custom(format_args!("expected a run saved as version {VERSION}, found {other}")))
            }
            None => Err(D::Error::custom(format_args!("expected a run saved as version {VERSION}, found none"))),
        }
    }
}
