//! For each request one hook is called, and one only, in every way in.

mod util;

use std::future::ready as at_once;
use std::sync::Arc;

use http::{Method, Request, Response};
use http_body_util::Full;
use hyper::body::Bytes;
use im_group_full::testing::Callback;
use im_group_full::{
    Failure, GroupFullHandler, GroupFullService, Immediate, Rejection, RejectionKind, Token, Validator, handle,
    handle_async, handle_http, handle_http_async, handle_request, handle_request_async, http,
};
use tower::ServiceExt;

use crate::util::{APP, NOW, Recorder, ready};

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

/// What each way in answers, and what it calls. Those without a method are asked only for a POST.
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
        match (kind, recorder.validator().validate(query, request.body(), util::at(NOW))) {
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
