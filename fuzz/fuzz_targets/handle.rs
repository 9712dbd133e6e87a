//! Runs `handle`: any bytes get one answer from the table, and exactly one hook is called.
#![no_main]

use std::sync::{Arc, Mutex};
use std::time::{Duration, UNIX_EPOCH};

use im_group_full::{
    ActionStatus, CallbackResponse, Failure, GROUP_FULL_COMMAND, GroupFull, SdkAppId, Token, Validator, handle,
    handle_http, handler_fn, http,
};
use im_group_full_fuzz::{APP, Body, Query, Signature};
use libfuzzer_sys::{Corpus, fuzz_target};

const TOKEN: &[u8] = b"xxxxyyyy";
const NOW: u32 = 1_669_872_112;
const QUERY_LIMIT: usize = 300;
const BODY_LIMIT: usize = 200;

// The first byte configures the app; a byte that is not valid in text ends the query.
fuzz_target!(|data: &[u8]| -> Corpus {
    let Some((&flags, request)) = data.split_first() else {
        return Corpus::Reject;
    };
    let mut parts = request.splitn(2, |byte| *byte == 0xff);
    let (raw_query, raw_body) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let Ok(raw_query) = std::str::from_utf8(raw_query) else {
        return Corpus::Reject;
    };
    let (signed, fails) = (flags & 1 != 0, flags & 2 != 0);
    let app = SdkAppId::new(APP);
    let validator =
        if signed { Validator::signed(app, Token::new(TOKEN).unwrap()) } else { Validator::unauthenticated(app) };
    let validator = validator.max_query_len(QUERY_LIMIT).max_body_len(BODY_LIMIT);
    let calls = Arc::new(Mutex::new(Vec::new()));
    let note = |name| {
        let calls = Arc::clone(&calls);
        move || calls.lock().unwrap().push(name)
    };
    let (full, failed, other, rejected) = (note("full"), note("failed"), note("other"), note("rejected"));
    let handler = handler_fn(validator, move |event| {
        assert_eq!(event.sdk_app_id().get(), APP);
        let json = serde_json::to_string(event).unwrap();
        assert_eq!(serde_json::from_str::<GroupFull<'_>>(&json).unwrap(), *event);
        full();
        if fails { Err(Failure::new("no").with_code(7)) } else { Ok(()) }
    })
    .when_failed(move |_, _| failed())
    .when_other_command(move |query| {
        assert_ne!(query.command(), GROUP_FULL_COMMAND);
        other();
    })
    .when_rejected(move |rejection| {
        assert!(rejection.to_string().len() < 2048, "{rejection}");
        rejected();
    })
    .clock(|| UNIX_EPOCH + Duration::from_secs(NOW.into()));
    let called = || std::mem::take(&mut *calls.lock().unwrap());

    let reply = handle(raw_query, raw_body, &handler);
    let (status, expected_calls) = expected(raw_query, raw_body, signed, fails);
    assert_eq!(reply.status(), status);
    assert_eq!(called(), expected_calls);
    let envelope: CallbackResponse<'_> = serde_json::from_slice(&reply.body()).unwrap();
    assert_eq!(envelope, *reply.response());
    let fine = status == 200 && expected_calls != ["full", "failed"];
    assert_eq!(envelope.action_status() == ActionStatus::Ok, fine);
    assert_eq!(envelope.error_code() == 0, fine);
    if status == 403 {
        // Untrusted clients learn only which check failed.
        assert!(envelope.error_info().len() < 50 && !envelope.error_info().contains("888888"));
    }

    // If a URL can hold the query, the answer is the same.
    if let Ok(uri) = format!("/im?{raw_query}").parse::<http::Uri>()
        && uri.query() == Some(raw_query)
    {
        let request = |method| http::Request::builder().method(method).uri(uri.clone()).body(raw_body).unwrap();
        let response = handle_http(&request("POST"), &handler);
        assert_eq!((response.status(), response.body()), (reply.status(), &reply.body()));
        assert_eq!(called(), expected_calls);
        assert_eq!(handle_http(&request("PUT"), &handler).status(), 405);
    }
    Corpus::Keep
});

/// The table of answers.
fn expected(raw_query: &str, raw_body: &[u8], signed: bool, fails: bool) -> (u16, &'static [&'static str]) {
    let rejected: &[_] = &["rejected"];
    if raw_query.len() > QUERY_LIMIT {
        return (414, rejected);
    }
    let Some(query) = Query::read(raw_query) else {
        return (400, rejected);
    };
    if query.sdk_app_id != APP {
        return (403, rejected);
    }
    match Signature::read(raw_query, &[TOKEN], NOW.into(), 60) {
        Signature::Duplicate if signed => return (400, rejected),
        Signature::Missing | Signature::Wrong | Signature::Stale if signed => return (403, rejected),
        _ => {}
    }
    if query.command != GROUP_FULL_COMMAND {
        return (200, &["other"]);
    }
    if query.content_type.is_some_and(|text| !text.eq_ignore_ascii_case("json")) {
        return (415, rejected);
    }
    if raw_body.len() > BODY_LIMIT {
        return (413, rejected);
    }
    match Body::read(raw_body) {
        Some(body) if body.command == GROUP_FULL_COMMAND => (200, if fails { &["full", "failed"] } else { &["full"] }),
        _ => (400, rejected),
    }
}
