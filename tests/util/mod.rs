#![allow(dead_code, reason = "each test file uses a part of it")]

use std::borrow::Cow;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use im_group_full::RejectionKind::{self, *};
use im_group_full::http::{Request, Response};
use im_group_full::{
    CheckedQuery, Failure, GroupFull, GroupFullHandler, Immediate, Rejection, Reply, SdkAppId, Validator, handle,
    handle_async, handle_http, handle_http_async, handle_request, handle_request_async,
};

#[cfg(feature = "tower")]
pub mod whole;

pub const APP: SdkAppId = SdkAppId::new(888_888);

/// The vendor's sample request, with the group that its page shows.
pub const QUERY: &str = "SdkAppid=888888&CallbackCommand=Group.CallbackAfterGroupFull\
     &contenttype=json&ClientIP=127.0.0.1&OptPlatform=RESTAPI";
pub const BODY: &[u8] =
    br#"{"CallbackCommand":"Group.CallbackAfterGroupFull","GroupId":"@TGS#2J4SZEAEL","EventTime":1670574414123}"#;
/// What a [`Recorder`] notes of it.
pub const FULL: &str = "full @TGS#2J4SZEAEL";
pub const OK: &str = r#"{"ActionStatus":"OK","ErrorInfo":"","ErrorCode":0}"#;

/// What the client is told about a callback of another app.
pub const OTHER_APP: &str = "parameter `SdkAppid`: not an app of this server";

pub const NOW: u64 = 1_669_872_112;

/// Every kind of rejection, its name in logs and metrics, and the status of its answer.
pub const KINDS: [(RejectionKind, &str, u16); 15] = [
    (QueryTooLong, "query_too_long", 414),
    (BodyTooLarge, "body_too_large", 413),
    (IncompleteBody, "incomplete_body", 400),
    (MissingParameter, "missing_parameter", 400),
    (DuplicateParameter, "duplicate_parameter", 400),
    (InvalidParameter, "invalid_parameter", 400),
    (UnsupportedContentType, "unsupported_content_type", 415),
    (SdkAppIdMismatch, "sdk_app_id_mismatch", 403),
    (MissingSignature, "missing_signature", 403),
    (InvalidSignature, "invalid_signature", 403),
    (StaleSignature, "stale_signature", 403),
    (OtherCommand, "other_command", 200),
    (MalformedBody, "malformed_body", 400),
    (CommandMismatch, "command_mismatch", 400),
    (MethodNotAllowed, "method_not_allowed", 405),
];

pub fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

/// Returns the body of an answer that refuses.
pub fn fail(info: &str) -> String {
    format!(r#"{{"ActionStatus":"FAIL","ErrorInfo":{},"ErrorCode":1}}"#, serde_json::json!(info))
}

/// Returns the output of a future that never waits. Every future of the crate is `Send`.
#[track_caller]
pub fn ready<F: Future + Send>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("it waits"),
    }
}

/// Hands a request to every entry point, which must all give the same answer and make the same calls. Those that take
/// a URI are left out if no URI can hold the query.
#[track_caller]
pub fn ask(method: &str, raw_query: &str, raw_body: &[u8], recorder: &Recorder) -> (Reply, Vec<String>) {
    let immediate = Immediate(recorder.clone());
    let read = |_| {
        assert_eq!(method, "POST", "the body is read");
        Ok(raw_body)
    };
    let reply = handle_request(method, raw_query, read, recorder);
    let calls = recorder.calls();
    let same = |way: &str, response: Response<Cow<'static, [u8]>>| {
        assert_eq!((response.status(), response.body()), (reply.status(), &reply.body()), "{way}: {raw_query}");
        assert_eq!(response.headers().len(), reply.headers().count(), "{way}: {raw_query}");
        for (name, value) in reply.headers() {
            assert_eq!(response.headers()[name], value, "{way}: {raw_query}");
        }
        assert_eq!(recorder.calls(), calls, "{way}: {raw_query}");
    };
    let read = async |most| read(most);
    same("handle_request_async", ready(handle_request_async(method, raw_query, read, &immediate)).into());
    if method == "POST" {
        same("handle", handle(raw_query, raw_body, recorder).into());
        same("handle_async", ready(handle_async(raw_query, raw_body, &immediate)).into());
    }
    let request = Request::builder().method(method).uri(format!("/?{raw_query}")).body(raw_body).ok();
    if let Some(request) = request.filter(|request| request.uri().query() == Some(raw_query)) {
        same("handle_http", handle_http(&request, recorder));
        same("handle_http_async", ready(handle_http_async(&request, &immediate)));
        #[cfg(feature = "tower")]
        same("GroupFullService", whole::serve(request, immediate));
    }
    (reply, calls)
}

/// A handler that records its calls and answers as configured.
#[derive(Clone)]
pub struct Recorder {
    validator: Validator,
    failure: Option<fn() -> Failure>,
    calls: Arc<Mutex<Vec<String>>>,
}

impl Recorder {
    pub fn new(validator: Validator) -> Self {
        Self { validator, failure: None, calls: Arc::default() }
    }

    /// Returns one that accepts unsigned callbacks.
    pub fn unauthenticated() -> Self {
        Self::new(Validator::unauthenticated(APP))
    }

    pub fn failing(failure: fn() -> Failure) -> Self {
        Self { failure: Some(failure), ..Self::unauthenticated() }
    }

    fn note(&self, call: String) {
        self.calls.lock().unwrap().push(call);
    }

    /// Returns and clears the recorded calls.
    pub fn calls(&self) -> Vec<String> {
        std::mem::take(&mut self.calls.lock().unwrap())
    }
}

impl GroupFullHandler for Recorder {
    fn validator(&self) -> &Validator {
        &self.validator
    }

    fn on_group_full(&self, event: &GroupFull<'_>) -> Result<(), Failure> {
        self.note(format!("full {}", event.group_id()));
        self.failure.map_or(Ok(()), |failure| Err(failure()))
    }

    fn on_failed(&self, event: &GroupFull<'_>, failure: &Failure) {
        self.note(format!("failed {}: {failure:#}", event.group_id()));
    }

    fn on_other_command(&self, query: &CheckedQuery<'_>) {
        self.note(format!("other {}", query.command()));
    }

    fn on_rejected(&self, rejection: &Rejection) {
        self.note(format!("rejected {}", rejection.kind()));
    }

    fn now(&self) -> SystemTime {
        self.note("now".to_owned());
        at(NOW)
    }
}
