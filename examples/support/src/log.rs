//! Lines on the standard output that no answer waits for.

pub use tracing_appender::non_blocking::ErrorCounter;
use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
pub use tracing_subscriber::filter::LevelFilter;

/// Lets `tracing` write to the standard output from a thread of its own. Lines are written until the guard is dropped.
///
/// When the output is a pipe that nobody reads, lines are dropped, and counted in the second value.
pub fn init(level: LevelFilter) -> (WorkerGuard, ErrorCounter) {
    let (writer, guard) =
        NonBlockingBuilder::default().lossy(true).buffered_lines_limit(8192).finish(std::io::stdout());
    let dropped = writer.error_counter();
    tracing_subscriber::fmt().with_max_level(level).with_writer(writer).with_ansi(false).with_target(false).init();
    (guard, dropped)
}
