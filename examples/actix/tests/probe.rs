//! The server, started for real and asked everything that the probe asks.

use std::path::Path;

use crate::started::{Started, TOKEN};

#[path = "../../../tests/util/started.rs"]
mod started;
#[path = "../../support/vendor/mod.rs"]
mod vendor;

#[test]
fn answers_every_case() {
    let mut server = Started::new(Path::new(env!("CARGO_BIN_EXE_example-actix")), &[], Some(TOKEN));
    assert_eq!(server.differing(Some(TOKEN), None), [""; 0]);
}
