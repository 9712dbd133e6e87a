//! A stand-in for the vendor's REST servers, as a real HTTP server on this machine. The tests of `rest` call
//! the same stand-in directly.

#[path = "../../../tests/rest/stand_in/mod.rs"]
mod behind;

use std::io;
use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Request;
use axum::response::Response;
use axum::routing::post;
use http_body_util::channel::Channel;
use im_group_full::SdkAppId;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};

pub use self::behind::{Call, Clock, Fault, Group, Hook, Member, Vendor};

/// The server; it stops when it is dropped.
pub struct StandIn {
    address: SocketAddr,
    behind: Arc<behind::StandIn>,
    // Keeps its threads alive.
    _runtime: Runtime,
}

impl StandIn {
    /// Starts it at an address of this machine, for one app with one admin.
    pub fn start(address: &str, app: SdkAppId, admin: &str, secret_key: &str, clock: Clock) -> io::Result<Self> {
        let behind = Arc::new(behind::StandIn::new(app, admin, secret_key, clock));
        let for_calls = Arc::clone(&behind);
        let serve = async move |request: Request| {
            let (head, body) = request.into_parts();
            let Ok(body) = to_bytes(body, 1024 * 1024).await else { return broken() };
            let Some((status, body)) = for_calls.call(&Request::from_parts(head, body)) else { return broken() };
            let mut response = Response::new(Body::from(body));
            *response.status_mut() = status;
            response
        };
        let app = Router::new().route("/v4/{service}/{command}", post(serve));

        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let listener = runtime.block_on(TcpListener::bind(address))?;
        let address = listener.local_addr()?;
        runtime.spawn(async move { axum::serve(listener, app).await });
        Ok(Self { address, behind, _runtime: runtime })
    }

    /// Returns its URL: `http://127.0.0.1:` and the port.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Deref for StandIn {
    type Target = behind::StandIn;

    fn deref(&self) -> &behind::StandIn {
        &self.behind
    }
}

/// Returns a response whose body fails before its first byte, so that the server closes the connection.
fn broken() -> Response {
    let (body, channel) = Channel::<Bytes, io::Error>::new(1);
    body.abort(io::ErrorKind::ConnectionReset.into());
    Response::new(Body::new(channel))
}
