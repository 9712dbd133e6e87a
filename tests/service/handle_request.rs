//! `handle_request` and `handle_request_async`: when the body is read, and how far.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use im_group_full::{Immediate, Rejection, Reply, Validator, handle_request, handle_request_async};

use crate::util::{APP, BODY, FULL, QUERY, Recorder, ready};

const OTHER: &str = "SdkAppid=888888&CallbackCommand=C2C.CallbackBeforeSendMsg";
const OTHER_CALL: &str = "other C2C.CallbackBeforeSendMsg";
/// What `read` was told to read at most, if it was not called.
const UNREAD: usize = usize::MAX;

#[test]
fn a_body_is_read_after_the_query_once_and_one_byte_above_the_limit() {
    let body = || Ok(BODY.to_vec());
    let spaces = |len| Ok([BODY, &vec![b' '; len - BODY.len()]].concat());
    let xml = QUERY.replace("json", "xml");
    for (method, raw_query, body, status, call, limit) in [
        ("GET", QUERY, body(), 405, "rejected method_not_allowed", UNREAD),
        ("POST", "", body(), 400, "rejected missing_parameter", UNREAD),
        ("POST", "SdkAppid=1&CallbackCommand=A", body(), 403, "rejected sdk_app_id_mismatch", UNREAD),
        ("POST", &xml, body(), 415, "rejected unsupported_content_type", UNREAD),
        ("POST", QUERY, body(), 200, FULL, 1001),
        ("POST", QUERY, spaces(1000), 200, FULL, 1001),
        ("POST", QUERY, spaces(1001), 413, "rejected body_too_large", 1001),
        ("POST", QUERY, Ok(b"{}".to_vec()), 400, "rejected malformed_body", 1001),
        ("POST", QUERY, Err(Rejection::body_too_large()), 413, "rejected body_too_large", 1001),
        ("POST", QUERY, Err(Rejection::incomplete_body()), 400, "rejected incomplete_body", 1001),
        // Another command must not block its users, and must keep the connection usable.
        ("POST", OTHER, Ok(b"\xff".to_vec()), 200, OTHER_CALL, 1001),
        ("POST", OTHER, Ok(vec![b' '; 2000]), 200, OTHER_CALL, 1001),
        ("POST", OTHER, Err(Rejection::body_too_large()), 200, OTHER_CALL, 1001),
        ("POST", OTHER, Err(Rejection::incomplete_body()), 200, OTHER_CALL, 1001),
    ] {
        let recorder = Recorder::new(Validator::unauthenticated(APP).max_body_len(1000));
        let given = AtomicUsize::new(UNREAD);
        let read = |limit| {
            assert_eq!(given.swap(limit, SeqCst), UNREAD, "read twice");
            body.clone()
        };
        let told = |reply: Reply| (reply.status().as_u16(), recorder.calls(), given.swap(UNREAD, SeqCst));
        let expected = (status, vec![call.to_owned()], limit);
        assert_eq!(told(handle_request(method, raw_query, read, &recorder)), expected, "{method} {raw_query}");
        let read = async |limit| read(limit);
        let reply = ready(handle_request_async(method, raw_query, read, &Immediate(&recorder)));
        assert_eq!(told(reply), expected, "{method} {raw_query}");
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
