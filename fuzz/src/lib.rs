//! The protocol, read a second time: as plainly as can be, and with the libraries that others trust. Every target
//! compares the crate with these.

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

/// The app whose callbacks get through.
pub const APP: u64 = 888_888;
