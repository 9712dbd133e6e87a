//! Faults in the middle of a request, for any server: it keeps running, answers the next request correctly,
//! and leaves no connection open.

use std::time::Duration;

use im_group_full::testing::Callback;
use im_group_full::{SdkAppId, Token};

use super::client::{Client, read_to_end};
use crate::vendor::unix_seconds;

const CLOSE: &str = "Connection: close\r\n";
const OK: &str = r#"{"ActionStatus":"OK","ErrorInfo":"","ErrorCode":0}"#;

/// Tries all faults on a separate server process for the SDKAppID 888888 without a token.
#[track_caller]
pub fn faults<C: Client>(process: u32, path: &str, connect: impl Fn() -> C) {
    faults_and(process, path, None, connect, || ());
}

/// Does the same with a token, and with more faults of this server.
#[track_caller]
pub fn faults_and<C: Client>(
    process: u32,
    path: &str,
    token: Option<&str>,
    connect: impl Fn() -> C,
    more: impl FnOnce(),
) {
    let token = token.map(|token| Token::new(token).unwrap());
    let callback = || {
        let callback = Callback::new(SdkAppId::new(888_888)).group_id("g");
        token.iter().fold(callback, |callback, token| callback.signed(token, unix_seconds()))
    };
    let body = String::from_utf8(callback().raw_body()).unwrap();
    let with_length = |length: usize, headers: &str| {
        let query = callback().raw_query();
        format!("POST {path}?{query} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n{headers}\r\n{body}")
    };
    let whole = with_length(body.len(), "");
    let head = whole.len() - body.len();
    // The server may not read everything: it closes once it has seen enough.
    let send = |bytes: &str| {
        let mut client = connect();
        let _ = client.write_all(bytes.as_bytes()).and_then(|()| client.flush());
        client
    };
    let goes_on = |fault: &str| {
        let answer = read_to_end(send(&with_length(body.len(), CLOSE)));
        assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with(OK), "{fault}: {answer}");
    };
    goes_on("none");
    let open = open_sockets(process);
    more();

    for end in [0, 1, 20, head / 2, head - 1, head, head + 1, whole.len() - 1] {
        drop(send(&whole[..end]));
        let mut client = send(&whole[..end]);
        client.finish();
        let answer = read_to_end(client);
        assert!(!answer.starts_with("HTTP/1.1 200 "), "closed after {end} bytes: {answer}");
        goes_on(&format!("closed after {end} bytes"));
    }

    for declared in [body.len() + 1, body.len() - 1, 0] {
        let mut client = send(&with_length(declared, CLOSE));
        client.finish();
        let answer = read_to_end(client);
        assert!(!answer.starts_with("HTTP/1.1 200 "), "{declared} of {}: {answer}", body.len());
        goes_on("a length that is not the body's");
    }

    // Slower than the vendor waits; others are answered meanwhile.
    let mut slow = send(&whole[..=head]);
    goes_on("a body that does not come");
    std::thread::sleep(Duration::from_millis(2500));
    let _ = slow.write_all(&whole.as_bytes()[head + 1..]);
    drop(slow);
    goes_on("a body that comes late");

    let answers = read_to_end(send(&[&whole, &*with_length(body.len(), CLOSE)].concat()));
    assert_eq!(answers.matches(OK).count(), 2, "one behind the other: {answers}");

    // Every connection ends with its client; a server that leaks one never gets there.
    for _ in 0..3000 {
        if open_sockets(process) <= open {
            // A process that has ended has no sockets either.
            return goes_on("the end");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("{} open sockets, {open} before", open_sockets(process));
}

fn open_sockets(process: u32) -> usize {
    let files = std::fs::read_dir(format!("/proc/{process}/fd")).unwrap();
    // Ignores files of a database or a log. A file that was closed meanwhile has no link.
    let links = files.filter_map(|file| std::fs::read_link(file.ok()?.path()).ok());
    links.filter(|link| link.to_string_lossy().starts_with("socket:")).count()
}
