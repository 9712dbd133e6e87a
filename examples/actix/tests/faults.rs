//! Faults in the middle of a request.
#![cfg(target_os = "linux")]

use std::path::Path;

use faults::{connect, faults};
use started::Started;

#[path = "../../../tests/util/faults.rs"]
mod faults;
#[path = "../../../tests/util/started.rs"]
mod started;
#[path = "../../support/vendor/mod.rs"]
mod vendor;

#[test]
fn goes_on() {
    let server = Started::new(Path::new(env!("CARGO_BIN_EXE_example-actix")), &[], None);
    let (address, path) = server.url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    faults(server.id(), &format!("/{path}"), || connect(address));
}
