//! Hooks of closures, and the app that a rejection names.

use im_group_full::RejectionKind::*;
use im_group_full::testing::Callback;
use im_group_full::{
    CallbackQuery, Failure, GroupFullHandler, Immediate, Rejection, Token, Validator, async_handler_fn, handle_http,
    handle_http_async, handle_request, handle_request_async, handler_fn,
};

use crate::util::{APP, BODY, NOW, QUERY, Recorder, at, ready};

#[test]
fn a_rejection_names_the_app_that_was_claimed() {
    let recorder = Recorder::unauthenticated();
    for of_read in [Rejection::body_too_large(), Rejection::incomplete_body()] {
        assert_eq!(of_read.sdk_app_id(), None);
        let read = |_| Err::<&[u8], _>(of_read.clone());
        for reply in [
            handle_request("POST", QUERY, read, &recorder),
            ready(handle_request_async("POST", QUERY, async |most| read(most), &Immediate(&recorder))),
        ] {
            assert_eq!(reply.rejection().and_then(Rejection::sdk_app_id), Some(APP));
        }
    }
    let other = "SdkAppid=888888&CallbackCommand=A";
    let rejection = Validator::unauthenticated(APP).validate(other, BODY, at(NOW)).unwrap_err();
    assert_eq!((rejection.command(), rejection.sdk_app_id()), (Some("A"), Some(APP)));
    assert_eq!(Rejection::unknown_app(APP).sdk_app_id(), Some(APP));
    assert_eq!(CallbackQuery::parse("SdkAppid=888888").unwrap_err().sdk_app_id(), Some(APP));
    assert_eq!(CallbackQuery::parse("SdkAppid=x").unwrap_err().sdk_app_id(), None);
}

/// A later closure replaces an earlier one.
#[test]
fn closures_get_every_call() {
    let token = Token::new("xxxxyyyy").unwrap();
    let validator = Validator::signed(APP, token.clone());
    let recorder = Recorder::new(validator.clone());
    macro_rules! hear {
        ($handler:expr) => {{
            let [failed, other, rejected, asked] = [(); 4].map(|()| recorder.clone());
            $handler
                .when_failed(move |event, failure| failed.on_failed(event, failure))
                .when_rejected(|rejection| panic!("replaced: {rejection}"))
                .when_other_command(move |query| other.on_other_command(query))
                .when_rejected(move |rejection| rejected.on_rejected(rejection))
                .clock(move || asked.now())
        }};
    }
    let fails = || Err(Failure::new("busy").with_source("the disk is full"));
    let handler = hear!(handler_fn(validator.clone(), |_| fails()));
    let waiting = hear!(async_handler_fn(validator, async |_| fails()));
    let signed = Callback::new(APP).signed(&token, NOW);
    for (callback, calls) in [
        (signed.clone(), &["now", "failed @TGS#2J4SZEAEL: busy: the disk is full"][..]),
        (signed.clone().command("A"), &["now", "other A"]),
        (Callback::new(APP), &["now", "rejected missing_signature"]),
        (signed.clone().signed(&token, NOW - 61), &["now", "rejected stale_signature"]),
        (signed.clone().broken(SdkAppIdMismatch), &["now", "rejected sdk_app_id_mismatch"]),
        // Before any check of the query.
        (signed.broken(MethodNotAllowed), &["rejected method_not_allowed"]),
    ] {
        let _ = handle_http(&callback.request(), &handler.clone());
        assert_eq!(recorder.calls(), calls);
        let _ = ready(handle_http_async(&callback.request(), &waiting.clone()));
        assert_eq!(recorder.calls(), calls);
    }
}
