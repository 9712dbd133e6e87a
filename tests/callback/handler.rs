//! Handlers of all kinds: closures, behind pointers and trait objects, and with the trait's defaults.

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};
use std::time::SystemTime;

use crate::util::{APP, BODY, FULL, KINDS, NOW, OK, QUERY, Recorder, at, ready};
use im_group_full::{
    ActionStatus, AsyncGroupFullHandler, AsyncHandlerFn, CallbackBody, CallbackQuery, CallbackResponse, CheckedQuery,
    Failure, GroupFull, GroupFullHandler, HandlerFn, Immediate, OptPlatform, Rejection, RejectionKind, Reply, SdkAppId,
    Validator, async_handler_fn, handle, handle_async, handle_request_async, handler_fn,
};
use serde::de::DeserializeOwned;

/// One request for each method of a handler.
const REQUESTS: [(&str, &[u8]); 3] = [(QUERY, BODY), ("", BODY), ("SdkAppid=888888&CallbackCommand=A", b"")];

fn unauthenticated() -> Validator {
    Validator::unauthenticated(APP)
}

#[test]
fn closures() {
    let groups = Mutex::new(Vec::new());
    let note = |event: &GroupFull<'_>| {
        groups.lock().unwrap().push(event.group_id().to_owned());
        if event.query().request_id() == Some("fail") { Err("no")? } else { Ok(()) }
    };
    let handler = handler_fn(unauthenticated(), note);
    let waiting = async_handler_fn(unauthenticated(), |event: GroupFull<'static>| async move { note(&event) });
    let failing = format!("{QUERY}&RequestID=fail");
    for (query, status, info) in
        [(QUERY, 200, ""), (&failing, 200, "internal error"), ("", 400, "parameter `SdkAppid`: missing")]
    {
        for reply in [handle(query, BODY, &handler), ready(handle_async(query, BODY, &waiting))] {
            assert_eq!((reply.status().as_u16(), reply.response().error_info()), (status, info));
        }
    }
    assert_eq!(*groups.lock().unwrap(), ["@TGS#2J4SZEAEL"; 4]);
    let debug = "HandlerFn { validator: Validator { sdk_app_id: SdkAppId(888888), query_limit: 8192, body_limit: 65536, \
         requires_signature: false, .. }, .. }";
    assert_eq!(format!("{handler:?}"), debug);
    assert_eq!(format!("{waiting:?}"), format!("Async{debug}"));
}

/// `main() -> Result<(), Box<dyn Error>>` prints `Debug`.
#[test]
fn debug_of_errors_says_what_is_wrong() {
    let errors: Vec<Box<dyn std::error::Error>> = vec![
        Box::new(Rejection::incomplete_body()),
        Box::new("x".parse::<SdkAppId>().unwrap_err()),
        #[cfg(feature = "signature")]
        Box::new(im_group_full::Token::new("").unwrap_err()),
    ];
    for error in errors {
        assert_eq!(format!("{error:?}"), error.to_string());
    }
}

/// Every method must reach the handler behind the pointer, including those with a default.
#[test]
fn pointers_forward_every_method() {
    const CALLS: [&str; 5] = [FULL, "failed @TGS#2J4SZEAEL: no", "rejected missing_parameter", "other A", "now"];
    #[track_caller]
    fn forwards<H: GroupFullHandler + ?Sized>(handler: &H, recorder: &Recorder) {
        assert_eq!(REQUESTS.map(|(query, body)| handle(query, body, handler).status().as_u16()), [200, 400, 200]);
        assert_eq!((handler.now(), handler.validator().sdk_app_id()), (at(NOW), APP));
        assert_eq!(recorder.calls(), CALLS);
    }
    #[track_caller]
    fn forwards_async<H: AsyncGroupFullHandler + ?Sized>(handler: &H, recorder: &Recorder) {
        let status = |(query, body)| ready(handle_async(query, body, handler)).status().as_u16();
        assert_eq!(REQUESTS.map(status), [200, 400, 200]);
        assert_eq!((handler.now(), handler.validator().sdk_app_id()), (at(NOW), APP));
        assert_eq!(recorder.calls(), CALLS);
    }
    let recorder = Recorder::failing(|| Failure::new("no"));
    let boxed: Box<dyn GroupFullHandler> = Box::new(recorder.clone());
    let shared: Arc<dyn GroupFullHandler> = Arc::new(recorder.clone());
    forwards(&recorder, &recorder);
    forwards(&&recorder, &recorder);
    forwards(&Arc::new(recorder.clone()), &recorder);
    forwards(&Box::new(Arc::new(recorder.clone())), &recorder);
    forwards::<dyn GroupFullHandler>(&recorder, &recorder);
    forwards(&boxed, &recorder);
    forwards(&shared, &recorder);
    forwards_async(&Immediate(&recorder), &recorder);
    forwards_async(&&Box::new(&Immediate(&recorder)), &recorder);
    forwards_async(&Arc::new(Immediate(shared)), &recorder);
}

#[test]
fn defaults_do_nothing() {
    struct Quiet(Validator);
    impl GroupFullHandler for Quiet {
        fn validator(&self) -> &Validator {
            &self.0
        }
        fn on_group_full(&self, _: &GroupFull<'_>) -> Result<(), Failure> {
            Err(Failure::new("no"))
        }
    }
    impl AsyncGroupFullHandler for Quiet {
        fn validator(&self) -> &Validator {
            &self.0
        }
        async fn on_group_full(&self, event: &GroupFull<'_>) -> Result<(), Failure> {
            GroupFullHandler::on_group_full(self, event)
        }
    }
    let quiet = Quiet(unauthenticated());
    for ((query, body), (status, info)) in
        REQUESTS.into_iter().zip([(200, "no"), (400, "parameter `SdkAppid`: missing"), (200, "")])
    {
        for reply in [handle(query, body, &quiet), ready(handle_async(query, body, &quiet))] {
            assert_eq!((reply.status().as_u16(), reply.response().error_info()), (status, info));
        }
    }
    let before = SystemTime::now();
    let closure = async_handler_fn(unauthenticated(), async |_| Ok(()));
    for now in [GroupFullHandler::now(&quiet), AsyncGroupFullHandler::now(&quiet), closure.now()] {
        assert!(now >= before);
    }
    // From the vendor's page.
    assert_eq!(im_group_full::CALLBACK_TIMEOUT.as_secs(), 2);
}

#[test]
fn a_refusal_awaits_nothing_and_a_dropped_future_leaves_nothing_behind() {
    let never = async_handler_fn(unauthenticated(), async |_| std::future::pending().await)
        .when_failed(|event, failure| panic!("{event:?}: {failure}"));
    assert_eq!(ready(handle_async("", BODY, &never)).status(), 400);
    let recorder = Recorder::unauthenticated();
    let immediate = Immediate(&recorder);
    let never_read = |_| std::future::pending::<Result<Vec<u8>, Rejection>>();
    let futures: [Pin<Box<dyn Future<Output = Reply>>>; 2] = [
        Box::pin(handle_async(QUERY, BODY, &never)),
        Box::pin(handle_request_async("POST", QUERY, never_read, &immediate)),
    ];
    for mut future in futures {
        for _ in 0..3 {
            assert!(future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        }
    }
    drop(handle_async(QUERY, BODY, &immediate));
    assert_eq!(recorder.calls(), [""; 0]);
}

/// Also with a handler whose type is hidden, as from a function that makes one.
#[test]
fn futures_with_a_hidden_handler_are_send() {
    fn hidden() -> impl AsyncGroupFullHandler {
        async_handler_fn(unauthenticated(), async |_| Ok(()))
    }
    let handler = hidden();
    let reply = ready(async { handle_async(QUERY, BODY, &handler).await });
    assert_eq!(reply.body().as_ref(), OK.as_bytes());
}

#[test]
fn types_implement_the_promised_traits() {
    fn shared<T: Send + Sync + 'static>() {}
    fn owned<T: DeserializeOwned>() {}
    fn error<T: std::error::Error>() {}
    shared::<(Validator, CheckedQuery<'_>, GroupFull<'_>, CallbackQuery<'_>, CallbackBody<'_>, OptPlatform<'_>)>();
    shared::<(Reply, Rejection, RejectionKind, Failure, CallbackResponse<'_>, ActionStatus, SdkAppId)>();
    shared::<(HandlerFn<fn()>, AsyncHandlerFn<fn()>, Immediate<Arc<dyn GroupFullHandler>>)>();
    owned::<(GroupFull<'static>, CallbackQuery<'static>, CallbackBody<'static>, CallbackResponse<'static>, SdkAppId)>();
    error::<Rejection>();
    #[cfg(feature = "signature")]
    shared::<(im_group_full::Token, im_group_full::InvalidToken)>();
    #[cfg(feature = "tower")]
    {
        fn travels<T: Send + 'static>() {}
        fn cloned<T: Clone>() {}
        travels::<im_group_full::ResponseFuture>();
        shared::<(im_group_full::GroupFullService<Immediate<Arc<Recorder>>>, im_group_full::ReplyBody)>();
        cloned::<(im_group_full::GroupFullService<Immediate<Arc<Recorder>>>, im_group_full::ReplyBody)>();
    }
}

#[test]
fn kinds_are_labels() {
    for (kind, label, _) in KINDS {
        assert_eq!((kind.as_str(), kind.to_string()), (label, label.to_owned()));
    }
}
