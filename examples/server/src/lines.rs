use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Lines a second about what any client can cause.
const MOST: u32 = 10;

/// Keeps clients from filling the disk with log lines.
#[derive(Default)]
pub(crate) struct Lines(Mutex<Second>);

#[derive(Default)]
struct Second {
    began: Option<Instant>,
    written: u32,
    left_out: u64,
}

impl Lines {
    /// Writes a line, unless there were too many in this second.
    pub(crate) fn write(&self, line: impl FnOnce()) {
        let mut second = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if second.began.is_none_or(|began| began.elapsed() >= Duration::from_secs(1)) {
            if second.left_out > 0 {
                tracing::warn!("{} more lines like these were left out", second.left_out);
            }
            *second = Second { began: Some(Instant::now()), ..Second::default() };
        }
        if second.written == MOST {
            second.left_out += 1;
            return;
        }
        second.written += 1;
        drop(second);
        line();
    }
}
