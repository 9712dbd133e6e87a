use std::time::Duration;

use http::StatusCode;
use im_group_full::rest::{DeleteGroupMembers, GetGroupInfo, GetGroupMemberInfo, RestError, RestErrorKind};

fn refused(code: i32) -> RestError {
    let body = format!(r#"{{"ActionStatus":"FAIL","ErrorCode":{code},"ErrorInfo":"so it is"}}"#);
    delete(200, body.as_bytes()).unwrap_err()
}

fn delete(status: u16, body: &[u8]) -> Result<(), RestError> {
    DeleteGroupMembers::new("g", ["bob"]).unwrap().response(StatusCode::from_u16(status).unwrap(), body)
}

#[test]
fn vendors_codes() {
    use RestErrorKind as Kind;
    let second = Some(Duration::from_secs(1));
    let cases = [
        (10002, Kind::Server, second),
        (10004, Kind::InvalidParameter, None),
        (10006, Kind::RateLimited, second),
        (10007, Kind::NotPermitted, None),
        (10010, Kind::GroupGone, None),
        (10015, Kind::GroupGone, None),
        (60020, Kind::RateLimited, second),
        (70001, Kind::CredentialExpired, Some(Duration::ZERO)),
        (70003, Kind::CredentialInvalid, None),
        (70009, Kind::CredentialInvalid, None),
        (70013, Kind::CredentialInvalid, None),
        (70020, Kind::CredentialInvalid, None),
        (-1, Kind::Other, None),
    ];
    for (code, kind, retry_after) in cases {
        let error = refused(code);
        assert_eq!((error.kind(), error.code(), error.info()), (kind, Some(code), Some("so it is")));
        assert_eq!((error.retry_after(), error.is_retryable()), (retry_after, retry_after.is_some()), "{code}");
        assert_eq!(error.is_credential_expired(), code == 70001);
        assert_eq!(error.is_group_type_unsupported(), code == 10004);
        assert_eq!(error.is_group_gone(), code == 10010 || code == 10015);
        assert_eq!(error.to_string(), format!("the vendor answered {code}: so it is"));
    }
}

#[test]
fn http_statuses() {
    let second = Some(Duration::from_secs(1));
    let cases = [
        (204, "expected HTTP status 200, found 204", None),
        (301, "expected HTTP status 200, found 301", None),
        (404, "expected HTTP status 200, found 404", None),
        (408, "expected HTTP status 200, found 408", second),
        (429, "expected HTTP status 200, found 429", second),
        (500, "expected HTTP status 200, found 500", second),
        (599, "expected HTTP status 200, found 599", second),
    ];
    for (status, text, retry_after) in cases {
        let error = delete(status, br#"{"ErrorCode":0}"#).unwrap_err();
        assert_eq!((error.to_string().as_str(), error.retry_after(), error.code()), (text, retry_after, None));
    }
}

#[test]
fn what_is_not_the_vendors_json() {
    let start = "expected the vendor's JSON, found something else: ";
    let ok = r#""ErrorCode":0,"ErrorInfo":"""#;
    let one = |member: &str| format!(r#"{{{ok},"MemberNum":1,"MemberList":[{member}]}}"#);
    let cases = [
        (String::new(), "EOF while parsing a value at line 1 column 0"),
        ("<html>".to_owned(), "expected value at line 1 column 1"),
        ("{}".to_owned(), "missing field `ErrorCode` at line 1 column 2"),
        // Not a removal that succeeded.
        (" [0]".to_owned(), "expected an object, found an array"),
        (r#"{"ErrorCode":"0"}"#.to_owned(), "invalid type: string \"0\", expected i32 at line 1 column 16"),
        (format!("{{{ok}}}"), "missing field `MemberNum` at line 1 column 30"),
        (
            one(r#"{"Member_Account":"a","Role":"Member","JoinTime":1}"#),
            "missing field `LastSendMsgTime` at line 1 column 109",
        ),
        (
            one(r#"{"Member_Account":"a","JoinTime":1,"LastSendMsgTime":1}"#),
            "missing field `Role` at line 1 column 113",
        ),
        (
            one(r#"{"Member_Account":"a","Role":"Member","JoinTime":-1,"LastSendMsgTime":1}"#),
            "invalid value: integer `-1`, expected u64 at line 1 column 109",
        ),
    ];
    for (body, expected) in cases {
        let error = GetGroupMemberInfo::new("g").response(StatusCode::OK, body.as_bytes()).unwrap_err();
        assert_eq!(error.to_string(), format!("{start}{expected}"), "{body}");
        assert_eq!((error.kind(), error.is_retryable()), (RestErrorKind::Malformed, true));
    }
}

#[test]
fn a_group_may_be_refused_alone() {
    let entry = |entry: &str| {
        let body = format!(r#"{{"ActionStatus":"OK","ErrorInfo":"","ErrorCode":0,"GroupInfo":[{entry}]}}"#);
        GetGroupInfo::new("g").response(StatusCode::OK, body.as_bytes()).unwrap_err().to_string()
    };
    let start = "expected the vendor's JSON, found something else: ";
    let cases = [
        (
            r#"{"ErrorCode":10015,"ErrorInfo":"group id error","GroupId":"g"}"#,
            "the vendor answered 10015: group id error",
        ),
        (r#"{"ErrorCode":10010,"GroupId":"g"}"#, "the vendor answered 10010: "),
        ("", &format!("{start}no entry for the group")),
        (r#"{"ErrorCode":0,"GroupId":"h"}"#, &format!("{start}no entry for the group")),
        (
            r#"{"ErrorCode":0,"GroupId":"g","Type":"Public","MemberNum":1}"#,
            &format!("{start}no `Type`, `MemberNum` or `MaxMemberNum`"),
        ),
    ];
    for (json, expected) in cases {
        assert_eq!(entry(json), expected);
    }
}

#[test]
fn texts_from_outside_are_short_and_without_credentials() {
    let info = |info: &str| {
        let body = serde_json::json!({ "ErrorCode": 70009, "ErrorInfo": info }).to_string();
        delete(200, body.as_bytes()).unwrap_err().info().map(str::to_owned)
    };
    let cases = [
        ("a".repeat(300), "a".repeat(256)),
        ("群".repeat(100), "群".repeat(85)),
        ("bad URL /v4/x?sdkappid=1&usersig=eJwtjMsK&random=1".to_owned(), "bad URL /v4/x?sdkappid=1&".to_owned()),
    ];
    for (text, expected) in cases {
        assert_eq!(info(&text), Some(expected));
    }
}

#[test]
fn errors_come_back_from_serialisation() {
    let errors = [refused(10006), delete(500, b"").unwrap_err(), delete(200, b"").unwrap_err()];
    for error in errors {
        let json = serde_json::to_string(&error).unwrap();
        assert_eq!(serde_json::from_str::<RestError>(&json).unwrap(), error);
    }
}
