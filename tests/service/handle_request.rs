//! `handle_request` and `handle_request_async`: when the body is read, and how far.

use std::future::ready as at_once;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use im_group_full::{Immediate, Rejection, Validator, handle_request, handle_request_async};

use crate::util::{APP, BODY, FULL, QUERY, Recorder, ready};

const OTHER: &str = "SdkAppid=888888&CallbackCommand=C2C.CallbackBeforeSendMsg";
const OTHER_CALL: &str = "other C2C.CallbackBeforeSendMsg";
const UNREAD: usize = usize::MAX;

/// Asserts the status, the call, and how many bytes `read` was told to read at most; `UNREAD` if it was not called.
#[track_caller]
fn asks(method: &str, raw_query: &str, body: &Result<Vec<u8>, Rejection>, expected: (u16, &str, usize)) {
    let recorder = Recorder::new(Validator::unauthenticated(APP).max_body_len(1000));
    let given = AtomicUsize::new(UNREAD);
    let read = |limit| {
        assert_eq!(given.swap(limit, SeqCst), UNREAD, "read twice");
        body.clone()
    };
    let reply = handle_request(method, raw_query, read, &recorder);
    let calls = recorder.calls().join(", ");
    assert_eq!((reply.status().as_u16(), &*calls, given.swap(UNREAD, SeqCst)), expected, "{method} {raw_query}");
    let reply =
        ready(handle_request_async(method, raw_query, |limit| at_once(read(limit)), &Immediate(recorder.clone())));
    let calls = recorder.calls().join(", ");
    assert_eq!((reply.status().as_u16(), &*calls, given.into_inner()), expected, "{method} {raw_query}");
}

#[test]
fn the_method_and_the_query_are_checked_before_the_body_is_read() {
    let xml = "SdkAppid=888888&CallbackCommand=Group.CallbackAfterGroupFull&contenttype=xml";
    for (method, raw_query, status, call) in [
        ("GET", QUERY, 405, "rejected method_not_allowed"),
        ("POST ", OTHER, 405, "rejected method_not_allowed"),
        ("POST", "", 400, "rejected missing_parameter"),
        ("POST", "SdkAppid=1&CallbackCommand=A", 403, "rejected sdk_app_id_mismatch"),
        ("POST", xml, 415, "rejected unsupported_content_type"),
    ] {
        asks(method, raw_query, &Ok(BODY.to_vec()), (status, call, UNREAD));
    }
}

#[test]
fn a_body_is_read_once_and_one_byte_above_the_limit() {
    let spaces = |len| [BODY, &vec![b' '; len - BODY.len()]].concat();
    for (raw_query, body, status, call) in [
        (QUERY, Ok(BODY.to_vec()), 200, FULL),
        (QUERY, Ok(spaces(1000)), 200, FULL),
        (QUERY, Ok(spaces(1001)), 413, "rejected body_too_large"),
        (QUERY, Ok(b"{}".to_vec()), 400, "rejected malformed_body"),
        (QUERY, Err(Rejection::body_too_large()), 413, "rejected body_too_large"),
        (QUERY, Err(Rejection::incomplete_body()), 400, "rejected incomplete_body"),
        // Another command must not block its users, and must keep the connection usable.
        (OTHER, Ok(b"\xff".to_vec()), 200, OTHER_CALL),
        (OTHER, Ok(vec![b' '; 2000]), 200, OTHER_CALL),
        (OTHER, Err(Rejection::body_too_large()), 200, OTHER_CALL),
        (OTHER, Err(Rejection::incomplete_body()), 200, OTHER_CALL),
    ] {
        asks("POST", raw_query, &body, (status, call, 1001));
    }
}

/// The crate adds one to the limit, so callers need not, and cannot overflow.
#[test]
fn the_largest_limit_does_not_overflow() {
    let recorder = Recorder::new(Validator::unauthenticated(APP).max_body_len(usize::MAX));
    let read = |most| {
        assert_eq!(most, usize::MAX);
        Ok(BODY)
    };
    assert_eq!(handle_request("POST", QUERY, read, &recorder).status(), 200);
    let immediate = Immediate(&recorder);
    assert_eq!(ready(handle_request_async("POST", QUERY, async |most| read(most), &immediate)).status(), 200);
}

/// Counts do not depend on whether the body ever ends.
#[test]
fn another_command_is_counted_before_its_body_is_read() {
    let recorder = Recorder::unauthenticated();
    let read = |_| {
        assert_eq!(recorder.calls(), [OTHER_CALL]);
        Ok(BODY)
    };
    assert_eq!(handle_request("POST", OTHER, read, &recorder).status(), 200);
    let immediate = Immediate(&recorder);
    assert_eq!(ready(handle_request_async("POST", OTHER, async |most| read(most), &immediate)).status(), 200);
    assert_eq!(recorder.calls(), [""; 0]);
}
