//! Genuine callbacks of other commands at the tower service, with and without a service of the app's own.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::routing::{any, post};
use http::{Request, Response, Version};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use im_group_full::testing::Callback;
use im_group_full::{
    CheckedQuery, GroupFullService, Immediate, RejectionKind, ReplyBody, Token, Validator, handler_fn, http,
};
use tower::{Service, ServiceBuilder, ServiceExt};

use crate::script::{Script, Step};
use crate::util::{APP, NOW, OK, Recorder};

const LIMIT: usize = 64 * 1024;
const OTHER: &str = "other Group.CallbackBeforeSendMsg";

fn callback() -> Callback {
    Callback::new(APP).broken(RejectionKind::OtherCommand)
}

type Alone = GroupFullService<Immediate<Arc<Recorder>>>;

fn alone() -> (Alone, Arc<Recorder>) {
    let recorder = Arc::new(Recorder::new(Validator::unauthenticated(APP)));
    (GroupFullService::new(Immediate(Arc::clone(&recorder))), recorder)
}

/// Returns the status, `Connection` and body of the response, which must arrive.
async fn answer<S, B, R>(service: S, request: Request<B>) -> (u16, Option<String>, String)
where
    S: Service<Request<B>, Response = Response<ReplyBody<R>>>,
    S::Error: std::fmt::Debug,
    R: Body<Data = Bytes> + Unpin,
    R::Error: std::fmt::Debug,
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

#[tokio::test]
async fn alone_it_drops_the_body_up_to_the_limit() {
    let spaces = |len| Step::Data(vec![b' '; len]);
    let close = Some("close".to_owned());
    for (steps, polls, connection) in [
        (vec![], 1, None),
        (vec![spaces(200)], 2, None),
        (vec![spaces(LIMIT - 1), spaces(1), Step::Trailers], 4, None),
        (vec![spaces(LIMIT), spaces(1), Step::Silent], 2, close.clone()),
        (vec![spaces(LIMIT + 1), Step::Silent], 1, close.clone()),
        (vec![spaces(1), Step::Broken], 2, close.clone()),
    ] {
        let (service, recorder) = alone();
        let body = Script::new(steps);
        let got = answer(service, callback().request().map(|_| body.clone())).await;
        assert_eq!(got, (200, connection, OK.to_owned()));
        assert_eq!((body.polls(), recorder.calls()), (polls, vec![OTHER.to_owned()]));
    }
}

#[tokio::test]
async fn alone_it_does_not_read_a_body_that_is_too_long() {
    for (version, connection) in [(Version::HTTP_11, Some("close".to_owned())), (Version::HTTP_2, None)] {
        let (service, recorder) = alone();
        let body = Script::new([Step::Silent]);
        let mut request = callback().request().map(|_| body.clone());
        *request.version_mut() = version;
        request.headers_mut().insert("content-length", (LIMIT + 1).into());
        assert_eq!(answer(service, request).await, (200, connection, OK.to_owned()));
        assert_eq!((body.polls(), recorder.calls()), (0, vec![OTHER.to_owned()]));
    }
}

async fn echo(Extension(query): Extension<CheckedQuery<'static>>, body: String) -> String {
    format!("{}: {body}", query.command())
}

#[tokio::test]
async fn every_kind_of_service_answers_it() {
    let (service, recorder) = alone();
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
    assert_eq!(answer(service.clone().other(boxed), request()).await, (200, None, body.clone()));

    let proxy = tower::service_fn(upstream);
    assert_eq!(answer(service.clone().other(proxy), request()).await, (200, None, body.clone()));
    assert_eq!(recorder.calls(), [OTHER; 4]);
}

/// Hands the request to another server, which sends the body back.
async fn upstream(mut request: Request<axum::body::Body>) -> Result<Response<Incoming>, hyper::Error> {
    let (client, server) = tokio::io::duplex(LIMIT);
    let echo = service_fn(async |request: Request<Incoming>| Ok::<_, Infallible>(Response::new(request.into_body())));
    tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(server), echo));
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(client)).await?;
    tokio::spawn(connection);
    request.headers_mut().insert("host", http::HeaderValue::from_static("upstream"));
    sender.send_request(request).await
}

#[tokio::test]
async fn only_genuine_callbacks_reach_it() {
    let reached = tower::service_fn(async |_: Request<Full<Bytes>>| -> Result<Response<Full<Bytes>>, Infallible> {
        panic!("it was reached");
    });
    let (service, recorder) = alone();
    let service = service.other(reached);
    for (kind, status) in [
        (None, 200),
        (Some(RejectionKind::MissingParameter), 400),
        (Some(RejectionKind::SdkAppIdMismatch), 403),
        (Some(RejectionKind::MethodNotAllowed), 405),
        (Some(RejectionKind::QueryTooLong), 414),
        (Some(RejectionKind::UnsupportedContentType), 415),
    ] {
        let callback = kind.map_or_else(|| Callback::new(APP), |kind| Callback::new(APP).broken(kind));
        let (got, ..) = answer(service.clone(), callback.request().map(Full::from)).await;
        assert_eq!(got, status);
        assert_eq!(recorder.calls().len(), 1);
    }
    // Another command that is not provably a fresh request from the vendor.
    let token = Token::new("xxxxyyyy").unwrap();
    let recorder = Arc::new(Recorder::new(Validator::signed(APP, token.clone())));
    let strict = GroupFullService::new(Immediate(Arc::clone(&recorder))).other(reached);
    for forged in [
        callback(),
        callback().signed(&token, NOW - 61),
        callback().signed(&token, NOW + 61),
        callback().signed(&Token::new("other").unwrap(), NOW),
    ] {
        assert_eq!(answer(strict.clone(), forged.request().map(Full::from)).await.0, 403);
        assert!(recorder.calls()[1].starts_with("rejected "));
    }
    // Another command of another app, and one sent as GET.
    let mut foreign = callback().request().map(Full::from);
    *foreign.uri_mut() = "/?SdkAppid=1&CallbackCommand=A".parse().unwrap();
    assert_eq!(answer(service.clone(), foreign).await.0, 403);
    let mut get = callback().request().map(Full::from);
    *get.method_mut() = http::Method::GET;
    assert_eq!(answer(service, get).await.0, 405);
}

#[derive(Clone)]
struct Broken;
impl Service<Request<Full<Bytes>>> for Broken {
    type Response = Response<Full<Bytes>>;
    type Error = &'static str;
    type Future = std::future::Ready<Result<Self::Response, Self::Error>>;
    fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Self::Error>> {
        std::task::Poll::Ready(Err("not ready"))
    }
    fn call(&mut self, _: Request<Full<Bytes>>) -> Self::Future {
        panic!("it is not ready")
    }
}

/// `ConcurrencyLimit` panics if it is called before it is ready.
#[tokio::test]
async fn it_is_polled_for_readiness_and_its_errors_are_returned() {
    let (service, _) = alone();
    let inner = ServiceBuilder::new().concurrency_limit(1).service(tower::service_fn(
        async |_: Request<Full<Bytes>>| -> Result<Response<Full<Bytes>>, &'static str> { Err("no upstream") },
    ));
    let mut service = service.other(inner);
    for _ in 0..3 {
        let ready = service.ready().await.unwrap();
        let error = ready.call(callback().request().map(Full::from)).await.err();
        assert_eq!(error, Some("no upstream"));
    }
    // An error of readiness is not an answer either.
    let broken = alone().0.other(Broken);
    assert_eq!(broken.oneshot(callback().request().map(Full::from)).await.err(), Some("not ready"));
    // An event does not wait for it.
    assert_eq!(answer(service, Callback::new(APP).request().map(Full::from)).await.0, 200);
}

/// Its answers are sent unchanged.
#[tokio::test]
async fn its_answers_keep_their_head_and_their_length() {
    const BLOCKED: &str = r#"{"ActionStatus":"OK","ErrorInfo":"","ErrorCode":120001}"#;
    let other = tower::service_fn(async |_: Request<Full<Bytes>>| {
        Ok::<_, Infallible>(
            Response::builder().status(202).header("x-own", "1").body(Full::<Bytes>::from(BLOCKED)).unwrap(),
        )
    });
    let response = alone().0.other(other).oneshot(callback().request().map(Full::from)).await.unwrap();
    assert_eq!((response.status().as_u16(), response.headers()["x-own"].as_bytes()), (202, &b"1"[..]));
    assert_eq!(response.body().size_hint().exact(), Some(BLOCKED.len() as u64));
    assert!(!response.body().is_end_stream());
    let empty =
        tower::service_fn(async |_: Request<Full<Bytes>>| Ok::<_, Infallible>(Response::<Full<Bytes>>::default()));
    let ended = alone().0.other(empty).oneshot(callback().request().map(Full::from)).await.unwrap();
    assert!(ended.body().is_end_stream());
    assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), BLOCKED);
}

#[test]
fn debug_shows_its_parts() {
    let handler = handler_fn(Validator::unauthenticated(APP), |_| Ok(()));
    let debug = format!("{:?}", GroupFullService::new(Immediate(handler)));
    assert!(debug.starts_with("GroupFullService { handler: Immediate(HandlerFn { validator: "), "{debug}");
    assert!(debug.ends_with(", other: None }"), "{debug}");
}

/// The whole service behind hyper, as an app runs it.
#[tokio::test]
async fn it_serves_behind_hyper() {
    let (service, _) = alone();
    let service = TowerToHyperService::new(service.other(tower::service_fn(async |request: Request<Incoming>| {
        Ok::<_, Infallible>(Response::new(request.into_body()))
    })));
    let (client, server) = tokio::io::duplex(LIMIT);
    tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(server), service));
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(client)).await.unwrap();
    tokio::spawn(connection);
    let ask = async {
        for (callback, expected) in [(callback(), callback().raw_body()), (Callback::new(APP), OK.into())] {
            let request = callback.request().map(Full::<Bytes>::from);
            let response = sender.send_request(request).await.unwrap();
            assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), expected);
        }
    };
    tokio::time::timeout(Duration::from_secs(10), ask).await.expect("answers");
}
