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

/// The vendor's whole table, by what a caller can do about it.
#[test]
fn vendors_codes() {
    use RestErrorKind as Kind;
    let (none, second) = (None, Some(Duration::from_secs(1)));
    let cases: [(&[i32], Kind, Option<Duration>); 9] = [
        (&[10006, 60007, 60011, 60018, 60019], Kind::RateLimited, second),
        (&[10002, 91000, 60008, 60013, 60014], Kind::Server, second),
        (&[70001], Kind::CredentialExpired, Some(Duration::ZERO)),
        (&[70050], Kind::CredentialInvalid, Some(Duration::from_secs(60))),
        (
            &[10008, 70003, 70009, 70013, 70014, 70016, 70020, 60004, 60005, 60006, 70051, 70107],
            Kind::CredentialInvalid,
            none,
        ),
        (&[10007, 60010, 60016, 60017, 60020, 60021], Kind::NotPermitted, none),
        (
            &[10004, 10005, 10003, 10011, 10012, 10014, 10018, 10019, 10026, 10038, 60002, 60003, 60009, 60012, 60015],
            Kind::InvalidRequest,
            none,
        ),
        (&[10010, 10015], Kind::GroupGone, none),
        (&[-1, 1, 10001, 70000, i32::MAX], Kind::Other, none),
    ];
    for (codes, kind, retry_after) in cases {
        for code in codes {
            let error = refused(*code);
            assert_eq!((error.kind(), error.code(), error.info()), (kind, Some(*code), Some("so it is")));
            assert_eq!(error.retry_after(), retry_after, "{code}");
            assert_eq!(error.to_string(), format!("the vendor answered {code}: so it is"));
        }
    }
}

#[test]
fn http_statuses() {
    let cases: [(&[u16], _); 2] = [(&[204, 301, 404], None), (&[408, 429, 500, 599], Some(Duration::from_secs(1)))];
    for (statuses, retry_after) in cases {
        for status in statuses {
            let error = delete(*status, br#"{"ErrorCode":0}"#).unwrap_err();
            assert_eq!(error.to_string(), format!("expected HTTP status 200, found {status}"));
            assert_eq!((error.retry_after(), error.code()), (retry_after, None));
        }
    }
}

#[test]
fn what_is_not_the_vendors_json() {
    let start = "unexpected response: ";
    let ok = r#""ErrorCode":0,"ErrorInfo":"""#;
    let one = |member: &str| format!(r#"{{{ok},"MemberNum":1,"MemberList":[{member}]}}"#);
    let cases = [
        (String::new(), "EOF while parsing a value at line 1 column 0"),
        ("<html>".to_owned(), "expected value at line 1 column 1"),
        ("{}".to_owned(), "missing field `ErrorCode` at line 1 column 2"),
        (r#"{"ActionStatus":"FAIL","ErrorCode":0}"#.to_owned(), "`FAIL` with `ErrorCode` 0"),
        // Not a successful removal.
        (" [0]".to_owned(), "expected an object, found an array"),
        (r#"{"ErrorCode":"0"}"#.to_owned(), "invalid type: string \"0\", expected i32 at line 1 column 16"),
        (one(r#"{"Member_Account":"a","Role":"Member","JoinTime":1}"#), "none of 1 members can be understood"),
        (one(r#"["a","Member",1,1]"#), "none of 1 members can be understood"),
        (
            format!(r#"{{{ok},"MemberNum":1,"MemberList":7}}"#),
            "invalid type: integer `7`, expected a sequence at line 1 column 58",
        ),
    ];
    for (body, expected) in cases {
        let error = GetGroupMemberInfo::new("g").response(StatusCode::OK, body.as_bytes()).unwrap_err();
        assert_eq!(error.to_string(), format!("{start}{expected}"), "{body}");
        assert_eq!((error.kind(), error.retry_after()), (RestErrorKind::Malformed, Some(Duration::from_secs(1))));
    }
}

#[test]
fn a_group_may_be_refused_alone() {
    let missing = "unexpected response: no entry for the group";
    let cases = [
        (
            r#"{"ErrorCode":10015,"ErrorInfo":"group id error","GroupId":"g"}"#,
            "the vendor answered 10015: group id error",
        ),
        (r#"{"ErrorCode":10010,"GroupId":"g"}"#, "the vendor answered 10010: "),
        ("", missing),
        (r#"{"ErrorCode":0,"GroupId":"h"}"#, missing),
        (
            r#"{"ErrorCode":0,"GroupId":"g","Type":"Public","MemberNum":1}"#,
            "unexpected response: no `Type`, `MemberNum` or `MaxMemberNum`",
        ),
        (
            r#"{"ErrorCode":0,"GroupId":"g"},{"GroupId":"g","ErrorCode":0}"#,
            "unexpected response: two entries for the group",
        ),
    ];
    for (entries, expected) in cases {
        let body = format!(r#"{{"ActionStatus":"OK","ErrorInfo":"","ErrorCode":0,"GroupInfo":[{entries}]}}"#);
        let error = GetGroupInfo::new("g").response(StatusCode::OK, body.as_bytes()).unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
}

#[test]
fn texts_from_outside_are_short_and_without_credentials() {
    let sig = "eJwtzMsKgkAUBuBXkVmH*-zD1FJoUY2LNjN2YWqTCXMYp0m76LunJcv-*_9z7u1BGn1Bv_VQCkCmYwr5eaF0nBYp";
    let texts = |text: &str| {
        let body = serde_json::json!({ "ErrorCode": 70009, "ErrorInfo": text }).to_string();
        let error = delete(200, body.as_bytes()).unwrap_err();
        let saved = serde_json::to_string(&error).unwrap();
        // Also if it is not the vendor's JSON, which serde quotes.
        let body = serde_json::json!({ "ErrorCode": text }).to_string();
        let malformed = delete(200, body.as_bytes()).unwrap_err();
        (error.info().unwrap().to_owned(), [error.to_string(), format!("{error:?}"), saved, malformed.to_string()])
    };
    let encoded = sig.replace('*', "%2A");
    let cases = [
        ("a".repeat(31) + " " + &"b".repeat(32) + "!", "a".repeat(31) + " [removed]!"),
        ("a ".repeat(150), "a ".repeat(128)),
        ("群".repeat(100), "群".repeat(85)),
        ("a".repeat(1_000_000), "[removed]".to_owned()),
        (format!("/v4/x?sdkappid=1&usersig={sig}&random=1"), "/v4/x?sdkappid=1&usersig=[removed]&random=1".to_owned()),
        (format!("?a=1&UserSig={sig}"), "?a=1&UserSig=[removed]".to_owned()),
        (format!("%3Fusersig%3D{sig}%26random"), "[removed]".to_owned()),
        (format!("url=x%26usersig%3D{encoded}"), "url=[removed]".to_owned()),
        (format!(r#"{{"usersig":"{sig}"}}"#), r#"{"usersig":"[removed]"}"#.to_owned()),
        (format!("usersig: {sig}, random"), "usersig: [removed], random".to_owned()),
        (format!("usersig&#61;{sig}&amp;"), "usersig&#61;[removed]&amp;".to_owned()),
        (format!("{} {sig}", "x ".repeat(120)), format!("{} [removed]", "x ".repeat(120))),
    ];
    for (text, expected) in cases {
        let (info, all) = texts(&text);
        assert_eq!(info, expected);
        for text in all {
            let longest = text.split(|c: char| !(c.is_ascii_alphanumeric() || "*-_".contains(c))).map(str::len).max();
            assert!(longest < Some(32), "{text}");
        }
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
