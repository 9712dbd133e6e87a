use std::time::Duration;

/// How fast calls follow each other.
///
/// It belongs to the worker and not to the run: it is not saved, and two runs that differ in it
/// alone are equal.
#[derive(Debug, Clone)]
pub(super) struct Pace {
    pub(super) between: Duration,
    /// When the last call was handed out, by the run's own clock.
    last: Option<Duration>,
}

impl Pace {
    pub(super) fn sent(&mut self, at: Duration) {
        self.last = Some(at);
    }

    pub(super) fn waiting(&self, at: Duration) -> Option<Duration> {
        let left = self.last?.saturating_add(self.between).saturating_sub(at);
        (!left.is_zero()).then_some(left)
    }
}

impl Default for Pace {
    fn default() -> Self {
        Self { between: Duration::from_millis(10), last: None }
    }
}

impl PartialEq for Pace {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Pace {}
