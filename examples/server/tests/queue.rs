//! The server answers at once, works afterwards, and finishes what it accepted.
#![cfg(unix)]

use example_support::testing::Started;

const OK: &str = "{\"ActionStatus\":\"OK\",\"ErrorInfo\":\"\",\"ErrorCode\":0}\n";
const FULL: &str = "{\"ActionStatus\":\"FAIL\",\"ErrorInfo\":\"too many events are waiting\",\"ErrorCode\":1}\n";

fn server(arguments: &[&str]) -> Started {
    Started::new(env!("CARGO_BIN_EXE_example-server"), arguments, None)
}

#[track_caller]
fn post(server: &Started, group_id: &str) -> String {
    server.paste("@TGS#2J4SZEAEL", group_id)
}

#[test]
fn a_full_queue_is_answered_and_logged() {
    let mut server = server(&["--max-waiting", "1", "--pretend", "3600000"]);
    assert_eq!(post(&server, "worked on"), OK);
    // The worker takes the first one in its own time.
    while post(&server, "waiting") == FULL {}
    assert_eq!([post(&server, "one more"), post(&server, "waiting")], [FULL, OK]);
    let lost = server.says("ERROR lost: too many events are waiting");
    assert!(lost.ends_with("id=\"888888:1670574414123:one more\""), "{lost}");
}

#[test]
fn what_was_accepted_is_finished_on_ctrl_c_and_for_a_service_manager() {
    for signal in ["INT", "TERM"] {
        let server = server(&["--pretend", "200"]);
        assert_eq!([post(&server, "a"), post(&server, "b"), post(&server, "c")], [OK, OK, OK]);
        let (code, rest) = server.stop(signal);
        assert_eq!(code, Some(0), "{signal}");
        let last: Vec<_> = rest.lines().rev().take(2).collect();
        assert!(last[1].ends_with("INFO worked on group=\"c\""), "{rest}");
        assert!(last[0].ends_with("INFO stopped: 3 accepted, 0 refused, 0 of other commands"), "{rest}");
    }
}

#[test]
fn ctrl_c_again_gives_it_up() {
    let mut server = server(&["--pretend", "3600000"]);
    assert_eq!([post(&server, "a"), post(&server, "b"), post(&server, "c")], [OK, OK, OK]);
    server.signal("INT");
    server.says("finishing what was accepted");
    let (code, rest) = server.stop("INT");
    assert_eq!(code, Some(0));
    assert!(rest.contains("WARN gave up "), "{rest}");
}
