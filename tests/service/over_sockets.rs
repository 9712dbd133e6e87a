//! The tower service behind hyper, over sockets: what clients of all kinds read.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::thread::JoinHandle;
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::service::TowerToHyperService;
use im_group_full::testing::Callback;
use im_group_full::{GroupFullService, Immediate, RejectionKind, Validator};

use crate::util::{APP, OK, Recorder};

/// A missing answer fails the test.
const PATIENCE: Duration = Duration::from_secs(10);

/// Serves with axum, like an app, until the process ends.
fn serve() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            listener.set_nonblocking(true).unwrap();
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            let service = GroupFullService::new(Immediate(Recorder::new(Validator::unauthenticated(APP))));
            axum::serve(listener, axum::Router::new().route_service("/", service)).await.unwrap();
        });
    });
    address
}

struct Client(TcpStream);

impl Client {
    fn new(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        // Head and body are sent separately; without this the kernel would delay the body.
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Self(stream)
    }

    fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).unwrap();
    }

    fn head(&mut self, callback: &Callback, headers: &str) {
        self.send(format!("POST /?{} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n", callback.raw_query()));
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

    /// Sends chunks in the background until the server closes the connection.
    fn endless(&self) -> JoinHandle<()> {
        let mut writer = self.0.try_clone().unwrap();
        std::thread::spawn(move || {
            let chunk = format!("1000\r\n{}\r\n", " ".repeat(0x1000));
            while writer.write_all(chunk.as_bytes()).is_ok() {}
        })
    }

    /// Returns whether the server has closed the connection without sending more.
    fn is_closed(&mut self) -> bool {
        match self.0.read(&mut [0]) {
            Ok(read) => read == 0,
            Err(error) => error.kind() == ErrorKind::ConnectionReset,
        }
    }
}

fn fail(info: &str) -> String {
    format!(r#"{{"ActionStatus":"FAIL","ErrorInfo":"{info}","ErrorCode":1}}"#)
}

#[test]
fn a_connection_serves_many_callbacks() {
    let mut client = Client::new(serve());
    let genuine = Callback::new(APP);
    for callback in [&genuine, &genuine.clone().broken(RejectionKind::MalformedBody), &genuine] {
        let body = callback.raw_body();
        client.head(callback, &format!("Content-Length: {}\r\n", body.len()));
        client.send(&body);
        let status = client.answer();
        assert!(!status.1, "{status:?}");
        client.head(callback, "Transfer-Encoding: chunked\r\n");
        client.send(format!("{:x}\r\n", body.len()));
        client.send(&body);
        client.send("\r\n0\r\n\r\n");
        assert_eq!(client.answer(), status);
    }
    client.head(&genuine.broken(RejectionKind::MissingParameter), "");
    // There is no body, so nothing is left unread.
    assert_eq!(client.answer(), (400, false, fail("parameter `SdkAppid`: missing")));
}

#[test]
fn expect_continue_is_answered_only_if_the_body_is_wanted() {
    let address = serve();
    let body = Callback::new(APP).raw_body();
    let headers = format!("Expect: 100-continue\r\nContent-Length: {}\r\n", body.len());

    let mut untrusted = Client::new(address);
    untrusted.head(&Callback::new(APP).broken(RejectionKind::SdkAppIdMismatch), &headers);
    assert_eq!(untrusted.answer(), (403, true, fail("parameter `SdkAppid`: not an app of this server")));
    assert!(untrusted.is_closed());

    let mut vendor = Client::new(address);
    vendor.head(&Callback::new(APP), &headers);
    assert_eq!(vendor.answer(), (100, false, String::new()));
    vendor.send(&body);
    assert_eq!(vendor.answer(), (200, false, OK.to_owned()));
}

#[test]
fn a_declared_size_above_the_limit_is_answered_before_the_body() {
    let mut client = Client::new(serve());
    client.head(&Callback::new(APP), "Content-Length: 65537\r\n");
    assert_eq!(client.answer(), (413, true, fail("body: longer than the limit")));
    assert!(client.is_closed());
}

#[test]
fn an_endless_body_is_answered_while_it_is_sent() {
    let mut client = Client::new(serve());
    client.head(&Callback::new(APP), "Transfer-Encoding: chunked\r\n");
    let writer = client.endless();
    assert_eq!(client.answer(), (413, true, fail("body: longer than the limit")));
    assert!(client.is_closed());
    writer.join().unwrap();
}

#[test]
fn a_body_that_breaks_off_is_answered() {
    for headers in ["Content-Length: 500\r\n", "Transfer-Encoding: chunked\r\n"] {
        let mut client = Client::new(serve());
        client.head(&Callback::new(APP), headers);
        client.send("1\r\n{\r\n");
        client.0.shutdown(Shutdown::Write).unwrap();
        assert_eq!(client.answer(), (400, true, fail("body: ended before it was complete")), "{headers}");
        assert!(client.is_closed());
    }
}

/// The vendor keeps its connections, and one URL may carry every message.
#[test]
fn a_connection_serves_many_callbacks_of_another_command() {
    let mut client = Client::new(serve());
    let other = Callback::new(APP).broken(RejectionKind::OtherCommand);
    for count in 0..1000 {
        let body = vec![b' '; if count % 2 == 0 { 200 } else { 60 * 1024 }];
        client.head(&other, &format!("Content-Length: {}\r\n", body.len()));
        client.send(body);
        assert_eq!(client.answer(), (200, false, OK.to_owned()), "{count}");
    }
}

#[test]
fn another_command_of_any_size_is_answered() {
    let other = Callback::new(APP).broken(RejectionKind::OtherCommand);
    let mut client = Client::new(serve());
    client.head(&other, "Content-Length: 1000000000\r\n");
    assert_eq!(client.answer(), (200, true, OK.to_owned()));
    assert!(client.is_closed());

    let mut client = Client::new(serve());
    client.head(&other, "Transfer-Encoding: chunked\r\n");
    let writer = client.endless();
    assert_eq!(client.answer(), (200, true, OK.to_owned()));
    assert!(client.is_closed());
    writer.join().unwrap();
}

#[tokio::test]
async fn http_2_goes_on_after_an_unread_body() {
    let (client, server) = tokio::io::duplex(64 * 1024);
    let service = GroupFullService::new(Immediate(Recorder::new(Validator::unauthenticated(APP))));
    let service = TowerToHyperService::new(service);
    tokio::spawn(
        hyper::server::conn::http2::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(server), service),
    );
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(client)).await.unwrap();
    tokio::spawn(connection);
    let genuine = Callback::new(APP);
    for (callback, status) in [
        (genuine.clone(), 200),
        (genuine.clone().broken(RejectionKind::SdkAppIdMismatch), 403),
        (genuine.clone().broken(RejectionKind::BodyTooLarge), 413),
        (genuine, 200),
    ] {
        let mut request = callback.request().map(Full::<Bytes>::from);
        *request.uri_mut() = format!("http://localhost{}", request.uri()).parse().unwrap();
        let response = tokio::time::timeout(PATIENCE, sender.send_request(request)).await.expect("an answer").unwrap();
        assert_eq!((response.status().as_u16(), response.headers().get("connection")), (status, None));
        assert!(response.into_body().collect().await.unwrap().to_bytes().starts_with(b"{\"ActionStatus\":"));
    }
}
