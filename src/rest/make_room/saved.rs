use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use super::MakeRoom;

/// The version of a saved run: the field that every one has, and that is judged first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Version;

const VERSION: u64 = 1;

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

impl Serialize for MakeRoom {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Self::serialize(self, serializer)
    }
}

impl<'de> Deserialize<'de> for MakeRoom {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let saved = Map::deserialize(deserializer)?;
        // Before all else: the fields of another version would only be called unknown.
        Version::deserialize(saved.get("version").unwrap_or(&Value::Null)).map_err(D::Error::custom)?;
        Self::deserialize(Value::Object(saved)).map_err(D::Error::custom)
    }
}
