//! `testing::Callback`: its valid callbacks are accepted, and its broken ones are refused for the given reason.

use im_group_full::RejectionKind::{self, *};
use im_group_full::testing::Callback;
use im_group_full::{CallbackQuery, GroupFull, Rejection, SdkAppId, Token, Validator};

use crate::util::{APP, KINDS, NOW, QUERY, Recorder, ask, at};

fn token() -> Token {
    Token::new("xxxxyyyy").unwrap()
}

fn validated(callback: &Callback, validator: &Validator) -> Result<GroupFull<'static>, RejectionKind> {
    let (query, body) = (callback.raw_query(), callback.raw_body());
    validator.validate(&query, &body, at(NOW)).map(GroupFull::into_owned).map_err(|rejection| rejection.kind())
}

#[test]
fn a_callback_is_what_the_vendor_sends() {
    let callback = Callback::new(APP);
    assert_eq!(callback.raw_query(), QUERY);
    assert_eq!(
        String::from_utf8(callback.raw_body()).unwrap(),
        r#"{"CallbackCommand":"Group.CallbackAfterGroupFull","EventTime":1670574414123,"GroupId":"@TGS#2J4SZEAEL"}"#
    );
    let signed = callback.clone().signed(&token(), NOW);
    let sign = token().sign(NOW);
    assert_eq!(signed.raw_query(), format!("{QUERY}&Sign={sign}&RequestTime=1669872112"));
    let debug = format!("{signed:?}");
    assert!(debug.contains("Token(..)") && !debug.contains("xxxx"), "{debug}");
    let request = callback.request();
    assert_eq!((request.method().as_str(), request.uri().path()), ("POST", "/"));
    assert_eq!(request.uri().query(), Some(QUERY));
    assert_eq!(request.into_body(), callback.raw_body());
}

#[test]
fn what_is_set_is_sent() {
    let body = |callback: Callback| String::from_utf8(callback.raw_body()).unwrap();
    assert!(body(Callback::new(APP).event_time_millis(5)).contains(r#","EventTime":5,"#));
    assert!(!body(Callback::new(APP).event_time_millis(None)).contains("EventTime"));
    assert!(body(Callback::new(APP).topic_id("t")).ends_with(r#","TopicId":"t"}"#));
    assert_eq!(Callback::new(APP).topic_id("t").event().topic_id(), Some("t"));
    // An empty one counts as missing.
    assert_eq!(Callback::new(APP).topic_id("").event(), Callback::new(APP).event());
    for id in [0, 1, 888_888, 888_889, u64::MAX] {
        let other_app = Callback::new(SdkAppId::new(id)).broken(SdkAppIdMismatch).raw_query();
        assert_ne!(CallbackQuery::parse(&other_app).unwrap().sdk_app_id().get(), id);
    }
    // Only a server sees the method.
    let get = Callback::new(APP).broken(MethodNotAllowed);
    assert_eq!(get.request().method(), "GET");
    assert_eq!(validated(&get, &Validator::unauthenticated(APP)), Ok(get.event()));
    // As far from the time of the signature as possible, so that no tolerance suffices.
    let half = u64::MAX / 2;
    for (time, stale) in [(0, u64::MAX), (NOW, u64::MAX), (half, u64::MAX), (half + 1, 0), (u64::MAX, 0)] {
        let query = Callback::new(APP).signed(&token(), time).broken(StaleSignature).raw_query();
        assert!(query.ends_with(&format!("&Sign={}&RequestTime={stale}", token().sign(stale))), "{time}: {query}");
    }
}

/// An event made for a handler must equal the one from a server.
#[test]
fn an_event_is_the_validated_callback() {
    let validator = Validator::signed(APP, token());
    let signed = Callback::new(APP).signed(&token(), NOW);
    for callback in [
        signed.clone(),
        signed.clone().group_id("项目组 7 \"&="),
        signed.clone().event_time_millis(None),
        signed.clone().event_time_millis(u64::MAX),
    ] {
        assert_eq!(validated(&callback, &validator), Ok(callback.event()));
        assert_eq!(callback.clone().broken(SdkAppIdMismatch).event(), callback.event());
        assert_eq!(callback.clone().command("Other").event(), callback.event());
    }
}

#[test]
fn a_command_is_encoded() {
    let callback = Callback::new(APP).command("Group.Callback&Sign=ü");
    let (query, body) = (callback.raw_query(), callback.raw_body());
    assert_eq!(CallbackQuery::parse(&query).unwrap().command(), "Group.Callback&Sign=ü");
    assert!(String::from_utf8(body).unwrap().contains("\"Group.Callback&Sign=ü\""));
    assert_eq!(validated(&callback, &Validator::unauthenticated(APP)), Err(OtherCommand));
}

/// At every entry point, which calls one hook and says which app the request claims to be for: a server of several apps
/// needs to know whose token is wrong.
#[test]
fn each_broken_callback_is_refused_for_that_reason() {
    let plain = Recorder::unauthenticated();
    let strict = Recorder::new(Validator::signed(APP, token()));
    for (kind, label, status) in KINDS {
        let unsigned = Callback::new(APP).broken(kind);
        let signed = unsigned.clone().signed(&token(), NOW);
        let mut sent = vec![(&signed, &strict)];
        match kind {
            MissingSignature | InvalidSignature => sent.push((&unsigned, &strict)),
            StaleSignature => {}
            _ => sent.push((&unsigned, &plain)),
        }
        for (callback, recorder) in sent {
            let request = callback.request();
            let query = request.uri().query().unwrap();
            let (reply, mut calls) = ask(request.method().as_str(), query, request.body(), recorder);
            calls.retain(|call| call != "now");
            let call = match kind {
                OtherCommand => "other Group.CallbackBeforeSendMsg".to_owned(),
                IncompleteBody => "rejected malformed_body".to_owned(),
                _ => format!("rejected {label}"),
            };
            assert_eq!((reply.status().as_u16(), calls), (status, vec![call]), "{callback:?}");
            let claimed = match kind {
                OtherCommand => None,
                QueryTooLong | MissingParameter | DuplicateParameter | InvalidParameter | MethodNotAllowed => {
                    Some(None)
                }
                SdkAppIdMismatch => Some(Some(SdkAppId::new(888_889))),
                _ => Some(Some(APP)),
            };
            assert_eq!(reply.rejection().map(Rejection::sdk_app_id), claimed, "{callback:?}");
        }
    }
    for time in [0, NOW, u64::MAX / 2, u64::MAX] {
        let callback = Callback::new(APP).broken(StaleSignature).signed(&token(), time);
        let (query, body) = (callback.raw_query(), callback.raw_body());
        let rejection = Validator::signed(APP, token()).validate(&query, &body, at(time.min(1 << 60))).unwrap_err();
        assert_eq!(rejection.kind(), StaleSignature, "{time}");
    }
}

#[test]
fn the_body_of_another_command_is_not_checked() {
    let validator = Validator::signed(APP, token());
    let other = Callback::new(APP).command("A").signed(&token(), NOW);
    for kind in [UnsupportedContentType, BodyTooLarge, IncompleteBody, MalformedBody, CommandMismatch] {
        assert_eq!(validated(&other.clone().broken(kind), &validator), Err(OtherCommand), "{kind}");
    }
    for kind in [QueryTooLong, DuplicateParameter, SdkAppIdMismatch, MissingSignature, InvalidSignature, StaleSignature]
    {
        assert_eq!(validated(&other.clone().broken(kind), &validator), Err(kind));
    }
}

#[test]
#[should_panic(expected = "a query that a URI can hold")]
fn an_impossible_request_panics() {
    Callback::new(APP).command("x".repeat(70_000)).request();
}
