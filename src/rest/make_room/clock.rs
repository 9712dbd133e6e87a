use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::rest::since_epoch;

/// The caller's clock, made into one that never runs backwards, so that no wait is cut short or
/// drawn out and nothing that was read becomes younger.
///
/// Invariant: what it shows never decreases, and grows at least as fast as the caller's clock. So an
/// age by this clock is never less than the age by the caller's.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Clock {
    /// What the caller's clock last showed, since the epoch.
    seen: Duration,
    /// By how much the caller's clock was set back, all in all.
    behind: Duration,
    /// The latest that the caller's clock showed since ages were last unknown.
    latest: Duration,
}

/// A clock that shows a time earlier by more tells nothing about how long ago something was. Smaller steps are
/// normal NTP corrections, or two machines that agree.
const JITTER: Duration = Duration::from_secs(1);

/// How old what was read may be when a removal relies on it.
const FRESH: Duration = Duration::from_secs(30);

impl Clock {
    /// What this clock last showed.
    pub(super) fn last(&self) -> Duration {
        self.seen.saturating_add(self.behind)
    }

    /// Takes what the caller's clock shows. Returns what this one does, and whether ages are still
    /// known.
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

/// Whether what was asked at `asked_at` may be relied upon at `at`; `None` if that is not known.
pub(super) fn is_fresh(asked_at: Option<Duration>, at: Duration) -> bool {
    let age = asked_at.and_then(|asked_at| at.checked_sub(asked_at));
    age.is_some_and(|age| age <= FRESH)
}
