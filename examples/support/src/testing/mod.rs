//! Starts a real example process, and runs the probe's cases and faults against it.

mod faults;
mod started;

pub use self::faults::{connect, faults, finishes_on_sigterm, read_to_end, request};
pub use self::started::{Ended, Started, TOKEN, runtime, sender};
