//! `examples/server.rs` answers at once, works afterwards, and finishes what it accepted.
#![cfg(unix)]

use std::process::Command;

use crate::started::{Started, example};

#[path = "util/started.rs"]
mod started;
#[path = "../examples/support/vendor/mod.rs"]
mod vendor;

const OK: &str = "{\"ActionStatus\":\"OK\",\"ErrorInfo\":\"\",\"ErrorCode\":0}\n";
const FULL: &str = "{\"ActionStatus\":\"FAIL\",\"ErrorInfo\":\"too many events are waiting\",\"ErrorCode\":1}\n";

fn server(arguments: &[&str]) -> Started {
    Started::new(&example("server"), arguments, None)
}

#[track_caller]
fn post(server: &Started, group_id: &str) -> String {
    let line = server.curl.replace("@TGS#2J4SZEAEL", group_id);
    String::from_utf8(Command::new("sh").args(["-c", &line]).output().unwrap().stdout).unwrap()
}

/// Reads up to a line that begins so.
#[track_caller]
fn says(server: &mut Started, beginning: &str) {
    while !server.line().starts_with(beginning) {}
}

#[test]
fn a_full_queue_is_answered_and_logged() {
    let mut server = server(&["--max-waiting", "1", "--pretend", "3600000"]);
    assert_eq!(post(&server, "worked on"), OK);
    // The worker takes the first one in its own time.
    while post(&server, "waiting") == FULL {}
    assert_eq!([post(&server, "one more"), post(&server, "waiting")], [FULL, OK]);
    says(&mut server, "lost \"one more\": too many events are waiting");
}

#[test]
fn what_was_accepted_is_finished_on_ctrl_c_and_for_a_service_manager() {
    for signal in ["INT", "TERM"] {
        let server = server(&["--pretend", "200"]);
        assert_eq!([post(&server, "a"), post(&server, "b"), post(&server, "c")], [OK, OK, OK]);
        let (code, rest) = server.stop(signal);
        assert_eq!(code, Some(0), "{signal}");
        let end = "\nworked on \"c\"\nstopped: 3 accepted, 0 refused, 0 of other commands\n";
        assert!(rest.ends_with(end), "{rest}");
    }
}

#[test]
fn ctrl_c_again_gives_it_up() {
    let mut server = server(&["--pretend", "3600000"]);
    assert_eq!([post(&server, "a"), post(&server, "b"), post(&server, "c")], [OK, OK, OK]);
    server.signal("INT");
    says(&mut server, "finishing what was accepted");
    let (code, rest) = server.stop("INT");
    assert_eq!(code, Some(0));
    assert!(rest.starts_with("gave up "), "{rest}");
}
