//! Handlers that await.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Waker};

use im_group_full::testing::Callback;
use im_group_full::{
    AsyncGroupFullHandler, CheckedQuery, Failure, GroupFull, GroupFullHandler, Immediate, Rejection, RejectionKind,
    Reply, Token, Validator, async_handler_fn, handle, handle_async, handle_http, handle_http_async,
};

use crate::util::{APP, BODY, NOW, OK, QUERY, Recorder, ready};

/// Writes to the recorder at once, or never.
struct Waiting<'a> {
    recorder: &'a Recorder,
    forever: bool,
}

impl AsyncGroupFullHandler for Waiting<'_> {
    fn validator(&self) -> &Validator {
        self.recorder.validator()
    }

    async fn on_group_full(&self, event: &GroupFull<'_>) -> Result<(), Failure> {
        if self.forever {
            std::future::pending::<()>().await;
        }
        self.recorder.on_group_full(event)
    }

    fn on_failed(&self, event: &GroupFull<'_>, failure: &Failure) {
        self.recorder.on_failed(event, failure);
    }

    fn on_other_command(&self, query: &CheckedQuery<'_>) {
        self.recorder.on_other_command(query);
    }

    fn on_rejected(&self, rejection: &Rejection) {
        self.recorder.on_rejected(rejection);
    }
}

fn told(reply: &Reply) -> (u16, String) {
    (reply.status().as_u16(), String::from_utf8(reply.body().to_vec()).unwrap())
}

/// Every answer of `handle` is also one of `handle_async`, and so is every call.
#[test]
fn answers_what_handle_answers() {
    for recorder in [
        Recorder::new(Validator::unauthenticated(APP)),
        Recorder::failing(|| Failure::new("busy").with_code(7)),
        // `on_failed` is called for every failure.
        Recorder::failing(|| Failure::new("busy").with_source("the disk is full")),
        Recorder::failing(|| std::io::Error::other("the disk is full").into()),
    ] {
        let waiting = Waiting { recorder: &recorder, forever: false };
        let immediate = Immediate(Arc::new(&recorder) as Arc<dyn GroupFullHandler + '_>);
        for callback in [
            Callback::new(APP),
            Callback::new(APP).broken(RejectionKind::SdkAppIdMismatch),
            Callback::new(APP).broken(RejectionKind::OtherCommand),
            Callback::new(APP).broken(RejectionKind::MalformedBody),
        ] {
            let (query, body) = (callback.raw_query(), callback.raw_body());
            let expected = (told(&handle(&query, &body, &recorder)), recorder.calls());
            for got in [
                (told(&ready(handle_async(&query, &body, &waiting))), recorder.calls()),
                (told(&ready(handle_async(&query, &body, &&Box::new(&waiting)))), recorder.calls()),
                (told(&ready(handle_async(&query, &body, &immediate))), recorder.calls()),
                (told(&ready(handle_async(&query, &body, &Arc::new(Immediate(&recorder))))), recorder.calls()),
            ] {
                assert_eq!(got, expected);
            }
        }
    }
}

#[test]
fn every_way_in_asks_the_handler_for_the_time() {
    let token = Token::new("xxxxyyyy").unwrap();
    let recorder = Recorder::new(Validator::signed(APP, token.clone()));
    let callback = Callback::new(APP).signed(&token, NOW);
    let (query, body, request) = (callback.raw_query(), callback.raw_body(), callback.request());
    for (status, calls) in [
        (handle(&query, &body, &recorder).status(), recorder.calls()),
        (ready(handle_async(&query, &body, &Immediate(&recorder))).status(), recorder.calls()),
        (handle_http(&request, &recorder).status(), recorder.calls()),
        (ready(handle_http_async(&request, &Immediate(&recorder))).status(), recorder.calls()),
    ] {
        assert_eq!((status.as_u16(), calls), (200, vec!["now".to_owned(), "full @TGS#2J4SZEAEL".to_owned()]));
    }
}

#[test]
fn pointers_forward_the_clock() {
    let recorder = Recorder::new(Validator::unauthenticated(APP));
    let _ = AsyncGroupFullHandler::now(&Arc::new(&Immediate(&recorder)));
    assert_eq!(recorder.calls(), ["now"]);
}

#[test]
fn closures_own_the_event() {
    let calls = AtomicUsize::new(0);
    let handler = async_handler_fn(Validator::unauthenticated(APP), |event: GroupFull<'static>| {
        calls.fetch_add(1, SeqCst);
        async move { if event.group_id() == "a" { Err("no")? } else { Ok(()) } }
    });
    assert_eq!(told(&ready(handle_async(QUERY, BODY, &handler))), (200, OK.to_owned()));
    let refused = Callback::new(APP).group_id("a");
    let failed = r#"{"ActionStatus":"FAIL","ErrorInfo":"internal error","ErrorCode":1}"#;
    assert_eq!(told(&ready(handle_async(QUERY, &refused.raw_body(), &handler))), (200, failed.to_owned()));
    assert_eq!(ready(handle_async("", BODY, &handler)).status(), 400);
    assert_eq!(calls.load(SeqCst), 2);
    let debug = format!("{handler:?}");
    assert!(debug.starts_with("AsyncHandlerFn { validator: Validator { sdk_app_id: "), "{debug}");
}

#[test]
fn a_refusal_awaits_nothing() {
    let recorder = Recorder::new(Validator::unauthenticated(APP));
    let waiting = Waiting { recorder: &recorder, forever: true };
    assert_eq!(ready(handle_async("", BODY, &waiting)).status(), 400);
    assert_eq!(recorder.calls(), ["rejected missing_parameter"]);
}

#[test]
fn a_dropped_future_leaves_nothing_behind() {
    let recorder = Recorder::new(Validator::unauthenticated(APP));
    let waiting = Waiting { recorder: &recorder, forever: true };
    let mut future = Box::pin(handle_async(QUERY, BODY, &waiting));
    for _ in 0..3 {
        assert!(Pin::new(&mut future).poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }
    drop(future);
    drop(handle_async(QUERY, BODY, &waiting));
    assert_eq!(recorder.calls(), [""; 0]);
}

#[test]
fn futures_are_send() {
    fn send<T: Send>(future: T) -> T {
        future
    }
    let recorder = Recorder::new(Validator::unauthenticated(APP));
    let waiting = Waiting { recorder: &recorder, forever: false };
    let request = Callback::new(APP).request();
    assert_eq!(ready(send(handle_async(QUERY, BODY, &waiting))).status(), 200);
    assert_eq!(ready(send(handle_http_async(&request, &waiting))).status(), 200);
    // Also with a handler whose type is hidden, as from a function that makes one.
    let handler = hidden();
    assert_eq!(ready(send(async { handle_async(QUERY, BODY, &handler).await })).status(), 200);
}

fn hidden() -> impl AsyncGroupFullHandler {
    async_handler_fn(Validator::unauthenticated(APP), async |_| Ok(()))
}

#[test]
fn the_clock_is_the_systems_unless_told() {
    let before = std::time::SystemTime::now();
    assert!(hidden().now() >= before);
}
