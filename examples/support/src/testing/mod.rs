//! Starts an example for real, and puts it through the probe's cases, through faults and through attacks.

mod attacks;
mod client;
mod faults;
mod started;
mod stopping;

pub use self::attacks::attacks;
pub use self::client::{Client, connect, read_to_end};
pub use self::faults::{faults, faults_and};
pub use self::started::{Ended, Started, TOKEN, runtime, sender};
pub use self::stopping::finishes_on_sigterm;
