//! Faults in the middle, of the servers that are shown as examples: each a process of its own, with the real clock.
#![cfg(unix)]

use std::io::Write;
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use raw::{CLOSE, read_to_end, request};
use started::{Started, example};
use util::OK;

#[path = "util/raw.rs"]
mod raw;
#[path = "util/started.rs"]
mod started;
mod util;
#[path = "../examples/support/vendor/mod.rs"]
mod vendor;

/// Its path may be any, but for the one in the URL that it prints.
fn faults(name: &str) {
    let server = Started::new(&example(name), &[], None);
    let (address, path) = server.url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let request = |headers: &str| {
        let request = String::from_utf8(request("g", headers)).unwrap();
        request.replacen("POST /?", &format!("POST /{path}?"), 1)
    };
    let connect = || {
        let client = TcpStream::connect(address).unwrap();
        client.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        client
    };
    let goes_on = |fault: &str| {
        let mut client = connect();
        client.write_all(request(CLOSE).as_bytes()).unwrap();
        let answer = read_to_end(client);
        assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with(OK), "{name}, {fault}: {answer}");
    };

    let whole = request("");
    let head = whole.find("\r\n\r\n").unwrap() + 4;
    for end in [0, 1, 20, head / 2, head - 1, head, head + 1, whole.len() - 1] {
        connect().write_all(&whole.as_bytes()[..end]).unwrap();
        let mut client = connect();
        client.write_all(&whole.as_bytes()[..end]).unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        goes_on(&format!("closed after {end} bytes"));
    }

    let length = whole.len() - head;
    for declared in [length + 1, length - 1, 0] {
        let odd = request(CLOSE).replace(&format!("Content-Length: {length}"), &format!("Content-Length: {declared}"));
        let mut client = connect();
        client.write_all(odd.as_bytes()).unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        let answer = read_to_end(client);
        assert!(!answer.starts_with("HTTP/1.1 200 "), "{name}, {declared} of {length}: {answer}");
        goes_on("a length that is not the body's");
    }

    // Slower than the vendor waits, while others are answered.
    let mut slow = connect();
    slow.write_all(&whole.as_bytes()[..=head]).unwrap();
    goes_on("a body that does not come");
    std::thread::sleep(Duration::from_millis(2500));
    drop(slow.write_all(&whole.as_bytes()[head + 1..]));
    drop(slow);
    goes_on("a body that comes late");

    let mut client = connect();
    client.write_all([whole.clone(), request(CLOSE)].concat().as_bytes()).unwrap();
    assert_eq!(read_to_end(client).matches(OK).count(), 2, "{name}, one behind the other");
}

#[test]
fn server() {
    faults("server");
}

#[test]
fn tiny_http() {
    faults("tiny_http");
}
