//! Code that the examples and the tests share. Not published; each part has its own feature.
#![allow(
    clippy::missing_errors_doc,
    clippy::missing_panics_doc,
    clippy::must_use_candidate,
    reason = "a test helper panics where the test should fail, and says what is wrong by panicking"
)]

mod curl;
mod say;
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
pub use self::say::say;
pub use self::start::start;

/// Where the examples expect the callback.
pub const PATH: &str = "/im/callback";
