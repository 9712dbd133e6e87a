//! Faults over sockets: after every fault of a client or a handler the server goes on, answers the next
//! request correctly, and leaves no task behind.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::mpsc;
use std::time::Duration;

use crate::raw::{CLOSE, read_to_end, request};
use crate::util::{APP, OK};
use im_group_full::{AsyncGroupFullHandler, CALLBACK_TIMEOUT, Failure, GroupFull, GroupFullService, Validator};
use tokio::runtime::Handle;
use tower::ServiceBuilder;
use tower_http::timeout::TimeoutLayer;

/// A handler that does what the group's name says.
#[derive(Clone)]
struct Moody(Validator);

impl AsyncGroupFullHandler for Moody {
    fn validator(&self) -> &Validator {
        &self.0
    }

    async fn on_group_full(&self, event: &GroupFull<'_>) -> Result<(), Failure> {
        match event.group_id() {
            "panics" => panic!("as the test wants it"),
            "never finishes" => std::future::pending().await,
            _ => Ok(()),
        }
    }
}

struct Server {
    address: SocketAddr,
    runtime: Handle,
    /// The number of tasks while nobody is connected.
    tasks: usize,
}

impl Server {
    /// Serves with axum, like an app, with a time limit that a test can wait for.
    fn start(limit: Duration) -> Self {
        let (send, receive) = mpsc::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
                send.send((listener.local_addr().unwrap(), Handle::current())).unwrap();
                let timeout = TimeoutLayer::with_status_code(http::StatusCode::REQUEST_TIMEOUT, limit);
                let service = ServiceBuilder::new()
                    .layer(timeout)
                    .service(GroupFullService::new(Moody(Validator::unauthenticated(APP))));
                axum::serve(listener, axum::Router::new().route_service("/", service)).await.unwrap();
            });
        });
        let (address, runtime) = receive.recv().unwrap();
        let tasks = runtime.metrics().num_alive_tasks();
        Self { address, runtime, tasks }
    }

    fn connect(&self) -> TcpStream {
        let client = TcpStream::connect(self.address).unwrap();
        client.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        client
    }

    /// Sends these bytes, the last of which make the server close the connection, and returns the response.
    fn answers(&self, bytes: &[u8]) -> String {
        let mut client = self.connect();
        client.write_all(bytes).unwrap();
        read_to_end(client)
    }

    #[track_caller]
    fn assert_goes_on(&self) {
        let answer = self.answers(&request("g", CLOSE));
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with(OK), "{answer}");
    }

    /// Waits until every task has ended; a server that leaks one fails here.
    #[track_caller]
    fn assert_nothing_left(&self) {
        for _ in 0..3000 {
            if self.runtime.metrics().num_alive_tasks() <= self.tasks {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("{} tasks, {} before", self.runtime.metrics().num_alive_tasks(), self.tasks);
    }
}

#[test]
fn closed_at_every_byte() {
    let server = Server::start(CALLBACK_TIMEOUT);
    let request = request("g", "");
    for end in 0..request.len() {
        let mut client = server.connect();
        client.write_all(&request[..end]).unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        let answer = read_to_end(client);
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400 "), "{end}: {answer}");
        server.connect().write_all(&request[..end]).unwrap();
    }
    server.assert_goes_on();
    server.assert_nothing_left();
}

#[test]
fn bodies_with_a_wrong_content_length() {
    let server = Server::start(Duration::from_millis(200));
    let genuine = String::from_utf8(request("g", CLOSE)).unwrap();
    let length = genuine.split("Content-Length: ").nth(1).unwrap().split("\r\n").next().unwrap();
    let declared =
        |other: usize| genuine.replace(&format!("Content-Length: {length}"), &format!("Content-Length: {other}"));
    let length: usize = length.parse().unwrap();

    // Longer than the body: the server waits for the rest until the time limit.
    let mut client = server.connect();
    client.write_all(declared(length + 1).as_bytes()).unwrap();
    let mut answer = [0; 12];
    client.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 408");
    drop(client);
    // Shorter: the body is cut, and the rest is not a request.
    let answer = server.answers(declared(length - 1).as_bytes());
    assert!(answer.starts_with("HTTP/1.1 400 ") && !answer.contains("HTTP/1.1 200"), "{answer}");
    // None at all.
    let answer = server.answers(declared(0).as_bytes());
    assert!(answer.starts_with("HTTP/1.1 400 ") && !answer.contains("HTTP/1.1 200"), "{answer}");
    server.assert_goes_on();
    server.assert_nothing_left();
}

#[test]
fn bodies_that_are_too_slow() {
    let server = Server::start(Duration::from_millis(200));
    let request = request("g", "");
    let mut client = server.connect();
    let (head, body) = request.split_at(request.len() - 20);
    client.write_all(head).unwrap();
    let mut answer = [0; 12];
    client.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 408");
    // Too late.
    drop(client.write_all(body));
    drop(client);
    server.assert_goes_on();
    server.assert_nothing_left();
}

#[test]
fn pipelined_requests() {
    let server = Server::start(CALLBACK_TIMEOUT);
    let other = String::from_utf8(request("g", "")).unwrap().replace("SdkAppid=888888", "SdkAppid=1");
    let pipelined = [&request("a", "")[..], &request("b", ""), other.as_bytes(), &request("never read", "")].concat();
    let answers = server.answers(&pipelined);
    let statuses: Vec<_> = answers.split("HTTP/1.1 ").skip(1).map(|answer| &answer[..3]).collect();
    // A request that is refused unread closes the connection, so that its body is not taken for a request.
    assert_eq!(statuses, ["200", "200", "403"]);
    server.assert_goes_on();
    server.assert_nothing_left();
}

#[test]
fn handlers_that_panic_or_never_finish() {
    let server = Server::start(Duration::from_millis(200));
    for _ in 0..3 {
        assert_eq!(server.answers(&request("panics", "")), "");
        let mut client = server.connect();
        client.write_all(&request("never finishes", "")).unwrap();
        let mut answer = [0; 12];
        client.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"HTTP/1.1 408");
        // And the client leaves while the handler hangs.
        server.connect().write_all(&request("never finishes", "")).unwrap();
        server.assert_goes_on();
    }
    server.assert_nothing_left();
}
