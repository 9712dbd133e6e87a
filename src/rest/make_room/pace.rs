use std::time::Duration;

/// Limits how fast calls follow each other.
///
/// It belongs to the worker, not to the run: it is not saved, and runs that differ only in it are equal.
#[derive(Debug, Clone)]
pub(super) struct Pace {
    pub(super) between: Duration,
    /// When the last call was handed out, by the run's own clock.
    last: Option<Duration>,
    /// How many waits in a row were returned at the same time, and that time.
    waits: (u32, Duration),
}

/// The number of waits on a stopped clock before going on.
const MAX_WAITS: u32 = 10;

impl Pace {
    pub(super) fn sent(&mut self, at: Duration) {
        self.last = Some(at);
        self.waits = (0, at);
    }

    /// Counts a wait. Returns whether it makes sense: on a clock that stands still, or only runs backwards,
    /// it would never end.
    pub(super) fn may_wait(&mut self, at: Duration) -> bool {
        let (waits, before) = self.waits;
        self.waits = if before == at { (waits.saturating_add(1), at) } else { (1, at) };
        self.waits.0 <= MAX_WAITS
    }

    pub(super) fn waiting(&self, at: Duration) -> Option<Duration> {
        let left = self.last?.saturating_add(self.between).saturating_sub(at);
        (!left.is_zero()).then_some(left)
    }
}

impl Default for Pace {
    fn default() -> Self {
        Self { between: Duration::from_millis(10), last: None, waits: (0, Duration::ZERO) }
    }
}

impl PartialEq for Pace {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Pace {}
