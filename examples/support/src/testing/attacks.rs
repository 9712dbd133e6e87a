//! Many connections that are of no use, and one callback that has to get through.

use std::time::{Duration, Instant};

use im_group_full::testing::Callback;
use im_group_full::{RejectionKind, SdkAppId, Token};

use super::client::{Client, read_to_end};
use crate::vendor::unix_seconds;

/// More than the file handles that [`Started::limited`](super::Started::limited) leaves to a server.
const CONNECTIONS: usize = 300;

/// Holds connections open in every way, on a server for the SDKAppID 888888 with a token, and sends a valid callback
/// meanwhile, which has to be answered. Returns how long each took.
#[track_caller]
pub fn attacks<C: Client>(path: &str, token: &str, connect: impl Fn() -> C) -> Vec<(&'static str, Duration)> {
    let token = Token::new(token).unwrap();
    let callback = || Callback::new(SdkAppId::new(888_888)).group_id("g").signed(&token, unix_seconds());
    let request = |callback: &Callback, headers: &str| {
        let body = String::from_utf8(callback.raw_body()).unwrap();
        let (query, length) = (callback.raw_query(), body.len());
        let head =
            format!("POST {path}?{query} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n{headers}\r\n");
        (head, body)
    };
    // Without its last byte, the body of a refused callback is as incomplete as that of a captured one.
    let half_body = |callback: &Callback| {
        let (head, body) = request(callback, "");
        head + &body[..body.len() - 1]
    };
    let start = request(&callback(), "").0;
    let attacks = [
        ("silent", String::new()),
        ("half a head", start[..start.len() / 2].to_owned()),
        ("refused, and idle", format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n")),
        ("half a body, refused", half_body(&callback().broken(RejectionKind::SdkAppIdMismatch))),
        ("half a body, replayed", half_body(&callback())),
    ];
    let attack = |(name, bytes): (&'static str, String)| {
        // Shown when the test fails.
        println!("held: {name}");
        let clients: Vec<_> = (0..CONNECTIONS)
            .map(|_| {
                let mut client = connect();
                // The server may have had enough of it already.
                let _ = client.write_all(bytes.as_bytes()).and_then(|()| client.flush());
                client
            })
            .collect();
        let started = Instant::now();
        let (head, body) = request(&callback(), "Connection: close\r\n");
        let mut client = connect();
        client.write_all((head + &body).as_bytes()).and_then(|()| client.flush()).unwrap();
        let answer = read_to_end(client);
        assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("\"OK\""), "{name}: {answer}");
        drop(clients);
        (name, started.elapsed())
    };
    attacks.map(attack).into()
}
