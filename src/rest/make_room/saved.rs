use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use super::Report;
use super::run::Run;

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
        Version::deserialize(saved.get("version").unwrap_or(&Value::Null)).map_err(D::Error::custom)?;
        Run::deserialize(Value::Object(saved)).map(Self).map_err(D::Error::custom)
    }
}

/// The version of a saved run, which is checked first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Version;

const VERSION: u64 = 2;

impl Serialize for Version {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        VERSION.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Version {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Option::deserialize(deserializer)? {
            Some(VERSION) => Ok(Self),
            Some(other) => Err(D::Error::custom(format!("expected a run saved as version {VERSION}, found {other}"))),
            None => Err(D::Error::custom(format!("expected a run saved as version {VERSION}, found none"))),
        }
    }
}
