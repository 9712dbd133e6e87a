//! Handlers behind pointers and trait objects, and the promised traits of the types.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::util::{APP, BODY, NOW, OK, QUERY, Recorder, at};
use im_group_full::{
    ActionStatus, AsyncHandlerFn, CallbackBody, CallbackQuery, CallbackResponse, CheckedQuery, Failure, GroupFull,
    GroupFullHandler, HandlerFn, Immediate, OptPlatform, Rejection, RejectionKind, Reply, SdkAppId, Validator, handle,
    handle_request, handler_fn,
};
use serde::de::DeserializeOwned;

#[test]
fn closures() {
    let count = AtomicUsize::new(0);
    let handler = handler_fn(Validator::unauthenticated(APP), |event| {
        assert_eq!(event.group_id(), "@TGS#2J4SZEAEL");
        count.fetch_add(1, Ordering::Relaxed);
        Ok(())
    });
    assert_eq!(handle(QUERY, BODY, &handler).body().as_ref(), OK.as_bytes());
    assert_eq!(handle("", BODY, &handler).status(), 400);
    assert_eq!(count.load(Ordering::Relaxed), 1);
    assert_eq!(
        format!("{handler:?}"),
        "HandlerFn { validator: Validator { sdk_app_id: SdkAppId(888888), query_limit: 8192, body_limit: 65536, \
         requires_signature: false, .. }, .. }"
    );
}

/// Including rejections before any check of the query. A later closure replaces an earlier one.
#[test]
fn closures_get_every_rejection_once() {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    let handler = handler_fn(Validator::unauthenticated(APP), |_| Ok(()))
        .when_rejected(|rejection| panic!("replaced: {rejection}"))
        .when_rejected(move |_| {
            counted.fetch_add(1, Ordering::Relaxed);
        });
    for (method, query) in [("GET", QUERY), ("POST", ""), ("POST", "SdkAppid=1&CallbackCommand=A")] {
        let _ = handle_request(method, query, |_| Ok(BODY), &handler);
    }
    assert_eq!(count.load(Ordering::Relaxed), 3);
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
    #[track_caller]
    fn forwards<H: GroupFullHandler + ?Sized>(handler: &H, recorder: &Recorder) {
        assert_eq!(handle(QUERY, BODY, handler).status(), 200);
        assert_eq!(handle("", BODY, handler).status(), 400);
        assert_eq!(handle("SdkAppid=888888&CallbackCommand=A", b"", handler).status(), 200);
        assert_eq!(handler.now(), at(NOW));
        assert_eq!(handler.validator().sdk_app_id(), APP);
        assert_eq!(
            recorder.calls(),
            ["full @TGS#2J4SZEAEL", "failed @TGS#2J4SZEAEL: no", "rejected missing_parameter", "other A", "now"]
        );
    }
    let recorder = Arc::new(Recorder::failing(|| Failure::new("no")));
    forwards(&*recorder, &recorder);
    forwards(&&*recorder, &recorder);
    forwards(&Arc::clone(&recorder), &recorder);
    forwards(&Box::new(Arc::clone(&recorder)), &recorder);
    forwards::<dyn GroupFullHandler>(&*recorder, &recorder);
    let boxed: Box<dyn GroupFullHandler> = Box::new(Arc::clone(&recorder));
    forwards(&boxed, &recorder);
    let shared: Arc<dyn GroupFullHandler> = recorder.clone();
    forwards(&shared, &recorder);
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
    let quiet = Quiet(Validator::unauthenticated(APP));
    assert_eq!(handle(QUERY, BODY, &quiet).response().error_info(), "no");
    assert_eq!(handle("", BODY, &quiet).status(), 400);
    assert_eq!(handle("SdkAppid=888888&CallbackCommand=A", b"", &quiet).status(), 200);
    let before = std::time::SystemTime::now();
    assert!(quiet.now() >= before);
    // From the vendor's page.
    assert_eq!(im_group_full::CALLBACK_TIMEOUT.as_secs(), 2);
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
}

#[test]
fn kinds_are_labels() {
    for (rejection, label) in [
        (Rejection::method_not_allowed(), "method_not_allowed"),
        (Rejection::body_too_large(), "body_too_large"),
        (Rejection::incomplete_body(), "incomplete_body"),
    ] {
        assert_eq!(rejection.kind().as_str(), label);
    }
    for (kind, label) in [
        (RejectionKind::MissingSignature, "missing_signature"),
        (RejectionKind::InvalidSignature, "invalid_signature"),
        (RejectionKind::StaleSignature, "stale_signature"),
    ] {
        assert_eq!(kind.as_str(), label);
        assert_eq!(kind.to_string(), label);
    }
}

#[test]
fn only_another_command_has_a_command() {
    assert_eq!(Rejection::body_too_large().command(), None);
}
