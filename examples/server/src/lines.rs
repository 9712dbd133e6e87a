use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Lines a second about what any client can cause.
const MOST: u32 = 10;

/// Keeps clients from filling the disk with log lines. Holds when the second began, and how many there were since.
#[derive(Default)]
pub(crate) struct Lines(Mutex<Option<(Instant, u32)>>);

impl Lines {
    /// Writes a line, unless there were too many in this second.
    pub(crate) fn write(&self, line: impl FnOnce()) {
        let mut second = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((began, count)) = &mut *second
            && began.elapsed() < Duration::from_secs(1)
        {
            *count += 1;
            if *count > MOST {
                return;
            }
        } else if let Some((_, count)) = second.replace((Instant::now(), 1))
            && count > MOST
        {
            tracing::warn!("{} more lines like these were left out", count - MOST);
        }
        drop(second);
        line();
    }
}
