//! Logging to the standard output that never blocks an answer.

pub use tracing_appender::non_blocking::ErrorCounter;
use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
pub use tracing_subscriber::filter::LevelFilter;

/// Makes `tracing` write to the standard output from its own thread, until the guard is dropped.
///
/// If the output is a pipe that nobody reads, lines are dropped and counted in the second value.
pub fn init(level: LevelFilter) -> (WorkerGuard, ErrorCounter) {
    let (writer, guard) =
        NonBlockingBuilder::default().lossy(true).buffered_lines_limit(8192).finish(std::io::stdout());
    let dropped = writer.error_counter();
    tracing_subscriber::fmt().with_max_level(level).with_writer(writer).with_ansi(false).with_target(false).init();
    (guard, dropped)
}
