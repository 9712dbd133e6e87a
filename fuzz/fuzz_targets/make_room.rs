//! Makes room as the simulation in `tests/` does: eight bytes choose the group and the policy, and every later one what
//! happens next.
#![no_main]
#![allow(dead_code, unused_imports, reason = "the tests of `rest` use more of their modules")]

#[path = "../../tests/rest/canned.rs"]
mod canned;
#[path = "../../tests/rest/simulation/mod.rs"]
mod simulation;
#[path = "../../tests/rest/stand_in/mod.rs"]
mod stand_in;
#[path = "../../tests/rest/world.rs"]
mod world;

use libfuzzer_sys::fuzz_target;
use simulation::{Chance, Simulation};

fuzz_target!(|data: &[u8]| {
    if let Some((seed, bytes)) = data.split_first_chunk() {
        let mut simulation = Simulation::new(u64::from_le_bytes(*seed));
        simulation.chance = Chance::Bytes(bytes.iter().copied().collect());
        simulation.run();
    }
});
