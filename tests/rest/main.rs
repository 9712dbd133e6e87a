//! The feature `rest`, as a user of the crate sees it.

mod canned;
#[path = "../../examples/support/client.rs"]
mod client;
#[path = "../../examples/support/stand_in/mod.rs"]
mod stand_in;
mod world;

mod calls;
mod changes;
mod clocks;
mod doubts;
mod errors;
mod evidence;
mod faults;
mod limits;
mod make_room;
mod members;
mod pages;
mod plan;
mod policy;
mod saved;
mod simulation;
mod stand_in_limits;
mod two_runs;
mod types;
mod unanswered;
mod user_sig;
