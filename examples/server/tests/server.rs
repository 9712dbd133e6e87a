//! The server, started for real, asked everything that the probe asks, and put through the faults.
#![cfg(target_os = "linux")]

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Command;

use example_support::PATH;
use example_support::testing::{Started, TOKEN, attacks, connect, faults, finishes_on_sigterm, read_to_end};

const PROGRAM: &str = env!("CARGO_BIN_EXE_example-server");
const OK: &str = "{\"ActionStatus\":\"OK\",\"ErrorInfo\":\"\",\"ErrorCode\":0}\n";

#[test]
fn answers_every_case() {
    for token in [Some(TOKEN), None] {
        let server = Started::new(PROGRAM, &[], token);
        assert_eq!(server.differing(None), [""; 0], "with token: {}", token.is_some());
    }
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

#[test]
fn http_2_is_not_spoken() {
    let server = Started::new(PROGRAM, &[], None);
    let mut client = connect(server.address());
    client.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").unwrap();
    let answer = read_to_end(client);
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
}

/// What it logs is behind the time and the level.
fn logged(server: &mut Started) -> String {
    // What the worker says comes in its own time.
    let line = std::iter::repeat_with(|| server.line()).find(|line| !line.contains("worked on ")).unwrap();
    line.split_whitespace().skip(1).collect::<Vec<_>>().join(" ")
}

#[test]
fn logs_one_line_for_each_callback_and_one_for_each_other_command() {
    let mut server = Started::new(PROGRAM, &["--sdk-app-id", "7"], None);
    assert_eq!(server.paste("", ""), OK);
    assert_eq!(
        logged(&mut server),
        r#"INFO accepted id="7:1670574414123:@TGS#2J4SZEAEL" client="127.0.0.1" platform="RESTAPI""#
    );
    for _ in 0..2 {
        assert_eq!(server.paste("Group.CallbackAfterGroupFull", "Group.CallbackBeforeSendMsg"), OK);
    }
    assert_eq!(
        logged(&mut server),
        r#"INFO answering another command (logged once per command) command="Group.CallbackBeforeSendMsg""#
    );
    assert_eq!(
        server.paste("SdkAppid=7", "SdkAppid=8"),
        "{\"ActionStatus\":\"FAIL\",\"ErrorInfo\":\"parameter `SdkAppid`: not an app of this server\",\"ErrorCode\":1}\n"
    );
    assert_eq!(
        logged(&mut server),
        "WARN refused: parameter `SdkAppid`: expected 7, found 8 kind=\"sdk_app_id_mismatch\""
    );
    // A group name cannot end a line of the log and write another one.
    assert_eq!(server.paste("@TGS#2J4SZEAEL", r"a\naccepted \u001b[31m"), OK);
    assert_eq!(
        logged(&mut server),
        r#"INFO accepted id="7:1670574414123:a\naccepted \u{1b}[31m" client="127.0.0.1" platform="RESTAPI""#
    );
    let (code, rest) = server.stop("INT");
    assert_eq!(code, Some(0));
    assert!(rest.trim_end().ends_with("stopped: 2 accepted, 1 refused, 2 of other commands"), "{rest}");
}

#[test]
fn logs_what_it_is_asked_to() {
    let mut server = Started::new(PROGRAM, &["--log", "warn"], None);
    assert_eq!(server.paste("", ""), OK);
    assert!(server.paste("SdkAppid=888888", "SdkAppid=8").contains("FAIL"));
    assert!(logged(&mut server).starts_with("WARN refused: "));
}

/// Reads the metrics until these lines are among them: some are looked at once a second only.
#[track_caller]
fn metrics_show(address: &str, wanted: impl Fn(&str) -> bool) {
    let mut metrics = String::new();
    for _ in 0..100 {
        let mut client = TcpStream::connect(address).unwrap();
        client.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
        metrics = read_to_end(client);
        if wanted(&metrics) {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    panic!("not there in ten seconds: {metrics}");
}

fn free_address() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

#[test]
fn shows_metrics_on_an_address_of_its_own() {
    let free = free_address();
    let server = Started::new(PROGRAM, &["--metrics", &free], None);
    assert_eq!(server.paste("", ""), OK);
    assert_eq!(server.paste("Group.CallbackAfterGroupFull", "Group.CallbackBeforeSendMsg"), OK);
    assert!(server.paste("SdkAppid=888888", "SdkAppid=8").contains("FAIL"));
    let wanted = [
        "callback_requests_total 3",
        "callback_answers_total{kind=\"ok\"} 1",
        "callback_answers_total{kind=\"other_command\"} 1",
        "callback_answers_total{kind=\"sdk_app_id_mismatch\"} 1",
        "callback_queue_length ",
        "log_lines_dropped_total 0",
        "callback_answer_seconds_bucket{le=\"2\"} 3",
        "callback_answer_seconds_count 3",
    ];
    metrics_show(&free, |metrics| wanted.iter().all(|line| metrics.contains(line)));
}

#[test]
fn a_log_that_nobody_reads_is_dropped_and_counted_and_delays_no_answer() {
    let free = free_address();
    let server = Started::new(PROGRAM, &["--metrics", &free], None);
    // More lines than the pipe and the buffer hold together, one for each request.
    let get = format!("GET {PATH} HTTP/1.1\r\nHost: localhost\r\n");
    let requests = format!("{}{get}Connection: close\r\n\r\n", format!("{get}\r\n").repeat(499));
    for _ in 0..30 {
        let mut client = connect(server.address());
        client.write_all(requests.as_bytes()).unwrap();
        assert_eq!(read_to_end(client).matches("HTTP/1.1 405 ").count(), 500);
    }
    assert_eq!(server.paste("", ""), OK);
    metrics_show(&free, |metrics| {
        let dropped = metrics.lines().find_map(|line| line.strip_prefix("log_lines_dropped_total "));
        dropped.is_some_and(|dropped| dropped.parse::<u64>().unwrap() > 0)
    });
}

#[test]
fn reads_the_token_from_a_file() {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("it's a token");
    std::fs::write(&path, "second-token\r\n").unwrap();
    let server = Started::new(PROGRAM, &["--token-file", path.to_str().unwrap()], None);
    assert!(server.curl.contains("&Sign="), "{}", server.curl);
    assert_eq!(server.paste("", ""), OK);
}

#[track_caller]
fn refuses_to_start(arguments: &[&str], token: Option<&str>, message: &str) {
    let mut command = Command::new(PROGRAM);
    command.args(arguments).env_remove("IM_CALLBACK_TOKEN");
    if let Some(token) = token {
        command.env("IM_CALLBACK_TOKEN", token);
    }
    let output = command.output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), format!("server: {message}\n"));
    assert_eq!((output.status.code(), output.stdout), (Some(1), Vec::new()));
}

#[test]
fn says_in_one_line_why_it_does_not_start() {
    let busy = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = busy.local_addr().unwrap().to_string();
    let in_use = format!("cannot listen on {address}: Address already in use (os error 98)");
    refuses_to_start(&["--address", &address], None, &in_use);
    let empty =
        "IM_CALLBACK_TOKEN: token: expected at least one byte, found none: with an empty token anybody can sign";
    refuses_to_start(&[], Some(""), empty);
    refuses_to_start(&["--token-file", "/nowhere"], None, "/nowhere: No such file or directory (os error 2)");
}
