//! The server, started for real: what it answers, what it logs, what it counts, and what an `OK` outlives.
#![cfg(target_os = "linux")]

use std::fs;
use std::io::Write;
use std::net::{Shutdown, TcpListener};
use std::thread::sleep;
use std::time::Duration;

use example_support::PATH;
use example_support::testing::{Started, TOKEN, connect, faults, finishes_on_sigterm, read_to_end};
use im_group_full::SdkAppId;
use im_group_full::testing::Callback;
use rusqlite::Connection;

use crate::util::{GROUP, OK, Table, eventually};

mod util;

/// Starts one without a token, on a table of its own.
#[track_caller]
fn start(arguments: &[&str]) -> (Table, Started) {
    let table = Table::new();
    let server = table.start(arguments, None);
    (table, server)
}

#[test]
fn answers_every_case() {
    for token in [Some(TOKEN), None] {
        let table = Table::new();
        let server = table.start(&[], token);
        assert_eq!(server.differing(None), [""; 0], "with token: {}", token.is_some());
    }
}

#[test]
fn goes_on_after_faults() {
    let table = Table::new();
    let server = table.start(&[], Some(TOKEN));
    faults(&server);
}

#[test]
fn finishes_what_it_is_at() {
    let table = Table::new();
    let server = table.start(&[], Some(TOKEN));
    finishes_on_sigterm(server);
}

/// A callback as one HTTP request.
fn request(group: &str) -> String {
    let callback = Callback::new(SdkAppId::new(888_888)).group_id(group);
    let (query, body) = (callback.raw_query(), String::from_utf8(callback.raw_body()).unwrap());
    format!("POST {PATH}?{query} HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

/// Reads until the worker says this of a group.
fn until(server: &mut Started, mark: &str, group: &str) {
    while !server.says(group).starts_with(mark) {}
}

/// Sends an event, and waits until a worker has its group.
#[track_caller]
fn begin(server: &mut Started) {
    assert_eq!(server.paste("", ""), OK);
    until(server, "begin", "@TGS");
}

#[test]
fn an_ok_outlives_the_process() {
    let (table, mut server) = start(&["--pretend", "3600000", "--at-once", "1"]);
    begin(&mut server);
    assert_eq!(server.paste(GROUP, "another"), OK);
    server.stop("KILL");
    let mut server = table.start(&["--pretend", "0", "--at-once", "1"], None);
    // The lease of the first has not ended yet.
    until(&mut server, "end", "another");
    table.shows("working  \"@TGS#2J4SZEAEL\", attempt 1");
}

#[test]
fn work_that_takes_longer_than_its_lease_is_nobody_elses() {
    let (table, mut server) = start(&["--pretend", "3000", "--lease", "1"]);
    begin(&mut server);
    let other = Started::running(&mut table.command(&["work", "--pretend", "0"]));
    until(&mut server, "end", "@TGS");
    table.shows_nothing();
    let (code, said) = other.stop("TERM");
    assert_eq!((code, said.contains("begin")), (Some(0), false), "{said}");
}

#[test]
fn work_that_takes_the_process_with_it_is_given_up() {
    let table = Table::new();
    for _ in 0..2 {
        let mut server = table.start(&["--pretend", "3600000", "--lease", "1", "--attempts", "2"], None);
        // The second time, once the lease of the first is over.
        begin(&mut server);
        server.stop("KILL");
    }
    let _server = table.start(&["--pretend", "0", "--attempts", "2"], None);
    let list = table.shows("dead     \"@TGS#2J4SZEAEL\", not looked at for");
    assert!(list.contains(": 2 attempts ended with their process, or in a panic"), "{list}");
}

#[test]
fn what_was_answered_before_the_end_is_in_the_table() {
    for signal in ["INT", "TERM"] {
        let (table, server) = start(&["--pretend", "500", "--at-once", "1"]);
        let groups = ["a", "b", "c"];
        assert_eq!(groups.map(|group| server.paste(GROUP, group)), [OK; 3]);
        let (code, rest) = server.stop(signal);
        assert_eq!(code, Some(0), "{rest}");
        let left = table.says(&["rooms"]);
        for group in groups {
            let done = rest.lines().any(|line| line.starts_with("end ") && line.ends_with(group));
            assert_ne!(done, left.contains(&format!("waiting  \"{group}\"")), "{group}: {left}{rest}");
        }
        assert!(rest.trim_end().ends_with("INFO stopped"), "{rest}");
    }
}

#[test]
fn a_full_table_is_answered_and_logged() {
    let (_table, mut server) = start(&["--max-rooms", "2", "--pretend", "3600000"]);
    let full = "{\"ActionStatus\":\"FAIL\",\"ErrorInfo\":\"too many groups are in the table\",\"ErrorCode\":1}\n";
    assert_eq!(["a", "b", "c", "a"].map(|group| server.paste(GROUP, group)), [OK, OK, full, OK]);
    let lost = server.says("ERROR answered FAIL");
    assert!(lost.contains("too many groups are in the table id=\"888888:") && lost.ends_with(":c\""), "{lost}");
}

#[test]
fn one_bad_event_hurts_no_other() {
    let (_table, server) = start(&[]);
    assert!(server.paste(GROUP, "a\\u0000").contains("the ID of the group holds a NUL"));
    assert!(server.paste(GROUP, &"a".repeat(2000)).contains("the ID of the group is too long"));
    assert_eq!(server.paste("127.0.0.1&", "%00&"), OK);
}

#[test]
fn a_process_that_holds_the_table_makes_it_fail_and_no_longer() {
    let (table, mut server) = start(&[]);
    let other = Connection::open(&table.database).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert!(server.paste("", "").contains("the database does not take the event"));
    server.says("busy: another process writes");
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(server.paste("", ""), OK);
}

#[test]
fn connections_that_are_idle_lock_nobody_out() {
    let (_table, server) = start(&[]);
    let idle = [(); 300].map(|()| {
        let mut client = connect(server.address());
        client.write_all(request("a").as_bytes()).unwrap();
        client
    });
    assert_eq!(server.paste("", ""), OK);
    drop(idle);
}

#[test]
fn a_client_that_ends_its_stream_behind_a_request_is_answered() {
    let (_table, server) = start(&[]);
    let mut client = connect(server.address());
    client.write_all(request("a").as_bytes()).unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    assert!(read_to_end(client).contains("\"ActionStatus\":\"OK\""));
}

#[test]
fn what_goes_wrong_on_the_way_is_named() {
    let (_table, mut server) = start(&[]);
    server.paste("/im/callback?", "/im/callback/?");
    let line = server.says("a callback came to");
    assert!(line.ends_with(r#"WARN a callback came to the path "/im/callback/", and not to "/im/callback""#), "{line}");
    let request = request("a");
    let mut client = connect(server.address());
    client.write_all(&request.as_bytes()[..request.len() - 1]).unwrap();
    assert!(read_to_end(client).starts_with("HTTP/1.1 408 "));
    server.says("WARN a request took too long, most likely its body");
    server.paste("SdkAppid=888888", "SdkAppid=8");
    let line = server.says("WARN refused");
    assert!(line.contains("expected 888888, found 8") && line.contains("app=\"8\""), "{line}");
}

#[test]
fn refusals_are_logged_ten_times_a_second_at_most() {
    let (_table, mut server) = start(&[]);
    let get = format!("GET {PATH} HTTP/1.1\r\nHost: localhost\r\n");
    let mut client = connect(server.address());
    client.write_all(format!("{}{get}Connection: close\r\n\r\n", format!("{get}\r\n").repeat(99)).as_bytes()).unwrap();
    assert_eq!(read_to_end(client).matches("HTTP/1.1 405 ").count(), 100);
    sleep(Duration::from_secs(1));
    server.paste("SdkAppid=888888", "SdkAppid=8");
    let (mut written, mut left_out) = (0, 0);
    loop {
        let line = server.line();
        if let Some(more) = line.strip_suffix(" more lines like these were left out") {
            left_out += more.split("WARN ").nth(1).unwrap().parse::<usize>().unwrap();
        } else if line.contains("found 8") {
            break;
        } else {
            written += usize::from(line.contains("WARN refused"));
        }
    }
    assert_eq!((written + left_out, left_out > 0), (100, true), "{written} and {left_out}");
}

#[test]
fn logs_one_line_for_each_event_and_one_for_each_other_command() {
    let (_table, mut server) = start(&["--sdk-app-id", "7"]);
    assert_eq!(server.paste("", ""), OK);
    let line = server.says("stored");
    assert!(line.contains(r#"INFO stored id="7:1"#), "{line}");
    assert!(line.ends_with(r#":@TGS#2J4SZEAEL" client="127.0.0.1" platform="RESTAPI""#), "{line}");
    for _ in 0..2 {
        assert_eq!(server.paste("Group.CallbackAfterGroupFull", "Group.CallbackBeforeSendMsg"), OK);
    }
    server.says(r#"answering another command (logged once per command) command="Group.CallbackBeforeSendMsg""#);
    // A group's name cannot end a line of the log and write another one.
    assert_eq!(server.paste(GROUP, r"a\nstored \u001b[31m"), OK);
    server.says(r#":a\nstored \u{1b}[31m""#);
    let (code, rest) = server.stop("INT");
    assert_eq!((code, rest.contains("another command")), (Some(0), false), "{rest}");
}

/// Starts one that serves metrics, and waits until they are what is wanted.
#[track_caller]
fn metrics(arguments: &[&str], send: impl Fn(&Started), wanted: impl Fn(&str) -> bool) {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let (_table, server) = start(&[arguments, &["--metrics", &address]].concat());
    send(&server);
    let ask = || {
        let mut client = connect(&address);
        client.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
        read_to_end(client)
    };
    eventually(ask, wanted);
}

#[test]
fn shows_metrics_on_an_address_of_its_own() {
    let send = |server: &Started| {
        assert_eq!([server.paste("", ""), server.paste(GROUP, "b")], [OK, OK]);
        assert_eq!(server.paste("Group.CallbackAfterGroupFull", "Group.CallbackBeforeSendMsg"), OK);
        assert!(server.paste("SdkAppid=888888", "SdkAppid=8").contains("FAIL"));
        server.paste("/im/callback?", "/elsewhere?");
    };
    let wanted = [
        "callback_answers_total{kind=\"ok\"} 2",
        "callback_answers_total{kind=\"other_command\"} 1",
        "callback_answers_total{kind=\"sdk_app_id_mismatch\"} 1",
        "callback_answers_total{kind=\"not_found\"} 1",
        "callback_answer_seconds_count 5",
        "database_up 1",
        "rooms{state=\"working\"} 1",
        "rooms{state=\"waiting\"} 1",
        "rooms_oldest_waiting_seconds ",
        "log_lines_dropped_total 0",
    ];
    let all = |metrics: &str| wanted.iter().all(|line| metrics.contains(line));
    metrics(&["--pretend", "3600000", "--at-once", "1"], send, all);
}

#[test]
fn a_log_that_nobody_reads_is_dropped_and_counted_and_delays_no_answer() {
    // More lines than the pipe and the buffer hold together, three for each event.
    let send = |server: &Started| {
        let clients = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"].map(|client| {
            let requests: String = (0..500).map(|number| request(&format!("{client}-{number}"))).collect();
            let close = request("last").replacen("Host: a", "Host: a\r\nConnection: close", 1);
            let mut client = connect(server.address());
            client.write_all((requests + &close).as_bytes()).unwrap();
            client
        });
        for client in clients {
            assert_eq!(read_to_end(client).matches("\"ActionStatus\":\"OK\"").count(), 501);
        }
        assert_eq!(server.paste("", ""), OK);
    };
    metrics(&[], send, |metrics| {
        let dropped = metrics.lines().find_map(|line| line.strip_prefix("log_lines_dropped_total "));
        dropped.is_some_and(|dropped| dropped.parse::<u64>().unwrap() > 0)
    });
}

#[test]
fn reads_its_secrets_from_files() {
    let table = Table::new();
    let path = format!("{}'s token", table.database);
    fs::write(&path, "second-token\r\n").unwrap();
    let rest = ["--rest-admin", "a", "--rest-secret-key-file", &path, "--recorded-since", "2024-01-31"];
    let server = table.start(&[&["--token-file", &path], &rest[..]].concat(), None);
    assert!(server.curl.contains("&Sign="), "{}", server.curl);
    assert_eq!(server.paste("", ""), OK);
}

#[test]
fn says_in_one_line_why_it_does_not_start() {
    let busy = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = busy.local_addr().unwrap().to_string();
    let table = Table::new();
    let key = format!("{}.key", table.database);
    fs::write(&key, "key").unwrap();
    let rest = ["--rest-admin", "a", "--rest-secret-key-file", &key];
    let cases: [(&[&str], &str); 7] = [
        (&["--address", &address], "cannot listen on 127.0.0.1:"),
        (&["--token-file", "/nowhere"], "/nowhere: No such file or directory (os error 2)"),
        (&["--database", "/nowhere/rooms.db"], "/nowhere/rooms.db, as this user: unable to open database file"),
        (&["--database", "postgresq://db"], "--database: expected a file or postgres://…, found \"postgresq://db\""),
        (&[&rest[..], &["--max-removed-percent", "101"]].concat(), "expected 0 to 100 percent, found 101"),
        (&["rooms", "--database", "none.db"], "none.db"),
        (&["--rest-admin", "a"], "IM_REST_SECRET_KEY is not set, and there is no --rest-secret-key-file"),
    ];
    for (arguments, message) in cases {
        let said = table.refuses(arguments);
        assert!(said.starts_with("server: ") && said.contains(message) && said.lines().count() == 1, "{said}");
    }
    let fails = |arguments: &[&str], message: &str| {
        let output = table.command(arguments).env("IM_CALLBACK_TOKEN", "").output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && said.starts_with(message), "{said}");
    };
    fails(&[], "server: IM_CALLBACK_TOKEN: token: expected at least one byte, found none");
    let future = "error: invalid value '2999-01-01' for '--recorded-since <YYYY-MM-DD>': it is in the future";
    fails(&["--rest-admin", "a", "--recorded-since", "2999-01-01"], future);
    fails(&["--remove"], "error: the following required arguments were not provided:\n  --rest-admin <ACCOUNT>");
    fails(&["--free", "3"], "error: the following required arguments were not provided:\n  --rest-admin <ACCOUNT>");
}
