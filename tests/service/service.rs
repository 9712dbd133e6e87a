//! The tower service called directly, with bodies that report how far they were read.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

use http::{HeaderValue, StatusCode, Version};
use http_body_util::Full;
use hyper::body::Bytes;
use im_group_full::RejectionKind::*;
use im_group_full::testing::Callback;
use im_group_full::{Failure, GroupFullService, Immediate, Token, Validator, handler_fn, http};
use tower::{Layer, Service, ServiceBuilder, ServiceExt};
use tower_http::timeout::TimeoutLayer;
use tower_http::trace::TraceLayer;

use crate::script::{Script, Step};
use crate::util::{APP, FULL, KINDS, NOW, OK, Recorder, fail};
use crate::{LIMIT, answer, recorded};

#[tokio::test]
async fn a_bad_query_is_answered_without_reading_the_body() {
    let token = Token::new("xxxxyyyy").unwrap();
    for (kind, label, status) in KINDS {
        // Only the body shows these.
        if [IncompleteBody, MalformedBody, CommandMismatch].contains(&kind) {
            continue;
        }
        for (version, connection) in [
            (Version::HTTP_10, Some("close".to_owned())),
            (Version::HTTP_11, Some("close".to_owned())),
            // In HTTP/2 the header is an error, and a stream can end alone.
            (Version::HTTP_2, None),
        ] {
            let (service, recorder) = recorded(Validator::signed(APP, token.clone()));
            let body = Script::new([Step::Silent]);
            let mut request = Callback::new(APP).signed(&token, NOW).broken(kind).request().map(|_| body.clone());
            *request.version_mut() = version;
            if [BodyTooLarge, OtherCommand].contains(&kind) {
                request.headers_mut().insert("content-length", (LIMIT + 1).into());
            }
            let (got, header, _) = answer(service, request).await;
            assert_eq!((got, header, body.polls()), (status, connection, 0), "{kind} {version:?}");
            let call = match kind {
                OtherCommand => "other Group.CallbackBeforeSendMsg".to_owned(),
                _ => format!("rejected {label}"),
            };
            assert_eq!(recorder.calls().last(), Some(&call));
        }
    }
}

#[tokio::test]
async fn what_is_read_of_a_body() {
    const HANDLED: (u16, &str, &str) = (200, "", FULL);
    const TOO_LARGE: (u16, &str, &str) = (413, "body: longer than the limit", "rejected body_too_large");
    const BROKEN_OFF: (u16, &str, &str) = (400, "body: ended before it was complete", "rejected incomplete_body");
    const MALFORMED: (u16, &str, &str) =
        (400, "body: EOF while parsing an object at line 1 column 1", "rejected malformed_body");
    let raw_body = Callback::new(APP).raw_body();
    let event = || Step::Data(raw_body.clone());
    let spaces = |len| Step::Data(vec![b' '; len]);
    let rest = LIMIT - raw_body.len();
    let limit = LIMIT as u64;
    for (length, size, steps, expected, closes, polls) in [
        // Under a layer that replaces the body, the header may be wrong: the larger one counts.
        (&b""[..], Some(limit + 1), vec![Step::Broken], TOO_LARGE, true, 0),
        (b"", Some(u64::MAX), vec![Step::Broken], TOO_LARGE, true, 0),
        (b"5", Some(limit + 1), vec![Step::Silent], TOO_LARGE, true, 0),
        (b"65537", Some(5), vec![Step::Silent], TOO_LARGE, true, 0),
        (b"", Some(limit), vec![Step::Broken], BROKEN_OFF, false, 1),
        // Reading stops at the limit.
        (b"", None, vec![event(), spaces(rest)], HANDLED, false, 3),
        (b"", None, vec![event(), spaces(rest + 1)], TOO_LARGE, true, 2),
        (b"", None, vec![spaces(LIMIT), spaces(0), spaces(1), spaces(1)], TOO_LARGE, true, 3),
        (b"", None, vec![spaces(LIMIT + 1), Step::Silent], TOO_LARGE, true, 1),
        (b"", None, vec![event(), Step::Broken], BROKEN_OFF, true, 2),
        // Like hyper: a chunked body does not know that it has ended.
        (b"", None, vec![Step::Data(b"{".to_vec())], MALFORMED, false, 2),
        // The body decides, unless the header says that it is too long.
        (b"5", Some(raw_body.len() as u64), vec![event()], HANDLED, false, 1),
        (b"20000", None, vec![event(), spaces(20 * 1024)], HANDLED, false, 3),
        (b"0", None, vec![event(), spaces(20 * 1024)], HANDLED, false, 3),
        (b"64000", None, vec![event(), spaces(rest)], HANDLED, false, 3),
        // Most servers refuse these themselves.
        (b"\xff", None, vec![event()], HANDLED, false, 2),
        (b"many", None, vec![event()], HANDLED, false, 2),
        (b"-1", None, vec![event()], HANDLED, false, 2),
        (b"99999999999999999999999", None, vec![event()], HANDLED, false, 2),
    ] {
        let (service, recorder) = recorded(Validator::unauthenticated(APP));
        let body = Script { size, ..Script::new(steps) };
        let mut request = Callback::new(APP).request().map(|_| body.clone());
        request.headers_mut().insert("expect", HeaderValue::from_static("100-continue"));
        if !length.is_empty() {
            request.headers_mut().insert("content-length", HeaderValue::from_bytes(length).unwrap());
        }
        let (status, info, call) = expected;
        let text = if status == 200 { OK.to_owned() } else { fail(info) };
        let got = (answer(service, request).await, body.polls(), recorder.calls().join(", "));
        let expected = ((status, closes.then(|| "close".to_owned()), text), polls, call.to_owned());
        assert_eq!(got, expected, "{} {size:?}", length.escape_ascii());
    }
}

#[tokio::test]
async fn the_limit_is_the_validators() {
    let spaces = |len| Callback::new(APP).request().map(|body| Full::<Bytes>::from([body, vec![b' '; len]].concat()));
    let (service, recorder) = recorded(Validator::unauthenticated(APP).max_body_len(10));
    let (status, ..) = answer(service, spaces(0)).await;
    assert_eq!((status, recorder.calls()), (413, vec!["rejected body_too_large".to_owned()]));
    // It may also be higher than the default.
    let (service, _) = recorded(Validator::unauthenticated(APP).max_body_len(usize::MAX));
    assert_eq!(answer(service, spaces(LIMIT)).await.0, 200);
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
            let (service, recorder) = recorded(Validator::unauthenticated(APP));
            let got = answer(service, Callback::new(APP).request().map(|_| script)).await;
            assert_eq!((got, recorder.calls()), ((200, None, OK.to_owned()), vec![FULL.to_owned()]));
        }
    }
}

#[tokio::test]
async fn a_failure_and_a_get_without_a_body_keep_the_connection() {
    let failing = GroupFullService::new(Immediate(Recorder::failing(|| Failure::new("busy"))));
    let request = Callback::new(APP).request().map(Full::<Bytes>::from);
    assert_eq!(answer(failing.clone(), request).await, (200, None, fail("busy")));
    let get = Callback::new(APP).broken(MethodNotAllowed).request().map(|_| Full::<Bytes>::default());
    assert_eq!(answer(failing, get).await, (405, None, fail("method: expected POST")));
}

#[test]
fn a_dropped_future_leaves_nothing_behind() {
    let recorder = Arc::new(Recorder::unauthenticated());
    let service = GroupFullService::new(Immediate(Arc::clone(&recorder)));
    let body = Script::new([Step::Data(vec![b'{']), Step::Silent]);
    let mut future = service.oneshot(Callback::new(APP).request().map(|_| body.clone()));
    assert!(Pin::new(&mut future).poll(&mut Context::from_waker(Waker::noop())).is_pending());
    assert_eq!(body.polls(), 2);
    drop(future);
    assert_eq!((Arc::strong_count(&body.polls), Arc::strong_count(&recorder)), (1, 1));
    assert_eq!(recorder.calls(), [""; 0]);
}

#[tokio::test]
async fn it_works_under_layers() {
    let silent = || Callback::new(APP).request().map(|_| Script::new([Step::Silent]));
    let genuine = || Callback::new(APP).request().map(|body| Script::new([Step::Data(body)]));
    let (service, _) = recorded(Validator::unauthenticated(APP));
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

/// The signature in the query can be replayed while it is fresh.
#[test]
fn debug_hides_the_request() {
    let handler = handler_fn(Validator::unauthenticated(APP), |_| Ok(()));
    let mut service = GroupFullService::new(Immediate(handler));
    let callback = Callback::new(APP).signed(&Token::new("xxxxyyyy").unwrap(), NOW);
    let future = service.call(callback.request().map(Full::<Bytes>::from));
    assert_eq!(format!("{future:?}"), "ResponseFuture { .. }");
    let debug = format!("{service:?}");
    assert!(debug.starts_with("GroupFullService { handler: Immediate(HandlerFn { validator: "), "{debug}");
    assert!(debug.ends_with(", other: None }"), "{debug}");
}
