//! `handle_request` and `handle_request_async`: when the body is read, and how far.

use std::cell::Cell;
use std::future::ready as at_once;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use im_group_full::testing::Callback;
use im_group_full::{Immediate, Rejection, RejectionKind, Validator, handle_request, handle_request_async};

use crate::util::{APP, BODY, QUERY, Recorder, ready};

const OTHER: &str = "SdkAppid=888888&CallbackCommand=C2C.CallbackBeforeSendMsg";
const UNREAD: usize = usize::MAX;

/// What is answered and called, and how many bytes `read` was told to read at most; `UNREAD` if it was not called.
#[track_caller]
fn asks(method: &str, raw_query: &str, body: &Result<Vec<u8>, Rejection>, status: u16, call: &str, limit: usize) {
    let recorder = Recorder::new(Validator::unauthenticated(APP).max_body_len(1000));
    let given = Cell::new(UNREAD);
    let read = |limit| {
        assert_eq!(given.replace(limit), UNREAD, "read twice");
        body.clone()
    };
    let reply = handle_request(method, raw_query, read, &recorder);
    assert_eq!((reply.status().as_u16(), recorder.calls(), given.get()), (status, vec![call.to_owned()], limit));

    let given = AtomicUsize::new(UNREAD);
    let read = |limit| {
        assert_eq!(given.swap(limit, SeqCst), UNREAD, "read twice");
        at_once(body.clone())
    };
    let reply = ready(handle_request_async(method, raw_query, read, &Immediate(&recorder)));
    assert_eq!((reply.status().as_u16(), recorder.calls(), given.into_inner()), (status, vec![call.to_owned()], limit));
}

#[test]
fn the_method_and_the_query_are_checked_before_the_body_is_read() {
    let body = Ok(BODY.to_vec());
    for method in ["GET", "HEAD", "post", "", "POST "] {
        asks(method, QUERY, &body, 405, "rejected method_not_allowed", UNREAD);
        asks(method, OTHER, &body, 405, "rejected method_not_allowed", UNREAD);
    }
    asks("POST", "", &body, 400, "rejected missing_parameter", UNREAD);
    asks("POST", "SdkAppid=1&CallbackCommand=A", &body, 403, "rejected sdk_app_id_mismatch", UNREAD);
    let xml = Callback::new(APP).broken(RejectionKind::UnsupportedContentType).raw_query();
    asks("POST", &xml, &body, 415, "rejected unsupported_content_type", UNREAD);
}

#[test]
fn a_body_is_read_once_and_one_byte_above_the_limit() {
    let spaces = |len| [BODY, &vec![b' '; len - BODY.len()]].concat();
    asks("POST", QUERY, &Ok(BODY.to_vec()), 200, "full @TGS#2J4SZEAEL", 1001);
    asks("POST", QUERY, &Ok(spaces(1000)), 200, "full @TGS#2J4SZEAEL", 1001);
    asks("POST", QUERY, &Ok(spaces(1001)), 413, "rejected body_too_large", 1001);
    asks("POST", QUERY, &Ok(b"{}".to_vec()), 400, "rejected malformed_body", 1001);
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
    assert_eq!(
        ready(handle_request_async("POST", QUERY, async |most| read(most), &Immediate(&recorder))).status(),
        200
    );
}

#[test]
fn errors_while_reading_are_answered() {
    asks("POST", QUERY, &Err(Rejection::body_too_large()), 413, "rejected body_too_large", 1001);
    asks("POST", QUERY, &Err(Rejection::incomplete_body()), 400, "rejected incomplete_body", 1001);
}

/// Must not block its users, and must keep the connection usable.
#[test]
fn the_body_of_another_command_is_read_and_ignored() {
    for body in [
        Ok(b"\xff".to_vec()),
        Ok(vec![b' '; 2000]),
        Err(Rejection::body_too_large()),
        Err(Rejection::incomplete_body()),
    ] {
        asks("POST", OTHER, &body, 200, "other C2C.CallbackBeforeSendMsg", 1001);
    }
}

/// Counts do not depend on whether the body ever ends.
#[test]
fn another_command_is_counted_before_its_body_is_read() {
    let recorder = Recorder::new(Validator::unauthenticated(APP));
    let read = |_| {
        assert_eq!(recorder.calls(), ["other C2C.CallbackBeforeSendMsg"]);
        Ok(BODY)
    };
    assert_eq!(handle_request("POST", OTHER, read, &recorder).status(), 200);
    let read = async |most| read(most);
    assert_eq!(ready(handle_request_async("POST", OTHER, read, &Immediate(&recorder))).status(), 200);
    assert_eq!(recorder.calls(), [""; 0]);
}

#[test]
fn futures_are_send() {
    fn send<T: Send>(future: T) -> T {
        future
    }
    let recorder = Recorder::new(Validator::unauthenticated(APP));
    let handler = Immediate(&recorder);
    let future = handle_request_async("POST", QUERY, async |_| Ok(BODY), &handler);
    assert_eq!(ready(send(future)).status(), 200);
}

#[test]
fn a_dropped_future_leaves_nothing_behind() {
    let recorder = Recorder::new(Validator::unauthenticated(APP));
    let handler = Immediate(&recorder);
    let never = |_| std::future::pending::<Result<Vec<u8>, Rejection>>();
    let mut future = Box::pin(handle_request_async("POST", QUERY, never, &handler));
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(future.as_mut().poll(&mut context).is_pending());
    drop(future);
    assert_eq!(recorder.calls(), [""; 0]);
}
