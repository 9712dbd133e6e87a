//! Deserialises the numbers of a policy that have a limit.

use serde::de::Error;
use serde::{Deserialize, Deserializer};

/// In seconds.
pub(super) const DAY: u64 = 24 * 60 * 60;

pub(super) fn at_least_a_day<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    match u64::deserialize(deserializer)? {
        secs if secs < DAY => {
            Err(D::Error::custom(format_args!("expected at least a day, {DAY} seconds, found {secs}")))
        }
        secs => Ok(secs),
    }
}

pub(super) fn percent<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u8, D::Error> {
    match u8::deserialize(deserializer)? {
        percent if percent > 100 => Err(D::Error::custom(format_args!("expected 0 to 100 percent, found {percent}"))),
        percent => Ok(percent),
    }
}
