//! Lines on the standard error, which may be a pipe that nobody reads: nothing waits for it.

use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use tracing::level_filters::LevelFilter;
use tracing_appender::non_blocking::{ErrorCounter, NonBlockingBuilder, WorkerGuard};

use crate::metrics::METRICS;

/// A few hundred kilobytes; one line more is dropped, and counted.
const LINES_WAITING: usize = 1_000;
/// How many lines strangers can cause in a second.
const LINES_OF_STRANGERS: u32 = 10;

static DROPPED: OnceLock<ErrorCounter> = OnceLock::new();

/// Starts logging. What waits is written when the guard is dropped, for a second at most.
pub fn start() -> WorkerGuard {
    let builder = NonBlockingBuilder::default().lossy(true).buffered_lines_limit(LINES_WAITING);
    let (writer, guard) = builder.finish(std::io::stderr());
    DROPPED.get_or_init(|| writer.error_counter());
    let lines = tracing_subscriber::fmt().with_writer(writer).with_ansi(false).with_target(false);
    lines.with_max_level(LevelFilter::INFO).init();
    // The default hook writes to the standard error itself, and would wait for it.
    std::panic::set_hook(Box::new(|panic| tracing::error!("{panic}")));
    guard
}

/// How many lines found no place.
pub fn dropped() -> usize {
    DROPPED.get().map_or(0, ErrorCounter::dropped_lines)
}

/// Limits the lines that anybody can cause without a credential.
#[derive(Default)]
pub struct Strangers(Mutex<Option<(Instant, u32)>>);

impl Strangers {
    /// Tells whether there may be one more line now.
    pub fn may_cause_a_line(&self) -> bool {
        let mut second = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let (_, lines) = match &mut *second {
            Some(second) if now - second.0 < Duration::from_secs(1) => second,
            old => old.insert((now, 0)),
        };
        *lines += 1;
        let may = *lines <= LINES_OF_STRANGERS;
        if !may {
            METRICS.lines_held_back.inc();
        }
        may
    }
}
