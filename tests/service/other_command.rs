//! Genuine callbacks of other commands at the tower service, with and without a service of the app's own.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::task::{Context, Poll};

use axum::Extension;
use axum::routing::{any, post};
use http::{Method, Request, Response};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Bytes};
use im_group_full::RejectionKind::*;
use im_group_full::testing::Callback;
use im_group_full::{CheckedQuery, Token, Validator, http};
use tower::{Service, ServiceBuilder, ServiceExt};

use crate::script::{Script, Step};
use crate::util::{APP, KINDS, NOW, OK};
use crate::{LIMIT, answer, recorded};

const OTHER: &str = "other Group.CallbackBeforeSendMsg";

fn callback() -> Callback {
    Callback::new(APP).broken(OtherCommand)
}

fn request() -> Request<Full<Bytes>> {
    callback().request().map(Full::from)
}

#[tokio::test]
async fn alone_it_drops_the_body_up_to_the_limit() {
    let spaces = |len| Step::Data(vec![b' '; len]);
    for (steps, polls, closes) in [
        (vec![], 1, false),
        (vec![spaces(200)], 2, false),
        (vec![spaces(LIMIT - 1), spaces(1), Step::Trailers], 4, false),
        (vec![spaces(LIMIT), spaces(1), Step::Silent], 2, true),
        (vec![spaces(LIMIT + 1), Step::Silent], 1, true),
        (vec![spaces(1), Step::Broken], 2, true),
    ] {
        let (service, recorder) = recorded(Validator::unauthenticated(APP));
        let body = Script::new(steps);
        let got = answer(service, callback().request().map(|_| body.clone())).await;
        assert_eq!(got, (200, closes.then(|| "close".to_owned()), OK.to_owned()));
        assert_eq!((body.polls(), recorder.calls()), (polls, vec![OTHER.to_owned()]));
    }
}

async fn echo(Extension(query): Extension<CheckedQuery<'static>>, body: String) -> String {
    format!("{}: {body}", query.command())
}

#[tokio::test]
async fn every_kind_of_service_answers_it() {
    let (service, recorder) = recorded(Validator::unauthenticated(APP));
    let body = "x".repeat(LIMIT + 1);
    let request = || {
        let mut request = callback().request().map(|_| axum::body::Body::from(body.clone()));
        request.headers_mut().insert("expect", http::HeaderValue::from_static("100-continue"));
        request
    };
    let expected = (200, None, format!("Group.CallbackBeforeSendMsg: {body}"));
    assert_eq!(answer(service.clone().other(post(echo)), request()).await, expected);
    let router = axum::Router::new().route("/", any(echo));
    assert_eq!(answer(service.clone().other(router), request()).await, expected);

    let boxed = tower::service_fn(async |request: Request<axum::body::Body>| {
        assert!(request.extensions().get::<CheckedQuery<'static>>().is_some());
        let body: BoxBody<Bytes, Infallible> = Full::new(request.collect().await.unwrap().to_bytes()).boxed();
        Ok::<_, Infallible>(Response::new(body))
    });
    assert_eq!(answer(service.other(boxed), request()).await, (200, None, body.clone()));
    assert_eq!(recorder.calls(), [OTHER; 3]);
}

#[tokio::test]
async fn only_genuine_callbacks_reach_it() {
    let token = Token::new("xxxxyyyy").unwrap();
    let reached = tower::service_fn(async |_: Request<Full<Bytes>>| -> Result<Response<Full<Bytes>>, Infallible> {
        panic!("it was reached");
    });
    let (alone, recorder) = recorded(Validator::signed(APP, token.clone()));
    let service = alone.clone().other(reached);
    let (event, other) = (Callback::new(APP).signed(&token, NOW), callback().signed(&token, NOW));
    let (mut foreign, mut get) = (other.request(), other.request());
    *foreign.uri_mut() = "/?SdkAppid=1&CallbackCommand=A".parse().unwrap();
    *get.method_mut() = Method::GET;
    let mut table = vec![(event.request(), 200), (foreign, 403), (get, 405)];
    // Not provably a fresh request from the vendor.
    let stranger = Token::new("other").unwrap();
    for forged in [
        callback(),
        other.clone().signed(&token, NOW - 61),
        other.clone().signed(&token, NOW + 61),
        other.signed(&stranger, NOW),
    ] {
        table.push((forged.request(), 403));
    }
    for (kind, _, status) in KINDS {
        if kind != OtherCommand {
            table.push((event.clone().broken(kind).request(), status));
        }
    }
    for (request, status) in table {
        let request = request.map(Full::from);
        let got = (answer(service.clone(), request.clone()).await, recorder.calls());
        assert_eq!(got.0.0, status, "{}", request.uri());
        assert_eq!(got, (answer(alone.clone(), request).await, recorder.calls()));
    }
}

#[derive(Clone)]
struct NeverReady;

impl Service<Request<Full<Bytes>>> for NeverReady {
    type Response = Response<Full<Bytes>>;
    type Error = &'static str;
    type Future = Ready<Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Err("not ready"))
    }

    fn call(&mut self, _: Request<Full<Bytes>>) -> Self::Future {
        ready(Err("called before it was ready"))
    }
}

/// `ConcurrencyLimit` panics if it is called before it is ready.
#[tokio::test]
async fn it_is_polled_for_readiness_and_its_errors_are_returned() {
    let (alone, _) = recorded(Validator::unauthenticated(APP));
    let inner = ServiceBuilder::new().concurrency_limit(1).service(tower::service_fn(
        async |_: Request<Full<Bytes>>| -> Result<Response<Full<Bytes>>, &'static str> { Err("no upstream") },
    ));
    let mut service = alone.clone().other(inner);
    for _ in 0..3 {
        assert_eq!(service.ready().await.unwrap().call(request()).await.err(), Some("no upstream"));
    }
    // An error of readiness is not an answer either.
    assert_eq!(alone.other(NeverReady).oneshot(request()).await.err(), Some("not ready"));
    // An event does not wait for it.
    assert_eq!(answer(service, Callback::new(APP).request().map(Full::from)).await.0, 200);
}

/// Its answers are sent unchanged.
#[tokio::test]
async fn its_answers_keep_their_head_and_their_length() {
    const BLOCKED: &str = r#"{"ActionStatus":"OK","ErrorInfo":"","ErrorCode":120001}"#;
    for (body, ends) in [(BLOCKED, false), ("", true)] {
        let other = tower::service_fn(move |_: Request<Full<Bytes>>| {
            ready(Response::builder().status(202).header("x-own", "1").body(Full::<Bytes>::from(body)))
        });
        let response = recorded(Validator::unauthenticated(APP)).0.other(other).oneshot(request()).await.unwrap();
        assert_eq!((response.status().as_u16(), response.headers()["x-own"].as_bytes()), (202, &b"1"[..]));
        assert_eq!(response.body().size_hint().exact(), Some(body.len() as u64));
        assert_eq!(response.body().is_end_stream(), ends);
        assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), body);
    }
}
