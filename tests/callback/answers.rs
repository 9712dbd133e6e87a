//! The table of answers: what the client reads, and which of the app's hooks is called.

use std::error::Error;

use crate::util::{APP, BODY, NOW, OK, QUERY, Recorder, at};
use im_group_full::{
    ActionStatus, CallbackResponse, Failure, GroupFullHandler, Rejection, RejectionKind, Reply, SdkAppId, Validator,
    handle,
};

fn fail(info: &str) -> String {
    format!(r#"{{"ActionStatus":"FAIL","ErrorInfo":{},"ErrorCode":1}}"#, serde_json::json!(info))
}

#[track_caller]
fn assert_reply(reply: &Reply, status: u16, body: &str) {
    assert_eq!(std::str::from_utf8(&reply.body()).unwrap(), body);
    assert_eq!(reply.status(), status);
    let envelope: CallbackResponse<'static> = serde_json::from_str(body).unwrap();
    assert_eq!(reply.response(), &envelope);
    assert_eq!(reply.headers().next(), Some(("content-type", "application/json")));
}

#[test]
fn handled() {
    let recorder = Recorder::new(Validator::unauthenticated(APP));
    let reply = handle(QUERY, BODY, &recorder);
    assert_reply(&reply, 200, OK);
    assert!(reply.rejection().is_none() && reply.failure().is_none());
    assert_eq!(recorder.calls(), ["full @TGS#2J4SZEAEL"]);
}

#[test]
fn json_in_any_case_and_no_content_type_are_handled() {
    let recorder = Recorder::new(Validator::unauthenticated(APP));
    for content_type in ["", "&contenttype=json", "&contenttype=JSON", "&contenttype=Json", "&contenttype=js%6Fn"] {
        let query = format!("SdkAppid=888888&CallbackCommand=Group.CallbackAfterGroupFull{content_type}");
        assert_reply(&handle(&query, BODY, &recorder), 200, OK);
        assert_eq!(recorder.calls(), ["full @TGS#2J4SZEAEL"], "{content_type}");
    }
}

/// A callback, and how it is rejected.
struct Rejected<'a> {
    raw_query: &'a str,
    raw_body: &'a [u8],
    kind: RejectionKind,
    /// The kind's name in logs and metrics.
    label: &'static str,
    parameter: Option<&'static str>,
    status: u16,
    info: &'static str,
}

#[test]
fn rejected() {
    let recorder = Recorder::new(Validator::unauthenticated(APP).max_query_len(200).max_body_len(200));
    let long_query = format!("{QUERY}&x={}", "x".repeat(200));
    let long_body = [BODY, &[b' '; 200]].concat();
    for row in [
        Rejected {
            raw_query: long_query.as_str(),
            raw_body: BODY,
            kind: RejectionKind::QueryTooLong,
            label: "query_too_long",
            parameter: None,
            status: 414,
            info: "query: expected at most 200 bytes, found 319",
        },
        Rejected {
            raw_query: "",
            raw_body: BODY,
            kind: RejectionKind::MissingParameter,
            label: "missing_parameter",
            parameter: Some("SdkAppid"),
            status: 400,
            info: "parameter `SdkAppid`: missing",
        },
        Rejected {
            raw_query: "SdkAppid=888888&SdkAppid=888888&CallbackCommand=Group.CallbackAfterGroupFull",
            raw_body: BODY,
            kind: RejectionKind::DuplicateParameter,
            label: "duplicate_parameter",
            parameter: Some("SdkAppid"),
            status: 400,
            info: "parameter `SdkAppid`: given twice",
        },
        Rejected {
            raw_query: "SdkAppid=\"\\\n&CallbackCommand=A",
            raw_body: BODY,
            kind: RejectionKind::InvalidParameter,
            label: "invalid_parameter",
            parameter: Some("SdkAppid"),
            status: 400,
            info: "parameter `SdkAppid`: expected decimal digits that fit 64 bits, found \"\\\"\\\\\\n\"",
        },
        Rejected {
            raw_query: "SdkAppid=1&CallbackCommand=Group.CallbackAfterGroupFull",
            raw_body: BODY,
            kind: RejectionKind::SdkAppIdMismatch,
            label: "sdk_app_id_mismatch",
            parameter: Some("SdkAppid"),
            status: 403,
            info: "parameter `SdkAppid`: not an app of this server",
        },
        Rejected {
            raw_query: "SdkAppid=888888&CallbackCommand=Group.CallbackAfterGroupFull&contenttype=xml",
            raw_body: BODY,
            kind: RejectionKind::UnsupportedContentType,
            label: "unsupported_content_type",
            parameter: Some("contenttype"),
            status: 415,
            info: "parameter `contenttype`: expected json, found \"xml\"",
        },
        Rejected {
            raw_query: QUERY,
            raw_body: &long_body,
            kind: RejectionKind::BodyTooLarge,
            label: "body_too_large",
            parameter: None,
            status: 413,
            info: "body: longer than the limit",
        },
        Rejected {
            raw_query: QUERY,
            raw_body: b"{}",
            kind: RejectionKind::MalformedBody,
            label: "malformed_body",
            parameter: None,
            status: 400,
            info: "body: missing field `CallbackCommand` at line 1 column 2",
        },
        Rejected {
            raw_query: QUERY,
            raw_body: br#"{"CallbackCommand":"A","GroupId":"g"}"#,
            kind: RejectionKind::CommandMismatch,
            label: "command_mismatch",
            parameter: None,
            status: 400,
            info: "body: field `CallbackCommand`: expected Group.CallbackAfterGroupFull, found \"A\"",
        },
    ] {
        let reply = handle(row.raw_query, row.raw_body, &recorder);
        assert_reply(&reply, row.status, &fail(row.info));
        assert_eq!(reply.rejection().map(Rejection::kind), Some(row.kind), "{}", row.raw_query);
        assert_eq!(reply.rejection().and_then(Rejection::parameter), row.parameter, "{}", row.raw_query);
        assert_eq!(recorder.calls(), [format!("rejected {}", row.label)]);
    }
}

/// Rejects a value that another parser could read as the expected one.
#[test]
fn identity_is_compared_byte_for_byte() {
    let recorder = Recorder::new(Validator::unauthenticated(APP));
    let command = "Group.CallbackAfterGroupFull";
    for bit in 0..64 {
        let query = QUERY.replace("888888", &(APP.get() ^ (1 << bit)).to_string());
        assert_eq!(handle(&query, BODY, &recorder).status(), 403, "{query}");
    }
    assert!(recorder.calls().iter().all(|call| call == "rejected sdk_app_id_mismatch"));
    for other in [
        &command.to_lowercase(),
        &command.to_uppercase(),
        "group.CallbackAfterGroupFull",
        "Group.CallbackAfterGroupFull+",
        "+Group.CallbackAfterGroupFull",
        "Group.CallbackAfterGroupFull%00",
        "Group.CallbackAfterGroupFul",
        "Group.CallbackAfterGroupFullX",
        "CallbackAfterGroupFull",
    ] {
        assert_reply(&handle(&QUERY.replace(command, other), BODY, &recorder), 200, OK);
        assert!(recorder.calls()[0].starts_with("other "), "{other}");
        let body = String::from_utf8_lossy(BODY).replace(command, &other.replace('+', " ").replace("%00", "\\u0000"));
        assert_eq!(
            handle(QUERY, body.as_bytes(), &recorder).rejection().map(Rejection::kind),
            Some(RejectionKind::CommandMismatch),
            "{other}"
        );
        recorder.calls();
    }
    for content_type in ["", "jsonx", "xjson", "json%20", "json;charset=utf-8", "application/json", "js"] {
        let query = format!("SdkAppid=888888&CallbackCommand={command}&contenttype={content_type}");
        assert_eq!(handle(&query, BODY, &recorder).status(), 415, "{content_type}");
        let other = format!("SdkAppid=888888&CallbackCommand=A&contenttype={content_type}");
        assert_reply(&handle(&other, BODY, &recorder), 200, OK);
    }
}

/// Must not block its users, even if the callback is unusual in other ways.
#[test]
fn another_command() {
    let recorder = Recorder::new(Validator::unauthenticated(APP).max_body_len(200));
    let other = "SdkAppid=888888&CallbackCommand=C2C.CallbackBeforeSendMsg";
    let long_body = [BODY, &[b' '; 200]].concat();
    for (raw_query, raw_body) in
        [(other.to_owned(), BODY), (format!("{other}&contenttype=xml"), b"\xff"), (other.to_owned(), &long_body)]
    {
        let reply = handle(&raw_query, raw_body, &recorder);
        assert_reply(&reply, 200, OK);
        assert!(reply.rejection().is_none());
        assert_eq!(recorder.calls(), ["other C2C.CallbackBeforeSendMsg"]);
        // The separate steps return a rejection that names the command.
        let rejection = recorder.validator().validate(&raw_query, raw_body, at(NOW)).unwrap_err();
        assert_eq!((rejection.kind(), rejection.status().as_u16()), (RejectionKind::OtherCommand, 200));
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
    let cut = format!("{}…", "x".repeat(64));
    let query = |command: &str, content_type: &str| {
        format!("SdkAppid=888888&CallbackCommand={command}&contenttype={content_type}")
    };
    let body = format!(r#"{{"CallbackCommand":"{long}","GroupId":"g"}}"#);
    for (raw_query, raw_body, message) in [
        (query("A%0A%1b[31m", "json"), "", r#"command "A\n\u{1b}[31m": not Group.CallbackAfterGroupFull"#.to_owned()),
        (query(&long, "json"), "", format!("command \"{cut}\": not Group.CallbackAfterGroupFull")),
        (
            query("Group.CallbackAfterGroupFull", &long),
            "",
            format!("parameter `contenttype`: expected json, found \"{cut}\""),
        ),
        (
            query("Group.CallbackAfterGroupFull", "json"),
            &body,
            format!("body: field `CallbackCommand`: expected Group.CallbackAfterGroupFull, found \"{cut}\""),
        ),
    ] {
        let rejection = Validator::unauthenticated(APP).validate(&raw_query, raw_body.as_bytes(), at(NOW)).unwrap_err();
        assert_eq!(rejection.to_string(), message);
    }
}

/// A proxy that encodes the `&` puts the signature into another parameter's value, and an excerpt must not
/// show it, nor a part of it that the cut leaves.
#[test]
fn no_signature_in_any_text() {
    let sign = "a5d271b35bd72858cdf1ad0b9dfbf037d19146062c0ecb712a0a3235489d6021";
    let validator = Validator::unauthenticated(APP);
    let json = |field: &str, text: &str| format!(r#"{{"CallbackCommand":"A","GroupId":"g","{field}":"{text}"}}"#);
    for before in (0..70).map(|len| "x".repeat(len)) {
        for shown in [
            format!("SdkAppid={before}%26Sign%3D{sign}%26RequestTime%3D1"),
            format!("SdkAppid={before}%26Sign%3D{}%", sign.to_uppercase()),
            format!("SdkAppid=888888&CallbackCommand={before}%26Sign%3D{sign}"),
            format!("SdkAppid=888888&CallbackCommand=Group.CallbackAfterGroupFull&contenttype={before}{sign}"),
        ]
        .map(|query| validator.validate(&query, b"{}", at(NOW)).unwrap_err())
        .into_iter()
        .chain(
            [json("EventTime", &(before.clone() + sign)), json("GroupId", sign)]
                .map(|body| validator.validate(QUERY, body.as_bytes(), at(NOW)).unwrap_err()),
        ) {
            let texts = format!("{shown} {shown:?} {}", Reply::from(shown.clone()).response().error_info());
            let runs = texts.split(|c: char| !c.is_ascii_hexdigit()).map(str::len).max();
            assert!(runs < Some(16), "{texts}");
        }
    }
    let query = format!("SdkAppid=888888%26Sign%3D{sign}%26RequestTime%3D1676091353");
    let rejection = validator.validate(&query, b"", at(NOW)).unwrap_err();
    assert_eq!(
        rejection.to_string(),
        "parameter `SdkAppid`: expected decimal digits that fit 64 bits, \
         found \"888888&Sign=[hex]&RequestTime=1676091353\""
    );
    // Fifteen digits are not a signature.
    let rejection = validator.validate("SdkAppid=0123456789abcdeg", b"", at(NOW)).unwrap_err();
    assert!(rejection.to_string().ends_with("\"0123456789abcdeg\""), "{rejection}");
    let rejection = validator.validate("SdkAppid=0123456789abcdef", b"", at(NOW)).unwrap_err();
    assert!(rejection.to_string().ends_with("\"[hex]\""), "{rejection}");
}

#[test]
fn rejected_by_the_server_around_it() {
    for (rejection, kind, status, info) in [
        (Rejection::method_not_allowed(), RejectionKind::MethodNotAllowed, 405, "method: expected POST"),
        (Rejection::body_too_large(), RejectionKind::BodyTooLarge, 413, "body: longer than the limit"),
        (Rejection::incomplete_body(), RejectionKind::IncompleteBody, 400, "body: ended before it was complete"),
    ] {
        assert_eq!(rejection.kind(), kind);
        assert_eq!(rejection.to_string(), info);
        assert_eq!(rejection.status(), status);
        assert_reply(&rejection.into(), status, &fail(info));
    }
}

/// For an unknown app, a server of several apps answers like a server of one app.
#[test]
fn unknown_and_wrong_apps_get_the_same_answer() {
    let rejection = Rejection::unknown_app(SdkAppId::new(1));
    assert_eq!((rejection.kind(), rejection.parameter()), (RejectionKind::SdkAppIdMismatch, Some("SdkAppid")));
    assert_eq!(rejection.to_string(), "parameter `SdkAppid`: expected an app of this server, found 1");
    assert_reply(&rejection.into(), 403, &fail("parameter `SdkAppid`: not an app of this server"));
}

#[test]
fn only_405_names_the_methods() {
    let headers = |reply: Reply| reply.headers().collect::<Vec<_>>();
    let json = ("content-type", "application/json");
    assert_eq!(headers(Reply::ok()), [json]);
    assert_eq!(headers(Rejection::body_too_large().into()), [json]);
    assert_eq!(headers(Rejection::method_not_allowed().into()), [json, ("allow", "POST")]);
}

#[test]
fn clients_do_not_learn_the_app_id() {
    let reply = handle("SdkAppid=1&CallbackCommand=A", BODY, &Recorder::new(Validator::unauthenticated(APP)));
    assert!(!String::from_utf8_lossy(&reply.body()).contains("888888"));
    // The app's own log may say it.
    assert_eq!(reply.rejection().unwrap().to_string(), "parameter `SdkAppid`: expected 888888, found 1");
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
    for (failure, body, call) in [
        (
            (|| Failure::new("queue is full")) as fn() -> Failure,
            r#"{"ActionStatus":"FAIL","ErrorInfo":"queue is full","ErrorCode":1}"#,
            "failed @TGS#2J4SZEAEL: queue is full",
        ),
        (
            || Failure::new("\"群\"\n\u{0}").with_code(-7).with_source("secret"),
            r#"{"ActionStatus":"FAIL","ErrorInfo":"\"群\"\n\u0000","ErrorCode":-7}"#,
            "failed @TGS#2J4SZEAEL: \"群\"\n\u{0}: secret",
        ),
        (
            || Failure::new("").with_code(0),
            r#"{"ActionStatus":"FAIL","ErrorInfo":"","ErrorCode":1}"#,
            "failed @TGS#2J4SZEAEL: ",
        ),
        (
            converted,
            r#"{"ActionStatus":"FAIL","ErrorInfo":"internal error","ErrorCode":1}"#,
            "failed @TGS#2J4SZEAEL: internal error: password=hunter2",
        ),
        (
            || "a text by `?` stays with the app, too".into(),
            r#"{"ActionStatus":"FAIL","ErrorInfo":"internal error","ErrorCode":1}"#,
            "failed @TGS#2J4SZEAEL: internal error: a text by `?` stays with the app, too",
        ),
    ] {
        let recorder = Recorder::failing(failure);
        let reply = handle(QUERY, BODY, &recorder);
        assert_reply(&reply, 200, body);
        assert!(reply.rejection().is_none());
        assert_eq!(reply.failure().map(Failure::info), Some(reply.response().error_info()));
        assert_eq!(recorder.calls(), ["full @TGS#2J4SZEAEL", call]);
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
fn results_are_replies() {
    assert_reply(&Ok(()).into(), 200, OK);
    let reply = Reply::from(Err(Failure::new("no")));
    assert_reply(&reply, 200, &fail("no"));
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
        (
            r#"{"ActionStatus":"Ok","ErrorInfo":"","ErrorCode":0}"#,
            "unknown variant `Ok`, expected `OK` or `FAIL` at line 1 column 20",
        ),
    ] {
        let error = serde_json::from_str::<CallbackResponse<'_>>(json).unwrap_err();
        assert_eq!(error.to_string(), message);
    }
}
