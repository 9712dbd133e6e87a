//! Numbers in a policy that have a limit, which deserialising enforces too.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A number of seconds, at least a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "u64")]
pub(super) struct AtLeastADay(u64);

const DAY: u64 = 24 * 60 * 60;

impl AtLeastADay {
    pub(super) fn new(time: Duration) -> Self {
        let part = u64::from(time.subsec_nanos() > 0);
        Self(time.as_secs().saturating_add(part).max(DAY))
    }

    pub(super) fn get(self) -> u64 {
        self.0
    }
}

impl TryFrom<u64> for AtLeastADay {
    type Error = String;

    fn try_from(secs: u64) -> Result<Self, String> {
        if secs < DAY { Err(format!("expected at least a day, {DAY} seconds, found {secs}")) } else { Ok(Self(secs)) }
    }
}

/// At most 100.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "u8")]
pub(super) struct Percent(u8);

impl Percent {
    pub(super) fn new(percent: u8) -> Self {
        Self(percent.min(100))
    }

    /// Rounds up.
    pub(super) fn of(self, whole: u32) -> u32 {
        let share = (u64::from(whole) * u64::from(self.0)).div_ceil(100);
        u32::try_from(share).unwrap_or(u32::MAX)
    }
}

impl Default for Percent {
    fn default() -> Self {
        Self(10)
    }
}

impl TryFrom<u8> for Percent {
    type Error = String;

    fn try_from(percent: u8) -> Result<Self, String> {
        if percent > 100 { Err(format!("expected 0 to 100 percent, found {percent}")) } else { Ok(Self(percent)) }
    }
}
