//! What needs a server or its types: the tower service, `testing::Callback`, and properties. Files that open sockets say so
//! in their names.

#[path = "../util/mod.rs"]
mod util;

mod formats;
mod handle_request;
mod hooks;
mod other_command;
mod over_sockets;
mod properties;
mod script;
mod service;
mod several_apps;
mod testing;

use std::fmt::Debug;
use std::time::Duration;

use http_body_util::BodyExt;
use hyper::body::{Body, Bytes};
use im_group_full::http::{Request, Response};
use im_group_full::{GroupFullService, Immediate, ReplyBody, Validator};
use tower::{Service, ServiceExt};

use util::Recorder;

/// The limit for bodies unless a validator sets another one.
const LIMIT: usize = 64 * 1024;

fn recorded(validator: Validator) -> (GroupFullService<Immediate<Recorder>>, Recorder) {
    let recorder = Recorder::new(validator);
    (GroupFullService::new(Immediate(recorder.clone())), recorder)
}

/// Returns the status, `Connection` and body of the response, which must arrive.
async fn answer<S, B, R>(service: S, request: Request<B>) -> (u16, Option<String>, String)
where
    S: Service<Request<B>, Response = Response<ReplyBody<R>>, Error: Debug>,
    R: Body<Data = Bytes, Error: Debug> + Unpin,
{
    let ask = async {
        let response = service.oneshot(request).await.unwrap();
        let connection = response.headers().get("connection").map(|value| value.to_str().unwrap().to_owned());
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, connection, String::from_utf8(body.to_vec()).unwrap())
    };
    tokio::time::timeout(Duration::from_secs(10), ask).await.expect("an answer")
}
