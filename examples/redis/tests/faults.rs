//! Faults in the middle of a request to a receiver.
#![cfg(target_os = "linux")]

use example_support::testing::{connect, faults};
use util::Redis;
use util::process::Front;

mod util;

#[test]
fn goes_on() {
    let Some(redis) = Redis::start() else { return };
    let front = Front::start(&redis, &[]);
    faults(front.process.id(), "/im/callback", || connect(&front.address));
}
