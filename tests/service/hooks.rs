//! Every entry point calls exactly one hook for each request.

use std::future::ready as at_once;
use std::sync::{Arc, Mutex};

use http::{Method, Request, Response};
use http_body_util::Full;
use hyper::body::Bytes;
use im_group_full::testing::Callback;
use im_group_full::{
    CallbackQuery, Failure, GroupFullHandler, GroupFullService, Immediate, Rejection, RejectionKind, SdkAppId, Token,
    Validator, async_handler_fn, handle, handle_async, handle_http, handle_http_async, handle_request,
    handle_request_async, handler_fn, http,
};
use tower::ServiceExt;

use crate::util::{APP, BODY, NOW, QUERY, Recorder, at, ready};

const KINDS: [RejectionKind; 15] = [
    RejectionKind::QueryTooLong,
    RejectionKind::BodyTooLarge,
    RejectionKind::IncompleteBody,
    RejectionKind::MissingParameter,
    RejectionKind::DuplicateParameter,
    RejectionKind::InvalidParameter,
    RejectionKind::UnsupportedContentType,
    RejectionKind::SdkAppIdMismatch,
    RejectionKind::MissingSignature,
    RejectionKind::InvalidSignature,
    RejectionKind::StaleSignature,
    RejectionKind::OtherCommand,
    RejectionKind::MalformedBody,
    RejectionKind::CommandMismatch,
    RejectionKind::MethodNotAllowed,
];

/// The answer and the calls of each entry point. Those without a method run only for a POST.
fn every_way_in(request: &Request<Vec<u8>>, recorder: &Arc<Recorder>) -> Vec<(&'static str, u16, Vec<String>)> {
    let (method, query, body) =
        (request.method().as_str(), request.uri().query().unwrap_or_default(), request.body().as_slice());
    let immediate = Immediate(Arc::clone(recorder));
    let alone = GroupFullService::new(immediate.clone());
    let routed =
        alone.clone().other(tower::service_fn(async |_| Ok::<_, Rejection>(Response::new(Full::<Bytes>::default()))));
    let full = || request.clone().map(Full::<Bytes>::from);
    let mut seen = Vec::new();
    let mut note = |way, status: http::StatusCode| {
        let mut calls = recorder.calls();
        calls.retain(|call| call != "now");
        seen.push((way, status.as_u16(), calls));
    };
    note("handle_request", handle_request(method, query, |_| Ok(body), &**recorder).status());
    note(
        "handle_request_async",
        ready(handle_request_async(method, query, |_| at_once(Ok(body)), &immediate)).status(),
    );
    note("handle_http", handle_http(request, &**recorder).status());
    note("handle_http_async", ready(handle_http_async(request, &immediate)).status());
    note("GroupFullService", ready(alone.oneshot(full())).unwrap().status());
    note("GroupFullService::other", ready(routed.oneshot(full())).unwrap().status());
    if method == Method::POST {
        note("handle", handle(query, body, &**recorder).status());
        note("handle_async", ready(handle_async(query, body, &immediate)).status());
    }
    seen
}

#[track_caller]
fn each_calls(request: &Request<Vec<u8>>, recorder: Recorder, status: u16, calls: &[&str]) {
    let seen = every_way_in(request, &Arc::new(recorder));
    assert!(seen.len() >= 6);
    for (way, got, called) in seen {
        assert_eq!(
            (got, called.as_slice()),
            (status, calls.iter().map(ToString::to_string).collect::<Vec<_>>().as_slice()),
            "{way}"
        );
    }
}

#[test]
fn an_event_reaches_the_handler_alone() {
    let request = Callback::new(APP).request();
    each_calls(&request, Recorder::new(Validator::unauthenticated(APP)), 200, &["full @TGS#2J4SZEAEL"]);
    let failing = Recorder::failing(|| Failure::new("busy").with_source("the disk is full"));
    each_calls(&request, failing, 200, &["full @TGS#2J4SZEAEL", "failed @TGS#2J4SZEAEL: busy: the disk is full"]);
}

#[test]
fn a_rejection_and_another_command_have_a_hook_each() {
    let token = Token::new("xxxxyyyy").unwrap();
    for kind in KINDS {
        let request = Callback::new(APP).signed(&token, NOW).broken(kind).request();
        let recorder = Recorder::new(Validator::signed(APP, token.clone()));
        let query = request.uri().query().unwrap_or_default();
        match (kind, recorder.validator().validate(query, request.body(), at(NOW))) {
            (RejectionKind::OtherCommand, _) => {
                each_calls(&request, recorder, 200, &["other Group.CallbackBeforeSendMsg"]);
            }
            (RejectionKind::MethodNotAllowed, Ok(_)) => {
                each_calls(&request, recorder, 405, &["rejected method_not_allowed"]);
            }
            (_, Err(rejection)) => {
                let expected = rejection.status().as_u16();
                assert!(expected >= 400, "{kind}");
                each_calls(&request, recorder, expected, &[&format!("rejected {}", rejection.kind())]);
            }
            (_, Ok(event)) => panic!("{kind}: {event:?}"),
        }
    }
}

/// A server of several apps needs to know whose token is wrong.
#[test]
fn a_rejection_names_the_app_that_was_claimed() {
    let token = Token::new("xxxxyyyy").unwrap();
    let recorder = Recorder::new(Validator::signed(APP, token.clone()).max_query_len(300));
    let signed = Callback::new(APP).signed(&token, NOW);
    for kind in [
        RejectionKind::BodyTooLarge,
        RejectionKind::UnsupportedContentType,
        RejectionKind::MissingSignature,
        RejectionKind::InvalidSignature,
        RejectionKind::StaleSignature,
        RejectionKind::MalformedBody,
        RejectionKind::CommandMismatch,
        RejectionKind::SdkAppIdMismatch,
    ] {
        let callback = signed.clone().broken(kind);
        let reply = handle(&callback.raw_query(), &callback.raw_body(), &recorder);
        let claimed = if kind == RejectionKind::SdkAppIdMismatch { SdkAppId::new(888_889) } else { APP };
        assert_eq!(
            reply.rejection().map(|rejection| (rejection.kind(), rejection.sdk_app_id())),
            Some((kind, Some(claimed)))
        );
    }
    let query = signed.raw_query();
    for of_read in [Rejection::body_too_large(), Rejection::incomplete_body()] {
        assert_eq!(of_read.sdk_app_id(), None);
        let reply = handle_request("POST", &query, |_| Err::<&[u8], _>(of_read.clone()), &recorder);
        assert_eq!(reply.rejection().and_then(Rejection::sdk_app_id), Some(APP));
        let read = async |_| Err::<&[u8], _>(of_read.clone());
        let reply = ready(handle_request_async("POST", &query, read, &Immediate(&recorder)));
        assert_eq!(reply.rejection().and_then(Rejection::sdk_app_id), Some(APP));
    }
    let other = signed.command("A").raw_query();
    let rejection = recorder.validator().validate(&other, b"", at(NOW)).unwrap_err();
    assert_eq!((rejection.kind(), rejection.sdk_app_id()), (RejectionKind::OtherCommand, Some(APP)));
    assert_eq!(Rejection::unknown_app(APP).sdk_app_id(), Some(APP));
    assert_eq!(CallbackQuery::parse("SdkAppid=888888").unwrap_err().sdk_app_id(), Some(APP));
    // The app was not read, or is unreadable.
    let long = format!("{QUERY}&x={}", "x".repeat(300));
    for (method, query) in
        [("GET", QUERY), ("POST", &long), ("POST", ""), ("POST", "SdkAppid=x"), ("POST", "SdkAppid=1&SdkAppid=1")]
    {
        let reply = handle_request(method, query, |_| Ok(BODY), &recorder);
        assert_eq!(reply.rejection().map(Rejection::sdk_app_id), Some(None), "{method} {query}");
    }
}

/// The calls of the closures, in order, and the answer.
#[test]
fn closures_get_every_call() {
    let token = Token::new("xxxxyyyy").unwrap();
    let signed = Callback::new(APP).signed(&token, NOW);
    let log = Arc::new(Mutex::new(Vec::new()));
    let note = |log: &Arc<Mutex<Vec<String>>>, line: String| log.lock().unwrap().push(line);
    macro_rules! hear {
        ($handler:expr) => {{
            let [failed, other, rejected, asked] = [(); 4].map(|()| Arc::clone(&log));
            $handler
                .when_failed(move |event, failure| note(&failed, format!("failed {}: {failure:#}", event.group_id())))
                .when_other_command(move |query| note(&other, format!("other {}", query.command())))
                .when_rejected(move |rejection| note(&rejected, format!("rejected: {rejection}")))
                .clock(move || {
                    note(&asked, "now".to_owned());
                    at(NOW)
                })
        }};
    }
    let validator = Validator::signed(APP, token.clone());
    let fails = || Err(Failure::new("busy").with_source("the disk is full"));
    let handler = hear!(handler_fn(validator.clone(), |_| fails()));
    let waiting = hear!(async_handler_fn(validator, async |_| fails()));
    for (callback, lines) in [
        (signed.clone(), ["now", "failed @TGS#2J4SZEAEL: busy: the disk is full"]),
        (signed.clone().command("A"), ["now", "other A"]),
        (Callback::new(APP), ["now", "rejected: parameter `Sign`: missing, and a token is set"]),
        (
            signed.clone().signed(&token, NOW - 61),
            ["now", "rejected: signature: stale, `RequestTime` is 61 s behind the clock, at most 60 s are tolerated"],
        ),
    ] {
        let (query, body) = (callback.raw_query(), callback.raw_body());
        let _ = handle(&query, &body, &handler.clone());
        assert_eq!(std::mem::take(&mut *log.lock().unwrap()), lines);
        let _ = ready(handle_async(&query, &body, &waiting.clone()));
        assert_eq!(std::mem::take(&mut *log.lock().unwrap()), lines);
    }
}
