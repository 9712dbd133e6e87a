//! A second, simple implementation of the protocol on well-known libraries. Every target compares the crate with it.

mod body;
mod query;
mod script;
mod signature;

#[allow(dead_code, reason = "the tests of `rest` use more of it")]
#[path = "../../tests/rest/stand_in/group.rs"]
mod group;
#[allow(dead_code, reason = "the tests of `rest` use more of it")]
#[path = "../../tests/rest/stand_in/vendor.rs"]
mod vendor;

pub use body::Body;
pub use group::{Group, Member};
pub use query::{Pair, Query, pairs};
pub use script::Script;
pub use signature::{Signature, sign};
pub use vendor::Vendor;

/// The app whose callbacks are accepted.
pub const APP: u64 = 888_888;
