//! Raw bytes on a real connection, and what goes wrong there.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use im_group_full::testing::Callback;
use im_group_full::{SdkAppId, Token};

use super::{Started, TOKEN};
use crate::PATH;
use crate::vendor::unix_seconds;

const CLOSE: &str = "Connection: close\r\n";
const OK: &str = r#"{"ActionStatus":"OK","ErrorInfo":"","ErrorCode":0}"#;

/// Connects a client that waits longer than any machine takes to answer.
#[track_caller]
pub fn connect(address: &str) -> TcpStream {
    let client = TcpStream::connect(address).unwrap();
    client.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    client.set_write_timeout(Some(Duration::from_secs(30))).unwrap();
    client
}

/// Reads until the server closes the connection, and panics if it does not.
#[track_caller]
pub fn read_to_end(mut client: impl Read) -> String {
    let mut answers = Vec::new();
    if let Err(error) = client.read_to_end(&mut answers) {
        // A reset after the answer counts as an end.
        let silent = matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut);
        assert!(!silent, "neither answered nor closed: {}", String::from_utf8_lossy(&answers));
    }
    String::from_utf8(answers).unwrap()
}

/// Returns the head and the body of a valid callback that is signed with [`TOKEN`].
pub fn request(headers: &str) -> (String, String) {
    let callback = Callback::new(SdkAppId::new(888_888)).signed(&Token::new(TOKEN).unwrap(), unix_seconds());
    let body = String::from_utf8(callback.raw_body()).unwrap();
    let (query, length) = (callback.raw_query(), body.len());
    (format!("POST {PATH}?{query} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n{headers}\r\n"), body)
}

/// Tries faults in the middle of a request on a server that was started with [`TOKEN`]: it keeps running, answers the next
/// request correctly, and leaves no connection open.
#[track_caller]
pub fn faults(server: &Started) {
    // The server may not read everything: it closes once it has seen enough.
    let send = |bytes: &str| {
        let mut client = connect(server.address());
        let _ = client.write_all(bytes.as_bytes());
        client
    };
    let send_only = |bytes: &str| {
        let client = send(bytes);
        let _ = client.shutdown(Shutdown::Write);
        read_to_end(client)
    };
    let goes_on = |fault: &str| {
        let (head, body) = request(CLOSE);
        let answer = read_to_end(send(&(head + &body)));
        assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with(OK), "{fault}: {answer}");
    };
    goes_on("none");
    let open = open_sockets(server);

    let (head, body) = request("");
    let whole = head.clone() + &body;
    let length = head.len();
    for end in [0, 1, 20, length / 2, length - 1, length, length + 1, whole.len() - 1] {
        drop(send(&whole[..end]));
        let answer = send_only(&whole[..end]);
        assert!(!answer.starts_with("HTTP/1.1 200 "), "closed after {end} bytes: {answer}");
        goes_on(&format!("closed after {end} bytes"));
    }

    for declared in [body.len() + 1, body.len() - 1, 0] {
        let (head, body) = request(CLOSE);
        let head = head.replace(&format!("Length: {}", body.len()), &format!("Length: {declared}"));
        let answer = send_only(&(head + &body));
        assert!(!answer.starts_with("HTTP/1.1 200 "), "{declared} of {}: {answer}", body.len());
        goes_on("a length that is not the body's");
    }

    // Slower than the vendor waits; others are answered meanwhile.
    let mut slow = send(&whole[..=length]);
    goes_on("a body that does not come");
    std::thread::sleep(Duration::from_millis(2500));
    let _ = slow.write_all(&whole.as_bytes()[length + 1..]);
    drop(slow);
    goes_on("a body that comes late");

    let (last, body) = request(CLOSE);
    let answers = read_to_end(send(&[whole, last, body].concat()));
    assert_eq!(answers.matches(OK).count(), 2, "one behind the other: {answers}");

    // Every connection ends with its client; a server that leaks one never gets there.
    for _ in 0..3000 {
        if open_sockets(server) <= open {
            // A process that has ended has no sockets either.
            return goes_on("the end");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("{} open sockets, {open} before", open_sockets(server));
}

fn open_sockets(server: &Started) -> usize {
    let files = std::fs::read_dir(format!("/proc/{}/fd", server.id())).unwrap();
    // Ignores files of a database or a log. A file that was closed meanwhile has no link.
    let links = files.filter_map(|file| std::fs::read_link(file.ok()?.path()).ok());
    links.filter(|link| link.to_string_lossy().starts_with("socket:")).count()
}

/// Stops a server that was started with [`TOKEN`] while it reads a body, as a service manager does: the callback is still
/// answered, and the server exits cleanly.
#[track_caller]
pub fn finishes_on_sigterm(server: Started) {
    let mut client = connect(server.address());
    // The server sends `100 Continue` when it begins to read the body, and not before.
    let (head, body) = request("Expect: 100-continue\r\n");
    client.write_all(head.as_bytes()).unwrap();
    let mut interim = Vec::new();
    while !interim.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        client.read_exact(&mut byte).unwrap();
        interim.extend(byte);
    }
    assert!(interim.starts_with(b"HTTP/1.1 100 "), "{}", String::from_utf8_lossy(&interim));
    let stopping = std::thread::spawn(move || server.stop("TERM"));
    // It must be answered whether it arrives before or after the signal.
    std::thread::sleep(Duration::from_millis(200));
    client.write_all(body.as_bytes()).unwrap();
    let (code, rest) = stopping.join().unwrap();
    let answer = read_to_end(client);
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("\"OK\""), "{answer}");
    assert_eq!(code, Some(0), "{rest}");
}
