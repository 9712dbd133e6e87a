//! The feature `rest`, as a user of the crate sees it.

#[path = "../../examples/support/client.rs"]
mod client;
#[path = "../../examples/support/stand_in/mod.rs"]
mod stand_in;
mod world;

mod calls;
mod changes;
mod errors;
mod faults;
mod make_room;
mod policy;
mod saved;
mod stand_in_limits;
mod two_runs;
mod types;
mod user_sig;
