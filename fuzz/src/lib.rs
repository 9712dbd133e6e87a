//! The protocol, read a second time: as plainly as can be, and with the libraries that others trust. Every target
//! compares the crate with these.

mod body;
mod query;
mod signature;
mod vendor;

pub use body::Body;
pub use query::{Pair, Query, pairs};
pub use signature::{Signature, sign};
pub use vendor::{GROUP, Member, Script, Vendor};

/// The app whose callbacks get through.
pub const APP: u64 = 888_888;
