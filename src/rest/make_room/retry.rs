use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::rest::RestError;
use crate::rest::error::Repr;

/// Failures without progress before giving up.
const MAX_FAILURES: u32 = 5;

/// Decides whether to retry, and when.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Retry {
    /// Failures since the last progress. Below [`MAX_FAILURES`] while there is no `failure`.
    failures: u32,
    /// Nothing is sent before this time of the run's clock.
    pause: Option<Duration>,
    /// Nothing is sent until it is cleared.
    pub(super) failure: Option<RestError>,
}

impl Retry {
    /// Records a failure at `at`: the next try comes after a back-off that doubles, or never.
    pub(super) fn failed(&mut self, error: RestError, at: Duration) {
        let doublings = self.failures;
        self.failures = self.failures.saturating_add(1);
        match error.retry_after() {
            Some(wait) if self.failures < MAX_FAILURES => {
                self.pause = Some(at.saturating_add(wait * 2_u32.pow(doublings)));
            }
            _ => self.failure = Some(error),
        }
    }

    /// Counts a step that has to be repeated at once, because its data is outdated.
    pub(super) fn too_slow(&mut self) {
        self.failures = self.failures.saturating_add(1);
        if self.failures >= MAX_FAILURES {
            self.failure = Some(RestError(Repr::TooSlow));
        }
    }

    pub(super) fn progressed(&mut self) {
        self.failures = 0;
    }

    /// Clears the failure; returns whether there was one.
    pub(super) fn resume(&mut self) -> bool {
        let resumed = self.failure.take().is_some();
        if resumed {
            *self = Self::default();
        }
        resumed
    }

    pub(super) fn waiting(&self, at: Duration) -> Option<Duration> {
        let left = self.pause?.saturating_sub(at);
        (!left.is_zero()).then_some(left)
    }
}
