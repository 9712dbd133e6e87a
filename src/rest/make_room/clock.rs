use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::rest::since_epoch;

/// Turns the caller's clock into one that never runs backwards, so that waits keep their length and data
/// never becomes younger.
///
/// Invariant: it never decreases, and grows at least as fast as the caller's clock. So an age by this clock
/// is never less than by the caller's.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Clock {
    /// The last time of the caller's clock, since the epoch.
    seen: Duration,
    /// By how much the caller's clock was set back in total.
    behind: Duration,
    /// The latest time of the caller's clock since ages were last unknown.
    latest: Duration,
}

/// After a larger step back, ages are unknown. Smaller steps are normal NTP corrections, or the difference
/// between two machines.
const JITTER: Duration = Duration::from_secs(1);

/// The maximum age of data that a removal relies on.
const FRESH: Duration = Duration::from_secs(30);

impl Clock {
    /// Returns the last time of this clock.
    pub(super) fn last(&self) -> Duration {
        self.seen.saturating_add(self.behind)
    }

    /// Advances to the caller's `now`. Returns the time of this clock, and whether ages are still known.
    pub(super) fn read(&mut self, now: SystemTime) -> (Duration, bool) {
        let now = since_epoch(now);
        let back = self.seen.saturating_sub(now);
        self.seen = now;
        self.behind = self.behind.saturating_add(back);
        let ages_known = self.latest.saturating_sub(now) <= JITTER;
        self.latest = if ages_known { self.latest.max(now) } else { now };
        (now.saturating_add(self.behind), ages_known)
    }
}

/// Returns whether data requested at `asked_at` is still fresh at `at`. If `asked_at` is unknown, it is not.
pub(super) fn is_fresh(asked_at: Option<Duration>, at: Duration) -> bool {
    let age = asked_at.and_then(|asked_at| at.checked_sub(asked_at));
    age.is_some_and(|age| age <= FRESH)
}
