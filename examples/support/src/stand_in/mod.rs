//! A stand-in for the vendor's REST servers: a real HTTP server on this machine, which holds groups and keeps to the
//! vendor's limits.
//!
//! Shared by the `make_room` example and the tests, which use different parts of it.
#![allow(dead_code)]

mod credential;
mod group;
mod vendor;

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::SystemTime;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Query};
use axum::response::Response;
use axum::routing::post;
use bytes::Bytes;
use http::StatusCode;
use http_body::Frame;
use im_group_full::SdkAppId;
use im_group_full::rest::Endpoint;
use serde_json::{Value, json};

pub use self::group::{Group, Member};
pub use self::vendor::{Call, Vendor};

/// What the stand-in reads the time from; a test gives it a fixed one.
pub type Clock = Arc<dyn Fn() -> SystemTime + Send + Sync>;

/// What happens to a call instead of, or after, its being carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing: the call is carried out and answered.
    None,
    /// The connection breaks, and nothing is done.
    BreakBefore,
    /// The connection breaks after the call was carried out.
    BreakAfter,
    /// An HTTP status, and nothing is done.
    Status(u16),
    /// An HTTP status after the call was carried out.
    StatusAfter(u16),
    /// Status 200 and a page that is not JSON, after the call was carried out.
    NotJson,
    /// The vendor's error, and nothing is done.
    Code(i32),
}

/// Hears of every call before it is carried out, and may change the groups.
pub type Hook = Box<dyn FnMut(&Call, &mut Vendor) -> Fault + Send>;

/// The server; it stops when it is dropped.
pub struct StandIn {
    address: SocketAddr,
    shared: Arc<Mutex<Shared>>,
    // Kept for its threads.
    _runtime: tokio::runtime::Runtime,
}

struct Shared {
    vendor: Vendor,
    clock: Clock,
    hook: Option<Hook>,
}

impl StandIn {
    /// Starts it on a free port of this machine, for one app with one admin.
    pub fn start(app: SdkAppId, admin: &str, secret_key: &str, clock: Clock) -> io::Result<Self> {
        Self::start_at(SocketAddr::from(([127, 0, 0, 1], 0)), app, admin, secret_key, clock)
    }

    /// Starts it at an address.
    pub fn start_at(
        address: SocketAddr,
        app: SdkAppId,
        admin: &str,
        secret_key: &str,
        clock: Clock,
    ) -> io::Result<Self> {
        let vendor = Vendor::new(app, admin, secret_key);
        let shared = Arc::new(Mutex::new(Shared { vendor, clock, hook: None }));
        let for_calls = Arc::clone(&shared);
        let serve = move |Path((_service, command)): Path<(String, String)>,
                          Query(query): Query<HashMap<String, String>>,
                          body: Bytes| {
            let answer = lock(&for_calls).answer(command, &query, &body);
            std::future::ready(answer.map_or_else(broken, response))
        };
        let app = Router::new().route("/v4/{service}/{command}", post(serve));

        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let listener = runtime.block_on(tokio::net::TcpListener::bind(address))?;
        let address = listener.local_addr()?;
        runtime.spawn(async move { axum::serve(listener, app).await });
        Ok(Self { address, shared, _runtime: runtime })
    }

    /// Where it is: `http://127.0.0.1:` and the port.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where it is, for a `RestApi`.
    pub fn endpoint(&self) -> Result<Endpoint, im_group_full::rest::InvalidEndpoint> {
        self.url().parse()
    }

    /// Answers a request without a socket; `None` where the connection would break.
    pub fn call(&self, request: &http::Request<Vec<u8>>) -> Option<(StatusCode, Vec<u8>)> {
        let command = request.uri().path().rsplit('/').next().unwrap_or_default();
        let query = request.uri().query().unwrap_or_default();
        let query = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        lock(&self.shared).answer(command.to_owned(), &query, request.body())
    }

    /// Looks at, or changes, what it holds; no call is served meanwhile.
    pub fn with<T>(&self, f: impl FnOnce(&mut Vendor) -> T) -> T {
        f(&mut lock(&self.shared).vendor)
    }

    /// Sets what hears of every call from now on.
    pub fn on_call(&self, hook: impl FnMut(&Call, &mut Vendor) -> Fault + Send + 'static) {
        lock(&self.shared).hook = Some(Box::new(hook));
    }
}

impl Shared {
    fn answer(
        &mut self,
        command: String,
        query: &HashMap<String, String>,
        body: &[u8],
    ) -> Option<(StatusCode, Vec<u8>)> {
        let body = serde_json::from_slice(body).unwrap_or(Value::Null);
        let call = self.vendor.record(command, body);
        let fault = self.hook.as_mut().map_or(Fault::None, |hook| hook(&call, &mut self.vendor));
        // After the hook, which may let time pass.
        let now = (self.clock)();
        let mut served = || self.vendor.serve(&call, query, now);
        match fault {
            Fault::None => Some(json_answer(&served())),
            Fault::BreakBefore => None,
            Fault::BreakAfter => {
                served();
                None
            }
            Fault::Status(status) => Some(plain(status, "gateway")),
            Fault::StatusAfter(status) => {
                served();
                Some(plain(status, "gateway"))
            }
            Fault::NotJson => {
                served();
                Some(plain(200, "<html>it works</html>"))
            }
            Fault::Code(code) => Some(json_answer(&refusal(code, "as the test wants it"))),
        }
    }
}

fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

fn refusal(code: i32, info: &str) -> Value {
    json!({ "ActionStatus": "FAIL", "ErrorCode": code, "ErrorInfo": info })
}

fn json_answer(body: &Value) -> (StatusCode, Vec<u8>) {
    (StatusCode::OK, body.to_string().into_bytes())
}

fn plain(status: u16, text: &str) -> (StatusCode, Vec<u8>) {
    (StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY), text.into())
}

fn response((status, body): (StatusCode, Vec<u8>)) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response
}

fn broken() -> Response {
    Response::new(Body::new(BrokenBody))
}

/// A body that fails before its first byte, upon which the server closes the connection.
struct BrokenBody;

impl http_body::Body for BrokenBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        Poll::Ready(Some(Err(io::ErrorKind::ConnectionReset.into())))
    }
}
