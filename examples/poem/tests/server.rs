//! The server, started for real, asked everything that the probe asks, and put through the faults.
#![cfg(target_os = "linux")]

use example_support::PATH;
use example_support::testing::{Started, TOKEN, attacks, connect, faults, finishes_on_sigterm};

const PROGRAM: &str = env!("CARGO_BIN_EXE_example-poem");

#[test]
fn answers_every_case() {
    let server = Started::new(PROGRAM, &[], Some(TOKEN));
    assert_eq!(server.differing(None), [""; 0]);
}

#[test]
fn goes_on_after_faults() {
    let server = Started::new(PROGRAM, &[], None);
    faults(server.id(), PATH, || connect(server.address()));
}

#[test]
fn answers_while_connections_are_held() {
    let server = Started::limited(PROGRAM, &[], TOKEN);
    println!("{:?}", attacks(PATH, TOKEN, || connect(server.address())));
}

#[test]
fn finishes_what_it_is_at() {
    let server = Started::new(PROGRAM, &[], Some(TOKEN));
    let address = server.address().to_owned();
    finishes_on_sigterm(server, || connect(&address));
}
