//! From a request's bytes to an answer's bytes, without a server. These tests need no dev-dependency, so they
//! run with every set of features, the lowest versions and the oldest Rust (`.ci/bare`).

#[path = "../util/mod.rs"]
mod util;

mod answers;
mod body;
mod event;
mod handler;
mod query;
#[cfg(feature = "signature")]
mod signature;
