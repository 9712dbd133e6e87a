#![allow(dead_code, reason = "each test file uses a part of it")]

use std::pin::pin;
use std::sync::Mutex;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use im_group_full::{CheckedQuery, Failure, GroupFull, GroupFullHandler, Rejection, SdkAppId, Validator};

pub const APP: SdkAppId = SdkAppId::new(888_888);

/// The vendor's sample request, with the group that its page shows.
pub const QUERY: &str = "SdkAppid=888888&CallbackCommand=Group.CallbackAfterGroupFull\
     &contenttype=json&ClientIP=127.0.0.1&OptPlatform=RESTAPI";
pub const BODY: &[u8] =
    br#"{"CallbackCommand":"Group.CallbackAfterGroupFull","GroupId":"@TGS#2J4SZEAEL","EventTime":1670574414123}"#;
pub const OK: &str = r#"{"ActionStatus":"OK","ErrorInfo":"","ErrorCode":0}"#;

pub const NOW: u64 = 1_669_872_112;

pub fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

/// Returns the output of a future that never waits.
#[track_caller]
pub fn ready<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("it waits"),
    }
}

/// A handler that records its calls and answers as configured.
pub struct Recorder {
    validator: Validator,
    failure: Option<fn() -> Failure>,
    calls: Mutex<Vec<String>>,
}

impl Recorder {
    pub fn new(validator: Validator) -> Self {
        Self { validator, failure: None, calls: Mutex::default() }
    }

    pub fn failing(failure: fn() -> Failure) -> Self {
        Self { failure: Some(failure), ..Self::new(Validator::unauthenticated(APP)) }
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
