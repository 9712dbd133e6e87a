//! The tower service behind hyper, over sockets: what clients of all kinds read. After every fault of a client or a
//! handler the server goes on, answers the next request correctly, and leaves no task behind.

use std::convert::Infallible;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::thread::JoinHandle;
use std::time::Duration;

use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::service::TowerToHyperService;
use im_group_full::RejectionKind::*;
use im_group_full::testing::Callback;
use im_group_full::{CALLBACK_TIMEOUT, GroupFullService, Validator, async_handler_fn, http};
use tokio::runtime::Handle;
use tower::ServiceBuilder;
use tower_http::timeout::TimeoutLayer;

use crate::recorded;
use crate::util::{APP, OK, OTHER_APP, fail};

/// A missing answer fails the test.
const PATIENCE: Duration = Duration::from_secs(30);
const SHORT: Duration = Duration::from_millis(200);
const CLOSE: &str = "Connection: close\r\n";

struct Server {
    address: SocketAddr,
    runtime: Handle,
    /// The number of tasks while nobody is connected.
    tasks: usize,
}

impl Server {
    /// Serves with axum, like an app, until the process ends. The handler does what the group's name says.
    fn start(limit: Duration) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let (address, handle) = (listener.local_addr().unwrap(), runtime.handle().clone());
        let handler = async_handler_fn(Validator::unauthenticated(APP), async |event| match event.group_id() {
            "panics" => panic!("as the test wants it"),
            "never finishes" => std::future::pending().await,
            _ => Ok(()),
        });
        let timeout = TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, limit);
        let service = ServiceBuilder::new().layer(timeout).service(GroupFullService::new(handler));
        let router = axum::Router::new().route_service("/", service);
        std::thread::spawn(move || runtime.block_on(axum::serve(listener, router).into_future()));
        let tasks = handle.metrics().num_alive_tasks();
        Self { address, runtime: handle, tasks }
    }

    fn connect(&self) -> Client {
        let stream = TcpStream::connect(self.address).unwrap();
        // Head and body are sent separately; without this the kernel would delay the body.
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Client(stream)
    }

    /// Sends these bytes, the last of which make the server close the connection, and returns all answers.
    fn answers(&self, bytes: impl AsRef<[u8]>) -> String {
        let mut client = self.connect();
        client.send(bytes);
        client.read_to_end()
    }

    /// Waits until every task has ended; a server that leaks one fails here.
    #[track_caller]
    fn assert_goes_on_with_nothing_left(&self) {
        let answer = self.answers(request(&Callback::new(APP), CLOSE));
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with(OK), "{answer}");
        for _ in 0..3000 {
            if self.runtime.metrics().num_alive_tasks() <= self.tasks {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("{} tasks, {} before", self.runtime.metrics().num_alive_tasks(), self.tasks);
    }
}

fn head(callback: &Callback, headers: &str) -> String {
    format!("POST /?{} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n", callback.raw_query())
}

fn request(callback: &Callback, headers: &str) -> String {
    let body = String::from_utf8(callback.raw_body()).unwrap();
    head(callback, &format!("Content-Length: {}\r\n{headers}", body.len())) + &body
}

fn group(id: &str) -> String {
    request(&Callback::new(APP).group_id(id), "")
}

struct Client(TcpStream);

impl Client {
    fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).unwrap();
    }

    /// Returns the status of the next answer, whether it announces that the connection closes, and its body.
    #[track_caller]
    fn answer(&mut self) -> (u16, bool, String) {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            self.0.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let length =
            head.split("content-length: ").nth(1).map_or(0, |rest| rest.lines().next().unwrap().parse().unwrap());
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).unwrap();
        (status, head.contains("\r\nconnection: close\r\n"), String::from_utf8(body).unwrap())
    }

    /// Asserts the last answer of the connection.
    #[track_caller]
    fn assert_closes(mut self, status: u16, body: &str) {
        assert_eq!(self.answer(), (status, true, body.to_owned()));
        let closed = self.0.read(&mut [0]);
        assert!(closed.map_or_else(|error| error.kind() == ErrorKind::ConnectionReset, |read| read == 0));
    }

    /// Sends chunks in the background until the server closes the connection.
    fn endless(&self) -> JoinHandle<()> {
        let mut writer = self.0.try_clone().unwrap();
        std::thread::spawn(move || {
            let chunk = format!("1000\r\n{}\r\n", " ".repeat(0x1000));
            while writer.write_all(chunk.as_bytes()).is_ok() {}
        })
    }

    fn read_to_end(mut self) -> String {
        let mut answers = Vec::new();
        // A reset after the answer counts as an end.
        drop(self.0.read_to_end(&mut answers));
        String::from_utf8(answers).unwrap()
    }
}

#[test]
fn a_connection_serves_many_callbacks() {
    let mut client = Server::start(CALLBACK_TIMEOUT).connect();
    let genuine = Callback::new(APP);
    for callback in [&genuine, &genuine.clone().broken(MalformedBody), &genuine] {
        client.send(request(callback, ""));
        let answer = client.answer();
        assert!(!answer.1, "{answer:?}");
        let body = String::from_utf8(callback.raw_body()).unwrap();
        client.send(head(callback, "Transfer-Encoding: chunked\r\n"));
        client.send(format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len()));
        assert_eq!(client.answer(), answer);
    }
    // There is no body, so nothing is left unread.
    client.send(head(&genuine.broken(MissingParameter), ""));
    assert_eq!(client.answer(), (400, false, fail("parameter `SdkAppid`: missing")));
}

#[test]
fn expect_continue_is_answered_only_if_the_body_is_wanted() {
    let server = Server::start(CALLBACK_TIMEOUT);
    let body = Callback::new(APP).raw_body();
    let headers = format!("Expect: 100-continue\r\nContent-Length: {}\r\n", body.len());
    let mut untrusted = server.connect();
    untrusted.send(head(&Callback::new(APP).broken(SdkAppIdMismatch), &headers));
    untrusted.assert_closes(403, &fail(OTHER_APP));

    let mut vendor = server.connect();
    vendor.send(head(&Callback::new(APP), &headers));
    assert_eq!(vendor.answer(), (100, false, String::new()));
    vendor.send(&body);
    assert_eq!(vendor.answer(), (200, false, OK.to_owned()));
}

/// A declared size above the limit is answered before the body, and an endless body while it is sent.
#[test]
fn a_body_of_any_size_is_answered() {
    let server = Server::start(CALLBACK_TIMEOUT);
    let other = Callback::new(APP).broken(OtherCommand);
    for (callback, length, status, body) in [
        (Callback::new(APP), "65537", 413, fail("body: longer than the limit")),
        (other, "1000000000", 200, OK.to_owned()),
    ] {
        let mut client = server.connect();
        client.send(head(&callback, &format!("Content-Length: {length}\r\n")));
        client.assert_closes(status, &body);
        let mut client = server.connect();
        client.send(head(&callback, "Transfer-Encoding: chunked\r\n"));
        let writer = client.endless();
        client.assert_closes(status, &body);
        writer.join().unwrap();
    }
}

#[test]
fn a_body_that_breaks_off_is_answered() {
    let server = Server::start(CALLBACK_TIMEOUT);
    for headers in ["Content-Length: 500\r\n", "Transfer-Encoding: chunked\r\n"] {
        let mut client = server.connect();
        client.send(head(&Callback::new(APP), headers));
        client.send("1\r\n{\r\n");
        client.0.shutdown(Shutdown::Write).unwrap();
        client.assert_closes(400, &fail("body: ended before it was complete"));
    }
}

/// The vendor keeps its connections, and one URL may carry every message.
#[test]
fn a_connection_serves_many_callbacks_of_another_command() {
    let mut client = Server::start(CALLBACK_TIMEOUT).connect();
    let other = Callback::new(APP).broken(OtherCommand);
    for count in 0..1000 {
        let body = vec![b' '; if count % 2 == 0 { 200 } else { 60 * 1024 }];
        client.send(head(&other, &format!("Content-Length: {}\r\n", body.len())));
        client.send(body);
        assert_eq!(client.answer(), (200, false, OK.to_owned()), "{count}");
    }
}

/// Also with a service for other commands.
#[tokio::test]
async fn http_2_goes_on_after_an_unread_body() {
    let (client, server) = tokio::io::duplex(64 * 1024);
    let (service, _) = recorded(Validator::unauthenticated(APP));
    let echo =
        tower::service_fn(async |request: Request<Incoming>| Ok::<_, Infallible>(Response::new(request.into_body())));
    let service = TowerToHyperService::new(service.other(echo));
    tokio::spawn(
        hyper::server::conn::http2::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(server), service),
    );
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(client)).await.unwrap();
    tokio::spawn(connection);
    let genuine = Callback::new(APP);
    let other = genuine.clone().broken(OtherCommand);
    for (callback, status, body) in [
        (genuine.clone(), 200, OK.into()),
        (genuine.clone().broken(SdkAppIdMismatch), 403, fail(OTHER_APP).into()),
        (genuine.clone().broken(BodyTooLarge), 413, fail("body: longer than the limit").into()),
        (other.clone(), 200, other.raw_body()),
        (genuine, 200, OK.into()),
    ] {
        let mut request = callback.request().map(Full::<Bytes>::from);
        *request.uri_mut() = format!("http://localhost{}", request.uri()).parse().unwrap();
        let response = tokio::time::timeout(PATIENCE, sender.send_request(request)).await.expect("an answer").unwrap();
        assert_eq!((response.status().as_u16(), response.headers().get("connection")), (status, None));
        assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), body);
    }
}

#[test]
fn closed_at_every_byte() {
    let server = Server::start(CALLBACK_TIMEOUT);
    let request = group("g");
    for end in 0..request.len() {
        let mut client = server.connect();
        client.send(&request[..end]);
        client.0.shutdown(Shutdown::Write).unwrap();
        let answer = client.read_to_end();
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400 "), "{end}: {answer}");
        server.connect().send(&request[..end]);
    }
    server.assert_goes_on_with_nothing_left();
}

#[test]
fn bodies_that_are_too_slow_or_declared_wrong() {
    let server = Server::start(SHORT);
    let genuine = request(&Callback::new(APP), CLOSE);
    let length = Callback::new(APP).raw_body().len();
    let declared = |other: usize| genuine.replace(&format!(": {length}\r\n"), &format!(": {other}\r\n"));
    // The server waits for the rest until the time limit.
    for unfinished in [&declared(length + 1), &genuine[..genuine.len() - 20]] {
        let mut client = server.connect();
        client.send(unfinished);
        assert_eq!(client.answer().0, 408);
        // Too late.
        drop(client.0.write_all(&genuine.as_bytes()[genuine.len() - 20..]));
    }
    // Shorter, or none at all: the body is cut, and the rest is not a request.
    for cut in [declared(length - 1), declared(0)] {
        let answer = server.answers(cut);
        assert!(answer.starts_with("HTTP/1.1 400 ") && !answer.contains("HTTP/1.1 200"), "{answer}");
    }
    server.assert_goes_on_with_nothing_left();
}

#[test]
fn pipelined_requests() {
    let server = Server::start(CALLBACK_TIMEOUT);
    let other = group("g").replace("SdkAppid=888888", "SdkAppid=1");
    let answers = server.answers([group("a"), group("b"), other, group("never read")].concat());
    let statuses: Vec<_> = answers.split("HTTP/1.1 ").skip(1).map(|answer| &answer[..3]).collect();
    // A request that is refused unread closes the connection, so that its body is not taken for a request.
    assert_eq!(statuses, ["200", "200", "403"]);
    server.assert_goes_on_with_nothing_left();
}

#[test]
fn handlers_that_panic_or_never_finish() {
    let server = Server::start(SHORT);
    for _ in 0..3 {
        assert_eq!(server.answers(group("panics")), "");
        let mut client = server.connect();
        client.send(group("never finishes"));
        assert_eq!(client.answer().0, 408);
        drop(client);
        // And the client leaves while the handler hangs.
        server.connect().send(group("never finishes"));
        server.assert_goes_on_with_nothing_left();
    }
}
