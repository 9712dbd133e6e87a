//! A second, simple implementation of the protocol on well-known libraries. Every target compares the crate with it.

mod body;
mod query;
mod signature;

pub use body::Body;
pub use query::{Pair, Query, pairs};
pub use signature::{Signature, sign};

/// The app whose callbacks are accepted.
pub const APP: u64 = 888_888;
