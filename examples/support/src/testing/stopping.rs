//! SIGTERM from a service manager while a callback is in flight.

use im_group_full::testing::Callback;
use im_group_full::{SdkAppId, Token};

use super::client::{Client, read_to_end};
use super::{Started, TOKEN};
use crate::PATH;
use crate::vendor::unix_seconds;

/// Stops a server that was started with [`TOKEN`] while it reads a body: the callback is still answered, and
/// the server exits cleanly.
#[track_caller]
pub fn finishes_on_sigterm<C: Client>(server: Started, connect: impl Fn() -> C) {
    let callback = Callback::new(SdkAppId::new(888_888)).signed(&Token::new(TOKEN).unwrap(), unix_seconds());
    let body = callback.raw_body();
    let mut client = connect();
    // The server sends `100 Continue` when it begins to read the body, and not before.
    let head = format!(
        "POST {PATH}?{} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\nExpect: 100-continue\r\n\r\n",
        callback.raw_query(),
        body.len()
    );
    client.write_all(head.as_bytes()).and_then(|()| client.flush()).unwrap();
    let mut interim = Vec::new();
    while !interim.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        client.read_exact(&mut byte).unwrap();
        interim.extend(byte);
    }
    assert!(interim.starts_with(b"HTTP/1.1 100 "), "{}", String::from_utf8_lossy(&interim));
    let stopping = std::thread::spawn(move || server.stop("TERM"));
    // It must be answered whether it arrives before or after the signal.
    std::thread::sleep(std::time::Duration::from_millis(200));
    client.write_all(&body).and_then(|()| client.flush()).unwrap();
    let (code, rest) = stopping.join().unwrap();
    let answer = read_to_end(client);
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("\"OK\""), "{answer}");
    assert_eq!(code, Some(0), "{rest}");
}
