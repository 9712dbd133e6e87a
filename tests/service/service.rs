//! The tower service called directly, with bodies that report how far they were read.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{HeaderValue, Request, Response, StatusCode, Version};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Bytes};
use im_group_full::testing::Callback;
use im_group_full::{
    Failure, GroupFullService, Immediate, RejectionKind, ReplyBody, ResponseFuture, Token, Validator, http,
};
use tower::{Layer, Service, ServiceBuilder, ServiceExt};
use tower_http::timeout::TimeoutLayer;
use tower_http::trace::TraceLayer;

use crate::script::{Script, Step};
use crate::util::{APP, NOW, OK, Recorder};

const LIMIT: usize = 64 * 1024;

struct Asked {
    recorder: Arc<Recorder>,
    service: GroupFullService<Immediate<Arc<Recorder>>>,
}

fn asked(validator: Validator) -> Asked {
    let recorder = Arc::new(Recorder::new(validator));
    Asked { service: GroupFullService::new(Immediate(Arc::clone(&recorder))), recorder }
}

impl Asked {
    /// Returns the status, `Connection` and body of the answer, and the calls of the handler.
    async fn answer<B>(&self, request: Request<B>) -> (u16, Option<String>, String, Vec<String>)
    where
        B: Body + Send + 'static,
    {
        let answer = async { read(self.service.clone().oneshot(request).await.unwrap()).await };
        // A missing answer fails the test.
        let (status, connection, body) =
            tokio::time::timeout(Duration::from_secs(10), answer).await.expect("an answer");
        (status, connection, body, self.recorder.calls())
    }
}

async fn read(response: Response<ReplyBody>) -> (u16, Option<String>, String) {
    let connection = response.headers().get("connection").map(|value| value.to_str().unwrap().to_owned());
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, connection, String::from_utf8(body.to_vec()).unwrap())
}

fn with_body<B>(callback: &Callback, body: B) -> Request<B> {
    callback.request().map(|_| body)
}

fn fail(info: &str) -> String {
    format!(r#"{{"ActionStatus":"FAIL","ErrorInfo":"{info}","ErrorCode":1}}"#)
}

#[tokio::test]
async fn a_bad_query_is_answered_without_reading_the_body() {
    let broken = |kind| Callback::new(APP).broken(kind).request();
    let mut declared = Callback::new(APP).request();
    declared.headers_mut().insert("content-length", (LIMIT + 1).into());
    let table = [
        (broken(RejectionKind::MethodNotAllowed), 405, "method_not_allowed"),
        (broken(RejectionKind::QueryTooLong), 414, "query_too_long"),
        (broken(RejectionKind::MissingParameter), 400, "missing_parameter"),
        (broken(RejectionKind::SdkAppIdMismatch), 403, "sdk_app_id_mismatch"),
        (broken(RejectionKind::UnsupportedContentType), 415, "unsupported_content_type"),
        (declared, 413, "body_too_large"),
    ];
    for (request, status, kind) in table {
        for (version, connection) in [
            (Version::HTTP_10, Some("close")),
            (Version::HTTP_11, Some("close")),
            // In HTTP/2 the header is an error, and a stream can end alone.
            (Version::HTTP_2, None),
        ] {
            let asked = asked(Validator::unauthenticated(APP));
            let body = Script::new([Step::Silent]);
            let mut request = request.clone().map(|_| body.clone());
            *request.version_mut() = version;
            let (got, header, _, calls) = asked.answer(request).await;
            assert_eq!((got, header.as_deref(), body.polls()), (status, connection, 0), "{kind} {version:?}");
            assert_eq!(calls, [format!("rejected {kind}")]);
        }
    }
}

#[tokio::test]
async fn a_forged_callback_is_answered_unread() {
    let token = Token::new("xxxxyyyy").unwrap();
    let signed = Callback::new(APP).signed(&token, NOW);
    for kind in [RejectionKind::MissingSignature, RejectionKind::InvalidSignature, RejectionKind::StaleSignature] {
        let asked = asked(Validator::signed(APP, token.clone()));
        let body = Script::new([Step::Silent]);
        let (status, connection, _, calls) = asked.answer(with_body(&signed.clone().broken(kind), body.clone())).await;
        assert_eq!((status, connection.as_deref(), body.polls()), (403, Some("close"), 0));
        assert_eq!(calls, ["now".to_owned(), format!("rejected {}", kind.as_str())]);
    }
    let asked = asked(Validator::signed(APP, token.clone()));
    let (status, _, body, calls) = asked.answer(signed.request().map(Full::<Bytes>::from)).await;
    assert_eq!((status, body.as_str()), (200, OK));
    assert_eq!(calls, ["now", "full @TGS#2J4SZEAEL"]);
}

#[tokio::test]
async fn a_size_above_the_limit_is_answered_unread() {
    for (size, status, polls) in [(LIMIT as u64 + 1, 413, 0), (u64::MAX, 413, 0), (LIMIT as u64, 400, 1)] {
        let body = Script { size: Some(size), ..Script::new([Step::Broken]) };
        let (got, ..) =
            asked(Validator::unauthenticated(APP)).answer(with_body(&Callback::new(APP), body.clone())).await;
        assert_eq!((got, body.polls()), (status, polls), "{size}");
    }
}

/// Under a layer that replaces the body, the header may be wrong.
#[tokio::test]
async fn the_larger_of_header_and_body_counts() {
    for (size, length) in [(LIMIT as u64 + 1, "5"), (5, "65537")] {
        let body = Script { size: Some(size), ..Script::new([Step::Silent]) };
        let mut request = with_body(&Callback::new(APP), body.clone());
        request.headers_mut().insert("content-length", HeaderValue::from_static(length));
        let (status, ..) = asked(Validator::unauthenticated(APP)).answer(request).await;
        assert_eq!((status, body.polls()), (413, 0), "{size} {length}");
    }
}

#[tokio::test]
async fn reading_stops_at_the_limit() {
    let event = Callback::new(APP).raw_body();
    let spaces = |len| Step::Data(vec![b' '; len]);
    let too_large = fail("body: longer than the limit");
    let table = [
        (vec![Step::Data(event.clone()), spaces(LIMIT - event.len())], 200, None, 3, OK.to_owned()),
        (vec![Step::Data(event.clone()), spaces(LIMIT - event.len() + 1)], 413, Some("close"), 2, too_large.clone()),
        (vec![spaces(LIMIT), spaces(0), spaces(1), spaces(1)], 413, Some("close"), 3, too_large.clone()),
        (vec![spaces(LIMIT + 1), Step::Silent], 413, Some("close"), 1, too_large),
    ];
    for (steps, status, connection, polls, body) in table {
        let script = Script::new(steps);
        let (got, header, text, _) =
            asked(Validator::unauthenticated(APP)).answer(with_body(&Callback::new(APP), script.clone())).await;
        assert_eq!((got, header.as_deref(), script.polls(), text), (status, connection, polls, body));
    }
}

#[tokio::test]
async fn the_limit_is_the_validators() {
    let asked = asked(Validator::unauthenticated(APP).max_body_len(10));
    let (status, _, _, calls) = asked.answer(with_body(&Callback::new(APP), Full::<Bytes>::from(vec![b' '; 11]))).await;
    assert_eq!((status, calls), (413, vec!["rejected body_too_large".to_owned()]));
    // It may also be higher than the default.
    let asked = self::asked(Validator::unauthenticated(APP).max_body_len(usize::MAX));
    let body = [Callback::new(APP).raw_body(), vec![b' '; LIMIT]].concat();
    let (status, ..) = asked.answer(with_body(&Callback::new(APP), Full::<Bytes>::from(body))).await;
    assert_eq!(status, 200);
}

#[tokio::test]
async fn a_body_is_read_in_any_pieces() {
    let raw_body = Callback::new(APP).raw_body();
    for piece in [1, 40, raw_body.len() - 1, raw_body.len()] {
        let mut steps: Vec<_> = raw_body.chunks(piece).map(|piece| Step::Data(piece.to_vec())).collect();
        // Without trailers and with a known size, the body knows its last piece.
        let sized = Script { size: Some(raw_body.len() as u64), ..Script::new(steps.clone()) };
        steps.insert(1, Step::Data(Vec::new()));
        steps.push(Step::Trailers);
        for script in [sized, Script::new(steps)] {
            let asked = asked(Validator::unauthenticated(APP));
            let (status, connection, body, calls) = asked.answer(with_body(&Callback::new(APP), script)).await;
            assert_eq!((status, connection, body.as_str()), (200, None, OK));
            assert_eq!(calls, ["full @TGS#2J4SZEAEL"]);
        }
    }
}

/// The body decides, unless the header says that it is too long.
#[tokio::test]
async fn a_small_content_length_and_expect_change_nothing() {
    for (spaces, length) in [(0, "5"), (20 * 1024, "20000"), (20 * 1024, "0"), (LIMIT - 200, "64000")] {
        let body = [Callback::new(APP).raw_body(), vec![b' '; spaces]].concat();
        let mut request = with_body(&Callback::new(APP), Full::<Bytes>::from(body));
        request.headers_mut().insert("content-length", HeaderValue::from_static(length));
        request.headers_mut().insert("expect", HeaderValue::from_static("100-continue"));
        let answer = asked(Validator::unauthenticated(APP)).answer(request).await;
        assert_eq!(answer, (200, None, OK.to_owned(), vec!["full @TGS#2J4SZEAEL".to_owned()]), "{spaces} {length}");
    }
}

#[tokio::test]
async fn a_failure_keeps_the_connection_and_a_405_names_post() {
    let failing = GroupFullService::new(Immediate(Recorder::failing(|| Failure::new("busy"))));
    let response = failing.oneshot(Callback::new(APP).request().map(Full::<Bytes>::from)).await.unwrap();
    assert_eq!(response.headers().get("allow"), None);
    assert_eq!(read(response).await, (200, None, fail("busy")));

    let service = asked(Validator::unauthenticated(APP)).service;
    let get = Callback::new(APP).broken(RejectionKind::MethodNotAllowed).request().map(Full::<Bytes>::from);
    let response = service.oneshot(get).await.unwrap();
    assert_eq!((response.status().as_u16(), response.headers()["allow"].as_bytes()), (405, &b"POST"[..]));
    assert_eq!(response.headers()["content-type"], "application/json");
}

/// Most servers refuse it themselves; otherwise the body decides.
#[tokio::test]
async fn a_malformed_content_length_is_ignored() {
    for length in [&b"\xff"[..], b"many", b"-1", b"99999999999999999999999"] {
        let mut request = with_body(&Callback::new(APP), Full::<Bytes>::from(Callback::new(APP).raw_body()));
        request.headers_mut().insert("content-length", HeaderValue::from_bytes(length).unwrap());
        let (status, _, body, calls) = asked(Validator::unauthenticated(APP)).answer(request).await;
        assert_eq!((status, body.as_str()), (200, OK));
        assert_eq!(calls, ["full @TGS#2J4SZEAEL"]);
    }
}

#[tokio::test]
async fn a_body_that_breaks_off_is_incomplete() {
    let asked = asked(Validator::unauthenticated(APP));
    let body = Script::new([Step::Data(Callback::new(APP).raw_body()), Step::Broken]);
    let answer = asked.answer(with_body(&Callback::new(APP), body)).await;
    let info = fail("body: ended before it was complete");
    assert_eq!(answer, (400, Some("close".to_owned()), info, vec!["rejected incomplete_body".to_owned()]));
}

#[tokio::test]
async fn a_body_read_to_its_end_leaves_the_connection_open() {
    let callback = Callback::new(APP).broken(RejectionKind::MalformedBody);
    // Like hyper: a chunked body does not know that it has ended.
    let body = Script::new([Step::Data(callback.raw_body())]);
    let (status, connection, _, calls) =
        asked(Validator::unauthenticated(APP)).answer(with_body(&callback, body)).await;
    assert_eq!((status, connection, calls), (400, None, vec!["rejected malformed_body".to_owned()]));
    let get = Callback::new(APP).broken(RejectionKind::MethodNotAllowed);
    let (status, connection, ..) =
        asked(Validator::unauthenticated(APP)).answer(with_body(&get, Full::<Bytes>::default())).await;
    assert_eq!((status, connection), (405, None));
}

#[tokio::test]
async fn a_dropped_future_leaves_nothing_behind() {
    let asked = asked(Validator::unauthenticated(APP));
    let body = Script::new([Step::Data(vec![b'{']), Step::Silent]);
    let mut future = asked.service.clone().oneshot(with_body(&Callback::new(APP), body.clone()));
    let waker = std::task::Waker::noop();
    assert!(Pin::new(&mut future).poll(&mut Context::from_waker(waker)).is_pending());
    assert_eq!(body.polls(), 2);
    drop(future);
    assert_eq!(Arc::strong_count(&body.polls), 1);
    // One is the service's, the other is the test's.
    assert_eq!(Arc::strong_count(&asked.recorder), 2);
    assert_eq!(asked.recorder.calls(), [""; 0]);
}

#[tokio::test]
async fn it_works_under_layers() {
    let silent = || with_body(&Callback::new(APP), Script::new([Step::Silent]));
    let genuine = || with_body(&Callback::new(APP), Script::new([Step::Data(Callback::new(APP).raw_body())]));
    let service = asked(Validator::unauthenticated(APP)).service;

    let layered = ServiceBuilder::new()
        .layer(TraceLayer::new_for_http())
        .timeout(Duration::from_millis(1))
        .concurrency_limit(1)
        .service(service.clone());
    for _ in 0..2 {
        // Each would hold the only permit forever.
        let error = layered.clone().oneshot(silent()).await.err().unwrap();
        assert!(error.is::<tower::timeout::error::Elapsed>(), "{error}");
    }
    let patient = ServiceBuilder::new().layer(TraceLayer::new_for_http()).concurrency_limit(1).service(service.clone());
    for _ in 0..2 {
        assert_eq!(patient.clone().oneshot(genuine()).await.unwrap().status(), StatusCode::OK);
    }
    let mut timed =
        TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, Duration::from_millis(1)).layer(service);
    assert_eq!(timed.call(silent()).await.unwrap().status(), StatusCode::REQUEST_TIMEOUT);
}

#[test]
fn an_answer_is_one_frame_of_known_size() {
    let mut body: ReplyBody = ReplyBody::from(std::borrow::Cow::Borrowed(OK.as_bytes()));
    assert_eq!((body.size_hint().exact(), body.is_end_stream()), (Some(50), false));
    let mut context = Context::from_waker(std::task::Waker::noop());
    let Poll::Ready(Some(Ok(frame))) = Pin::new(&mut body).poll_frame(&mut context) else { panic!("no frame") };
    assert_eq!(frame.into_data().unwrap(), OK);
    assert_eq!((body.size_hint().exact(), body.is_end_stream()), (Some(0), true));
    assert!(matches!(Pin::new(&mut body).poll_frame(&mut context), Poll::Ready(None)));
}

#[test]
fn its_types_are_send() {
    fn travels<T: Send + 'static>() {}
    fn is_shared<T: Send + Sync + Clone + 'static>() {}
    travels::<ResponseFuture>();
    is_shared::<GroupFullService<Immediate<Arc<Recorder>>>>();
    is_shared::<ReplyBody>();
}

/// The signature in the query can be replayed while it is fresh.
#[tokio::test]
async fn debug_of_the_future_hides_the_request() {
    let token = Token::new("xxxxyyyy").unwrap();
    let callback = Callback::new(APP).signed(&token, NOW);
    let future = asked(Validator::unauthenticated(APP)).service.call(with_body(&callback, Full::new(Bytes::new())));
    assert_eq!(format!("{future:?}"), "ResponseFuture { .. }");
    assert_eq!(future.await.unwrap().status(), StatusCode::BAD_REQUEST);
}
