//! Which connections are closed, and when. Time passes when nothing else is left to do.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use example_support::connections::{Connections, Guarded};
use tokio::io::{AsyncReadExt, DuplexStream, duplex};
use tokio::time::{Instant, timeout};

/// A connection whose client sends nothing and stays.
fn open(connections: &Connections, port: u16) -> (Guarded<DuplexStream>, DuplexStream) {
    let (server, client) = duplex(64);
    (connections.guard(server, peer(port)), client)
}

fn peer(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

/// How long it takes until the connection is closed by the server.
async fn closed_after(connection: &mut Guarded<DuplexStream>) -> Duration {
    let started = Instant::now();
    assert_eq!(connection.read_u8().await.unwrap_err().kind(), ErrorKind::TimedOut);
    started.elapsed()
}

async fn is_open(connection: &mut Guarded<DuplexStream>) -> bool {
    timeout(Duration::ZERO, connection.read_u8()).await.is_err()
}

#[tokio::test(start_paused = true)]
async fn a_connection_has_five_seconds_for_its_first_callback_and_then_a_minute() {
    let connections = Connections::new(2);
    let (mut stranger, _client) = open(&connections, 1);
    let (mut known, _other_client) = open(&connections, 2);
    connections.valid(peer(2));
    assert_eq!(closed_after(&mut stranger).await.as_secs(), 5);
    assert_eq!(closed_after(&mut known).await.as_secs(), 55);
    // It stays closed.
    assert_eq!(closed_after(&mut known).await.as_secs(), 0);
}

#[tokio::test(start_paused = true)]
async fn each_callback_gives_another_minute() {
    let connections = Connections::new(2);
    let (mut known, _client) = open(&connections, 1);
    for _ in 0..3 {
        connections.valid(peer(1));
        tokio::time::sleep(Duration::from_secs(59)).await;
        assert!(is_open(&mut known).await);
    }
    assert_eq!(closed_after(&mut known).await.as_secs(), 1);
}

#[tokio::test(start_paused = true)]
async fn over_the_limit_the_oldest_stranger_is_closed() {
    let connections = Connections::new(3);
    let (mut a, _a) = open(&connections, 1);
    let (mut b, _b) = open(&connections, 2);
    let (mut c, _c) = open(&connections, 3);
    connections.valid(peer(1));
    let (mut d, _d) = open(&connections, 4);
    assert_eq!(closed_after(&mut b).await, Duration::ZERO);
    assert!(is_open(&mut a).await && is_open(&mut c).await && is_open(&mut d).await);
    assert_eq!(connections.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn where_all_are_known_the_new_one_is_closed() {
    let connections = Connections::new(1);
    let (mut known, _client) = open(&connections, 1);
    connections.valid(peer(1));
    let (mut new, _other_client) = open(&connections, 2);
    assert_eq!(closed_after(&mut new).await, Duration::ZERO);
    assert!(is_open(&mut known).await);
}

#[tokio::test(start_paused = true)]
async fn one_that_ends_makes_room() {
    let connections = Connections::new(1);
    let (a, _a) = open(&connections, 1);
    drop(a);
    assert!(connections.is_empty());
    // The system gives the same address to the next one.
    let (mut b, _b) = open(&connections, 1);
    connections.valid(peer(1));
    tokio::time::sleep(Duration::from_secs(59)).await;
    assert!(is_open(&mut b).await);
}

#[tokio::test(start_paused = true)]
async fn the_end_of_an_old_connection_is_not_that_of_a_new_one_with_its_address() {
    let connections = Connections::new(2);
    let (old, _old) = open(&connections, 1);
    let (mut new, _new) = open(&connections, 1);
    drop(old);
    connections.valid(peer(1));
    tokio::time::sleep(Duration::from_secs(59)).await;
    assert!(is_open(&mut new).await);
}
