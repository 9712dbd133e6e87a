//! The server, started for real, asked everything that the probe asks, and put through the faults. It cannot be put
//! through the attacks: `src/main.rs` says why.
#![cfg(target_os = "linux")]

use std::net::TcpStream;

use example_support::PATH;
use example_support::testing::{Started, TOKEN, connect, faults, finishes_on_sigterm};

const PROGRAM: &str = env!("CARGO_BIN_EXE_example-tiny-http");

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
fn finishes_what_it_is_at() {
    let server = Started::new(PROGRAM, &[], Some(TOKEN));
    let address = server.address().to_owned();
    finishes_on_sigterm(server, || connect(&address));
}

#[test]
fn ends_when_it_can_accept_no_more() {
    let mut server = Started::limited(PROGRAM, &[], TOKEN);
    // Until it is gone, or more than there are file handles.
    let clients: Vec<_> = (0..300).map_while(|_| TcpStream::connect(server.address()).ok()).collect();
    assert_eq!(server.ended(), Some(1));
    drop(clients);
}
