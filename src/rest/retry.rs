use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::make_room::Phase;
use super::{MakeRoom, Outcome, RestError, since_epoch};

/// How many failures without progress are one too many.
const MAX_FAILURES: u32 = 5;

/// How old what was read may be when a removal relies on it.
const FRESH: Duration = Duration::from_secs(30);

/// A wait before the next call, both ends since the epoch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Pause {
    from: Duration,
    until: Duration,
}

/// How a run goes on when there was no answer, or not in time.
impl MakeRoom {
    pub(super) fn failed(&mut self, error: RestError, now: SystemTime) {
        if self.phase == Phase::Delete {
            if error.may_have_been_done() {
                self.mark_doomed(Outcome::Unconfirmed);
            }
            self.counted_at = None;
            self.look_again(self.round.start, self.round.end);
        }
        let doublings = self.failures;
        self.failures = self.failures.saturating_add(1);
        match error.retry_after() {
            Some(wait) if self.failures < MAX_FAILURES => {
                let from = since_epoch(now);
                let until = from.saturating_add(wait * 2_u32.pow(doublings));
                self.pause = Some(Pause { from, until });
            }
            _ => self.failure = Some(error),
        }
    }

    /// Gives up what was read too long ago to remove anybody because of it: this run may have been
    /// stopped meanwhile.
    pub(super) fn expire(&mut self, now: SystemTime) {
        if self.phase != Phase::Delete {
            return;
        }
        if !is_fresh(self.round.looked_at, now) {
            self.counted_at = None;
            self.look_again(self.round.start, self.round.end);
            self.failures = self.failures.saturating_add(1);
            if self.failures >= MAX_FAILURES {
                self.failure = Some(RestError::too_slow());
            }
        } else if !is_fresh(self.counted_at, now) {
            self.phase = Phase::Recount;
        }
    }

    /// How long the caller has still to wait.
    pub(super) fn waiting(&mut self, now: SystemTime) -> Option<Duration> {
        let now = since_epoch(now);
        let pause = self.pause.as_ref()?;
        // A clock that was set back must not turn seconds into days.
        let left = pause.until.saturating_sub(now);
        if now < pause.from || left.is_zero() {
            self.pause = None;
            return None;
        }
        Some(left)
    }
}

/// Whether what was read at this time since the epoch may be relied upon.
pub(super) fn is_fresh(read_at: Option<Duration>, now: SystemTime) -> bool {
    let age = read_at.and_then(|at| since_epoch(now).checked_sub(at));
    age.is_some_and(|age| age <= FRESH)
}
