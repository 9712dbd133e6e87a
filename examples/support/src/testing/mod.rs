//! Starts a real example process, and runs the probe's cases and faults against it.

mod client;
mod faults;
mod started;
mod stopping;

pub use self::client::{Client, connect, read_to_end};
pub use self::faults::{faults, faults_and};
pub use self::started::{Ended, Started, TOKEN, runtime, sender};
pub use self::stopping::finishes_on_sigterm;
