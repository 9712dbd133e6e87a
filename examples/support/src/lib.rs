//! Code that the examples and the tests share. Not published; each part has its own feature.
#![allow(
    clippy::missing_errors_doc,
    clippy::missing_panics_doc,
    clippy::must_use_candidate,
    reason = "a test helper panics where the test should fail, and says what is wrong by panicking"
)]

use std::fmt::Arguments;
use std::io::Write;

mod curl;
mod start;

#[cfg(feature = "flags")]
pub mod flags;
#[cfg(feature = "log")]
pub mod log;
#[cfg(feature = "rest-client")]
pub mod rest_client;
#[cfg(feature = "stand-in")]
pub mod stand_in;
#[cfg(feature = "vendor")]
pub mod testing;
#[cfg(feature = "vendor")]
pub mod vendor;

pub use self::curl::{Source, TOKEN_VARIABLE, curl, made_up_token};
pub use self::start::start;

/// Where the examples expect the callback.
pub const PATH: &str = "/im/callback";

/// Writes one line to the standard output. Unlike `println!` it does not panic when nobody reads.
pub fn say(line: Arguments<'_>) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}
