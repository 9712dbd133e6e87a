//! The table of answers: what the client reads at every entry point, and which of the app's hooks is called.

use std::error::Error;

use crate::util::{APP, BODY, FULL, KINDS, NOW, OK, OTHER_APP, QUERY, Recorder, ask, at, fail, ready};
use im_group_full::RejectionKind::*;
use im_group_full::http::Request;
use im_group_full::{
    ActionStatus, CallbackResponse, Failure, Immediate, Rejection, RejectionKind, Reply, SdkAppId, Validator,
    handle_http, handle_http_async,
};

const COMMAND: &str = "Group.CallbackAfterGroupFull";
const OTHER: &str = "SdkAppid=888888&CallbackCommand=C2C.CallbackBeforeSendMsg";

#[track_caller]
fn assert_reply(reply: &Reply, status: u16, body: &str) {
    assert_eq!(std::str::from_utf8(&reply.body()).unwrap(), body);
    assert_eq!(reply.status(), status);
    let envelope: CallbackResponse<'static> = serde_json::from_str(body).unwrap();
    assert_eq!(reply.response(), &envelope);
    // Only 405 names the methods.
    let headers = [("content-type", "application/json"), ("allow", "POST")];
    assert_eq!(reply.headers().collect::<Vec<_>>(), headers[..if status == 405 { 2 } else { 1 }]);
}

/// Asserts what every entry point answers to a POST, and the call of the handler.
#[track_caller]
fn assert_answer(raw_query: &str, raw_body: &[u8], recorder: &Recorder, (status, body): (u16, &str), call: &str) {
    let (reply, calls) = ask("POST", raw_query, raw_body, recorder);
    assert_reply(&reply, status, body);
    assert_eq!(calls, [call], "{raw_query}");
}

#[test]
fn handled() {
    let recorder = Recorder::unauthenticated();
    let (reply, calls) = ask("POST", QUERY, BODY, &recorder);
    assert_reply(&reply, 200, OK);
    assert!(reply.rejection().is_none() && reply.failure().is_none());
    assert_eq!(calls, [FULL]);
    for content_type in ["", "&contenttype=json", "&contenttype=JSON", "&contenttype=Json", "&contenttype=js%6Fn"] {
        let query = format!("SdkAppid=888888&CallbackCommand={COMMAND}{content_type}");
        assert_answer(&query, BODY, &recorder, (200, OK), FULL);
    }
}

/// Asserts what a rejection says in the log and to the client, who does not learn which app was expected.
#[track_caller]
fn assert_rejected(reply: &Reply, kind: RejectionKind, shown: &str) {
    let (_, _, status) = KINDS.into_iter().find(|row| row.0 == kind).unwrap();
    let told = if kind == SdkAppIdMismatch { OTHER_APP } else { shown };
    assert_reply(reply, status, &fail(told));
    let rejection = reply.rejection().expect(shown);
    assert_eq!((rejection.kind(), rejection.status().as_u16()), (kind, status), "{shown}");
    assert_eq!(rejection.to_string(), shown);
    let parameter = shown.strip_prefix("parameter `").and_then(|rest| rest.split('`').next());
    assert_eq!((rejection.parameter(), rejection.command()), (parameter, None), "{shown}");
}

#[test]
fn rejected() {
    let recorder = Recorder::new(Validator::unauthenticated(APP).max_query_len(200).max_body_len(200));
    let long_query = format!("{QUERY}&x={}", "x".repeat(200));
    let long_body = [BODY, &[b' '; 200]].concat();
    for (raw_query, raw_body, kind, shown) in [
        (long_query.as_str(), BODY, QueryTooLong, "query: expected at most 200 bytes, found 319"),
        ("", BODY, MissingParameter, "parameter `SdkAppid`: missing"),
        (&format!("SdkAppid=888888&{QUERY}"), BODY, DuplicateParameter, "parameter `SdkAppid`: given twice"),
        (
            "SdkAppid=\"\\\n&CallbackCommand=A",
            BODY,
            InvalidParameter,
            "parameter `SdkAppid`: expected decimal digits that fit 64 bits, found \"\\\"\\\\\\n\"",
        ),
        (&QUERY.replace("888888", "1"), BODY, SdkAppIdMismatch, "parameter `SdkAppid`: expected 888888, found 1"),
        (
            &QUERY.replace("json", "xml"),
            BODY,
            UnsupportedContentType,
            "parameter `contenttype`: expected json, found \"xml\"",
        ),
        (QUERY, &long_body, BodyTooLarge, "body: longer than the limit"),
        (QUERY, b"{}", MalformedBody, "body: missing field `CallbackCommand` at line 1 column 2"),
        (
            QUERY,
            br#"{"CallbackCommand":"A","GroupId":"g"}"#,
            CommandMismatch,
            "body: field `CallbackCommand`: expected Group.CallbackAfterGroupFull, found \"A\"",
        ),
    ] {
        let (reply, calls) = ask("POST", raw_query, raw_body, &recorder);
        assert_rejected(&reply, kind, shown);
        assert_eq!(calls, [format!("rejected {kind}")]);
    }
}

#[test]
fn rejected_by_the_server_around_it() {
    // A server of several apps answers like a server of one app.
    let unknown = Rejection::unknown_app(SdkAppId::new(1));
    for (rejection, kind, shown) in [
        (Rejection::method_not_allowed(), MethodNotAllowed, "method: expected POST"),
        (Rejection::body_too_large(), BodyTooLarge, "body: longer than the limit"),
        (Rejection::incomplete_body(), IncompleteBody, "body: ended before it was complete"),
        (unknown, SdkAppIdMismatch, "parameter `SdkAppid`: expected an app of this server, found 1"),
    ] {
        assert_rejected(&rejection.into(), kind, shown);
    }
}

#[test]
fn every_method_but_post_is_refused() {
    let recorder = Recorder::unauthenticated();
    for method in ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "post", "POSTS", "", "POST "] {
        for raw_query in [QUERY, OTHER] {
            let (reply, calls) = ask(method, raw_query, BODY, &recorder);
            assert_reply(&reply, 405, &fail("method: expected POST"));
            assert_eq!(calls, ["rejected method_not_allowed"], "{method} {raw_query}");
        }
    }
}

/// No header is required either: the vendor's sample has no `Content-Type`.
#[test]
fn the_query_comes_from_the_uri() {
    let recorder = Recorder::unauthenticated();
    for (uri, content_type, status) in [
        (format!("/?{QUERY}"), "application/json", 200),
        (format!("/?{QUERY}"), "application/x-www-form-urlencoded", 200),
        (format!("https://example.com/a/b?{QUERY}"), "text/plain; charset=utf-16", 200),
        ("/im/callback".to_owned(), "application/json", 400),
        (format!("/{QUERY}"), "application/json", 400),
        (format!("/&{QUERY}"), "application/json", 400),
        ("/?".to_owned(), "application/json", 400),
    ] {
        let request = Request::post(&uri).header("content-type", content_type).body(BODY).unwrap();
        let call = if status == 200 { FULL } else { "rejected missing_parameter" };
        assert_eq!((handle_http(&request, &recorder).status().as_u16(), recorder.calls()), (status, vec![call.into()]));
        let response = ready(handle_http_async(&request, &Immediate(&recorder)));
        assert_eq!((response.status().as_u16(), recorder.calls()), (status, vec![call.into()]), "{uri}");
    }
}

/// Rejects a value that another parser could read as the expected one.
#[test]
fn identity_is_compared_byte_for_byte() {
    let recorder = Recorder::unauthenticated();
    let other_app = fail(OTHER_APP);
    for bit in 0..64 {
        let query = QUERY.replace("888888", &(APP.get() ^ (1 << bit)).to_string());
        assert_answer(&query, BODY, &recorder, (403, &other_app), "rejected sdk_app_id_mismatch");
    }
    for other in [
        &COMMAND.to_lowercase(),
        &COMMAND.to_uppercase(),
        "group.CallbackAfterGroupFull",
        "Group.CallbackAfterGroupFull+",
        "+Group.CallbackAfterGroupFull",
        "Group.CallbackAfterGroupFull%00",
        "Group.CallbackAfterGroupFul",
        "Group.CallbackAfterGroupFullX",
        "CallbackAfterGroupFull",
    ] {
        let decoded = other.replace('+', " ").replace("%00", "\0");
        assert_answer(&QUERY.replace(COMMAND, other), BODY, &recorder, (200, OK), &format!("other {decoded}"));
        let body = String::from_utf8_lossy(BODY).replace(COMMAND, &decoded.replace('\0', "\\u0000"));
        let (_, calls) = ask("POST", QUERY, body.as_bytes(), &recorder);
        assert_eq!(calls, ["rejected command_mismatch"], "{other}");
    }
    for content_type in ["", "jsonx", "xjson", "json%20", "json;charset=utf-8", "application/json", "js"] {
        let query = format!("SdkAppid=888888&CallbackCommand={COMMAND}&contenttype={content_type}");
        assert_eq!(ask("POST", &query, BODY, &recorder).1, ["rejected unsupported_content_type"], "{content_type}");
        assert_answer(&query.replace(COMMAND, "A"), BODY, &recorder, (200, OK), "other A");
    }
}

/// Must not block its users, even if the callback is unusual in other ways.
#[test]
fn another_command() {
    let validator = Validator::unauthenticated(APP).max_body_len(200);
    let recorder = Recorder::new(validator.clone());
    let long_body = [BODY, &[b' '; 200]].concat();
    for (raw_query, raw_body) in
        [(OTHER.to_owned(), BODY), (format!("{OTHER}&contenttype=xml"), b"\xff"), (OTHER.to_owned(), &long_body)]
    {
        assert_answer(&raw_query, raw_body, &recorder, (200, OK), "other C2C.CallbackBeforeSendMsg");
        // The separate steps return a rejection that names the command.
        let rejection = validator.validate(&raw_query, raw_body, at(NOW)).unwrap_err();
        assert_eq!((rejection.kind(), rejection.status().as_u16()), (OtherCommand, 200));
        assert_eq!(rejection.command(), Some("C2C.CallbackBeforeSendMsg"));
        assert_eq!(rejection.to_string(), "command \"C2C.CallbackBeforeSendMsg\": not Group.CallbackAfterGroupFull");
        let reply = Reply::from(rejection);
        assert_reply(&reply, 200, OK);
        assert!(reply.rejection().is_none());
    }
}

/// The app's log quotes the input: escaped, so that it cannot forge log lines, and cut short.
#[test]
fn quotes_are_safe_to_log() {
    let long = "x".repeat(100);
    let query = |command: &str, content_type: &str| {
        format!("SdkAppid=888888&CallbackCommand={command}&contenttype={content_type}")
    };
    let body = format!(r#"{{"CallbackCommand":"{long}","GroupId":"g"}}"#);
    for (raw_query, raw_body, message) in [
        (query("A%0A%1b[31m", "json"), "", r#"command "A\n\u{1b}[31m": not Group.CallbackAfterGroupFull"#),
        (query(&long, "json"), "", "command \"CUT\": not Group.CallbackAfterGroupFull"),
        (query(COMMAND, &long), "", "parameter `contenttype`: expected json, found \"CUT\""),
        (
            query(COMMAND, "json"),
            &body,
            "body: field `CallbackCommand`: expected Group.CallbackAfterGroupFull, found \"CUT\"",
        ),
    ] {
        let rejection = Validator::unauthenticated(APP).validate(&raw_query, raw_body.as_bytes(), at(NOW)).unwrap_err();
        assert_eq!(rejection.to_string(), message.replace("CUT", &format!("{}…", &long[..64])));
    }
}

/// A proxy that encodes the `&` puts the signature into another parameter's value, and an excerpt must not
/// show it, nor a part of it that the cut leaves.
#[test]
fn no_signature_in_any_text() {
    let sign = "a5d271b35bd72858cdf1ad0b9dfbf037d19146062c0ecb712a0a3235489d6021";
    let json = |field: &str, text: &str| format!(r#"{{"CallbackCommand":"A","GroupId":"g","{field}":"{text}"}}"#);
    let refuse = |raw_query: &str, raw_body: &str| {
        Validator::unauthenticated(APP).validate(raw_query, raw_body.as_bytes(), at(NOW)).unwrap_err()
    };
    for before in (0..70).map(|len| "x".repeat(len)) {
        for shown in [
            refuse(&format!("SdkAppid={before}%26Sign%3D{sign}%26RequestTime%3D1"), "{}"),
            refuse(&format!("SdkAppid={before}%26Sign%3D{}%", sign.to_uppercase()), "{}"),
            refuse(&format!("SdkAppid=888888&CallbackCommand={before}%26Sign%3D{sign}"), "{}"),
            refuse(&format!("SdkAppid=888888&CallbackCommand={COMMAND}&contenttype={before}{sign}"), "{}"),
            refuse(QUERY, &json("EventTime", &(before.clone() + sign))),
            refuse(QUERY, &json("GroupId", sign)),
        ] {
            let texts = format!("{shown} {shown:?} {}", Reply::from(shown.clone()).response().error_info());
            let runs = texts.split(|c: char| !c.is_ascii_hexdigit()).map(str::len).max();
            assert!(runs < Some(16), "{texts}");
        }
    }
    for (value, found) in [
        (&*format!("888888%26Sign%3D{sign}%26RequestTime%3D1676091353"), "888888&Sign=[hex]&RequestTime=1676091353"),
        // Fifteen digits are not a signature.
        ("0123456789abcdeg", "0123456789abcdeg"),
        ("0123456789abcdef", "[hex]"),
    ] {
        let message = format!("parameter `SdkAppid`: expected decimal digits that fit 64 bits, found \"{found}\"");
        assert_eq!(refuse(&format!("SdkAppid={value}"), "").to_string(), message);
    }
}

/// Like `anyhow`, shows its whole chain with `#`.
#[derive(Debug)]
struct Chain;

impl Error for Chain {}

impl std::fmt::Display for Chain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if f.alternate() { "no rows: timed out" } else { "no rows" })
    }
}

#[test]
fn failed() {
    fn converted() -> Failure {
        std::io::Error::other("password=hunter2").into()
    }
    for (failure, body, log) in [
        ((|| Failure::new("queue is full")) as fn() -> Failure, fail("queue is full"), "queue is full"),
        (
            || Failure::new("\"群\"\n\u{0}").with_code(-7).with_source("secret"),
            r#"{"ActionStatus":"FAIL","ErrorInfo":"\"群\"\n\u0000","ErrorCode":-7}"#.to_owned(),
            "\"群\"\n\u{0}: secret",
        ),
        (|| Failure::new("").with_code(0), fail(""), ""),
        (converted, fail("internal error"), "internal error: password=hunter2"),
        (
            || "a text by `?` stays with the app, too".into(),
            fail("internal error"),
            "internal error: a text by `?` stays with the app, too",
        ),
    ] {
        let (reply, calls) = ask("POST", QUERY, BODY, &Recorder::failing(failure));
        assert_reply(&reply, 200, &body);
        assert!(reply.rejection().is_none());
        assert_eq!(reply.failure().map(Failure::info), Some(reply.response().error_info()));
        assert_eq!(calls, [FULL, &format!("failed @TGS#2J4SZEAEL: {log}")]);
    }
    let twice = Failure::new("no").with_source("first").with_source("second");
    assert_eq!(format!("{twice:#}"), "no: second");
    assert_eq!(Failure::new("no").with_code(-7).code(), -7);
    let failure = converted();
    assert_eq!((failure.code(), failure.info()), (1, "internal error"));
    assert_eq!(failure.to_string(), "internal error");
    let chain = Failure::new("busy").with_source(Chain);
    assert_eq!((format!("{chain:#}"), chain.to_string()), ("busy: no rows: timed out".to_owned(), "busy".to_owned()));
    let source: &(dyn Error + 'static) = failure.source().unwrap();
    assert!(source.is::<std::io::Error>());
}

#[test]
fn envelope() {
    let response = CallbackResponse::fail(10004, String::from("bad"));
    assert_eq!(response.action_status(), ActionStatus::Fail);
    assert_eq!((response.error_code(), response.error_info()), (10004, "bad"));
    assert_eq!(CallbackResponse::ok().action_status(), ActionStatus::Ok);
    assert_eq!(CallbackResponse::fail(0, "").error_code(), 1);
    assert_eq!(CallbackResponse::fail(-1, "").error_code(), -1);
    assert_reply(&CallbackResponse::fail(1, "blocked").into(), 200, &fail("blocked"));
    assert_reply(&CallbackResponse::ok().into(), 200, OK);
    // Another backend may send `OK` with more fields.
    for json in [
        r#"{"ActionStatus":"OK","ErrorInfo":"","ErrorCode":120001}"#,
        r#"{"ActionStatus":"OK","ErrorInfo":"x","ErrorCode":0}"#,
        r#"{"ActionStatus":"FAIL","ErrorInfo":"","ErrorCode":0}"#,
    ] {
        let response: CallbackResponse<'static> = serde_json::from_str(json).unwrap();
        assert_reply(&response.into(), 200, json);
    }
    for (json, message) in [
        (r#"{"ErrorInfo":"","ErrorCode":0}"#, "missing field `ActionStatus` at line 1 column 30"),
        (r#"{"ActionStatus":"OK","ErrorCode":0}"#, "missing field `ErrorInfo` at line 1 column 35"),
        (r#"{"ActionStatus":"OK","ErrorInfo":""}"#, "missing field `ErrorCode` at line 1 column 36"),
        (r#"{"ActionStatus":"Ok"}"#, "unknown variant `Ok`, expected `OK` or `FAIL` at line 1 column 20"),
    ] {
        let error = serde_json::from_str::<CallbackResponse<'_>>(json).unwrap_err();
        assert_eq!(error.to_string(), message);
    }
}
