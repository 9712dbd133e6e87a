//! The single steps of `handle`, and events in a queue.

use std::net::IpAddr;
use std::time::{Duration, UNIX_EPOCH};

use crate::util::{APP, BODY, NOW, QUERY, at};
use im_group_full::{
    CallbackBody, CallbackQuery, GROUP_FULL_COMMAND, GroupFull, OptPlatform, RejectionKind, Validator,
};
use serde::de::value::{Error as ValueError, MapDeserializer};
use serde::de::{Deserializer, IntoDeserializer, Visitor};
use serde::{Deserialize, Serialize};

const JSON: &str = concat!(
    r#"{"query":{"SdkAppid":888888,"CallbackCommand":"Group.CallbackAfterGroupFull","contenttype":"json","#,
    r#""ClientIP":"127.0.0.1","OptPlatform":"RESTAPI","RequestID":null},"#,
    r#""body":{"CallbackCommand":"Group.CallbackAfterGroupFull","GroupId":"@TGS#2J4SZEAEL","EventTime":1670574414123}}"#,
);

fn event() -> GroupFull<'static> {
    Validator::unauthenticated(APP).validate(QUERY, BODY, at(NOW)).expect("the documented sample is valid")
}

#[test]
fn returns_what_the_callback_says() {
    let event = event();
    assert_eq!(event.group_id(), "@TGS#2J4SZEAEL");
    assert_eq!(event.sdk_app_id(), APP);
    assert_eq!(event.event_time_millis(), Some(1_670_574_414_123));
    assert_eq!(event.event_time(), Some(UNIX_EPOCH + Duration::from_millis(1_670_574_414_123)));
    assert_eq!(event.client_addr(), Some(IpAddr::from([127, 0, 0, 1])));
    assert_eq!(event.opt_platform(), Some(OptPlatform::RestApi));
    assert_eq!(event.query().command(), GROUP_FULL_COMMAND);
    assert_eq!(event.body().command(), GROUP_FULL_COMMAND);
    assert_eq!(event.to_static(), event);
}

#[test]
fn information_may_be_missing_or_odd() {
    let body = br#"{"CallbackCommand":"Group.CallbackAfterGroupFull","GroupId":"g"}"#;
    for (more, addr, platform) in [
        ("", None, None),
        ("&ClientIP=&OptPlatform=", None, Some(OptPlatform::Other(""))),
        ("&ClientIP=%3A%3A1&OptPlatform=IOS", Some("::1"), Some(OptPlatform::Ios)),
        ("&ClientIP=::ffff:1.2.3.4", Some("::ffff:1.2.3.4"), None),
        ("&ClientIP=1.2.3.4:80", None, None),
        ("&ClientIP=unknown&OptPlatform=%zz", None, Some(OptPlatform::Other("%zz"))),
    ] {
        let query = format!("SdkAppid=888888&CallbackCommand={GROUP_FULL_COMMAND}{more}");
        let event = Validator::unauthenticated(APP).validate(&query, body, at(NOW)).expect(more);
        assert_eq!(event.client_addr(), addr.map(|addr| addr.parse().unwrap()));
        assert_eq!(event.opt_platform(), platform);
        assert_eq!((event.event_time(), event.event_time_millis()), (None, None));
    }
}

#[test]
fn one_check_serves_several_commands() {
    let validator = Validator::unauthenticated(APP);
    let checked = validator.check_query(QUERY, at(NOW)).unwrap();
    assert_eq!(checked.command(), GROUP_FULL_COMMAND);
    assert_eq!(checked.query().client_ip(), Some("127.0.0.1"));
    assert_eq!(checked.group_full(BODY).unwrap(), event());

    let other = "SdkAppid=888888&CallbackCommand=State.StateChange";
    let checked = validator.check_query(other, at(NOW)).unwrap();
    assert_eq!(checked.clone().group_full(b"").unwrap_err().kind(), RejectionKind::OtherCommand);
    assert_eq!(checked.query().command(), "State.StateChange");

    // The limit and the information are kept.
    let validator = validator.max_body_len(10).max_query_len(1_000_000);
    let with_id = format!("{QUERY}&RequestID=7&x={}", "x".repeat(10_000));
    let owned = validator.check_query(&with_id, at(NOW)).unwrap().into_owned();
    assert_eq!((owned.body_limit(), owned.query().request_id()), (10, Some("7")));
    assert_eq!(owned.clone().group_full(BODY).unwrap_err().kind(), RejectionKind::BodyTooLarge);
    let expected = CallbackQuery::parse(&with_id).unwrap();
    assert_eq!((owned.query(), owned.is_group_full()), (&expected.clone().into_owned(), true));
    assert_eq!(expected.into_owned().to_query_string(), format!("{QUERY}&RequestID=7"));

    let other_app = "SdkAppid=1&CallbackCommand=State.StateChange";
    assert_eq!(validator.check_query(other_app, at(NOW)).unwrap_err().kind(), RejectionKind::SdkAppIdMismatch);
}

#[test]
fn limits_are_inclusive() {
    let validator = Validator::unauthenticated(APP);
    assert_eq!((validator.query_limit(), validator.body_limit()), (8192, 65536));
    let validator = validator.max_query_len(QUERY.len()).max_body_len(BODY.len());
    assert_eq!((validator.query_limit(), validator.body_limit()), (QUERY.len(), BODY.len()));
    assert!(validator.validate(QUERY, BODY, at(NOW)).is_ok());
    let longer = [BODY, b" "].concat();
    assert_eq!(validator.validate(QUERY, &longer, at(NOW)).unwrap_err().kind(), RejectionKind::BodyTooLarge);
    let longer = format!("{QUERY}&");
    assert_eq!(validator.validate(&longer, BODY, at(NOW)).unwrap_err().kind(), RejectionKind::QueryTooLong);
    // Limits count bytes, and can be raised as well as lowered.
    let wide = format!("{QUERY}&群={}", "群".repeat(3000));
    for (limit, accepted) in [(wide.chars().count(), false), (wide.len() - 1, false), (wide.len(), true)] {
        let validator = Validator::unauthenticated(APP).max_query_len(limit);
        assert_eq!(validator.check_query(&wide, at(NOW)).is_ok(), accepted, "{limit}");
    }
    let long = [BODY, &vec![b' '; 70_000]].concat();
    assert!(Validator::unauthenticated(APP).max_body_len(long.len()).validate(QUERY, &long, at(NOW)).is_ok());
}

#[test]
fn debug_shows_whether_callbacks_can_be_forged() {
    assert_eq!(
        format!("{:?}", Validator::unauthenticated(APP)),
        "Validator { sdk_app_id: SdkAppId(888888), query_limit: 8192, body_limit: 65536, requires_signature: false, .. }"
    );
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Job {
    attempt: u32,
    event: GroupFull<'static>,
}

#[test]
fn through_a_json_queue() {
    let event = event();
    assert_eq!(serde_json::to_string(&event).unwrap(), JSON);
    let back: GroupFull<'static> = serde_json::from_reader(JSON.as_bytes()).unwrap();
    assert_eq!(back, event);
    let job = Job { attempt: 1, event };
    let json = serde_json::to_vec(&job).unwrap();
    assert_eq!(serde_json::from_slice::<Job>(&json).unwrap(), job);
}

/// Inside a tagged enum, serde buffers first and gives the fields other types.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind")]
enum Tagged {
    Full(GroupFull<'static>),
}

#[test]
fn through_formats_with_other_types() {
    let without_time = br#"{"CallbackCommand":"Group.CallbackAfterGroupFull","GroupId":"g"}"#;
    for body in [BODY, without_time] {
        let event = Validator::unauthenticated(APP).validate(QUERY, body, at(NOW)).unwrap().into_owned();
        let tagged = Tagged::Full(event.clone());
        let json = serde_json::to_string(&tagged).unwrap();
        assert_eq!(serde_json::from_str::<Tagged>(&json).unwrap(), tagged);
        // A format whose integers are signed, and one that marks what is optional.
        let value = serde_json::to_value(&event).unwrap();
        assert_eq!(serde_json::from_value::<GroupFull<'static>>(value).unwrap(), event);
    }
    for (millis, expected) in [(1_i64, Ok(Some(1))), (-1, Err(()))] {
        let fields = [
            ("CallbackCommand", Signed::Text("A")),
            ("GroupId", Signed::Text("g")),
            ("EventTime", Signed::Integer(millis)),
        ];
        let body = CallbackBody::deserialize(MapDeserializer::<_, ValueError>::new(fields.into_iter()));
        assert_eq!(body.map(|body| body.event_time_millis()).map_err(|_| ()), expected);
    }
}

/// A value of a format that has only signed integers and marks optional values, like TOML and RON.
enum Signed {
    Text(&'static str),
    Integer(i64),
}

impl IntoDeserializer<'_, ValueError> for Signed {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for Signed {
    type Error = ValueError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        match self {
            Self::Text(text) => visitor.visit_str(text),
            Self::Integer(integer) => visitor.visit_i64(integer),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        visitor.visit_some(self)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

#[test]
fn deserialised_events_are_checked_again() {
    for (from, to, message) in [
        (
            r#""CallbackCommand":"Group.CallbackAfterGroupFull","contenttype""#,
            r#""CallbackCommand":"A","contenttype""#,
            "command \"A\": not Group.CallbackAfterGroupFull",
        ),
        (r#""json""#, r#""xml""#, "parameter `contenttype`: expected json, found \"xml\""),
        (
            r#"{"CallbackCommand":"Group.CallbackAfterGroupFull","GroupId""#,
            r#"{"CallbackCommand":"A","GroupId""#,
            "body: field `CallbackCommand`: expected Group.CallbackAfterGroupFull, found \"A\"",
        ),
        ("@TGS#2J4SZEAEL", "", "field `GroupId`: expected a group, found \"\" at line 1 column 232"),
        ("888888", "-1", "invalid value: integer `-1`, expected u64 at line 1 column 23"),
        (
            r#""CallbackCommand":"Group.CallbackAfterGroupFull","contenttype""#,
            r#""CallbackCommand":"","contenttype""#,
            "parameter `CallbackCommand`: expected a command, found \"\" at line 1 column 48",
        ),
        (r#""SdkAppid":888888,"#, "", "missing field `SdkAppid` at line 1 column 144"),
    ] {
        assert!(JSON.contains(from), "{from}");
        let json = JSON.replacen(from, to, 1);
        assert_eq!(serde_json::from_str::<GroupFull<'_>>(&json).unwrap_err().to_string(), message);
    }
}

#[cfg(feature = "testing")]
#[test]
fn unit_tests_can_make_one() {
    let query = CallbackQuery::parse("SdkAppid=1&CallbackCommand=A").unwrap();
    let body = CallbackBody::parse(br#"{"CallbackCommand":"B","GroupId":"g"}"#).unwrap();
    let event = GroupFull::assume_verified(query, body);
    assert_eq!((event.sdk_app_id().get(), event.group_id()), (1, "g"));
}

#[test]
fn ids_tell_events_apart() {
    for (time, id, event_time) in [
        (r#","EventTime":5"#, "888888:5:g", Some(UNIX_EPOCH + Duration::from_millis(5))),
        (r#","EventTime":0"#, "888888:0:g", Some(UNIX_EPOCH)),
        // Seconds are not guessed.
        (r#","EventTime":1670574414"#, "888888:1670574414:g", Some(at(1_670_574) + Duration::from_millis(414))),
        ("", "888888::g", None),
    ] {
        let body = format!(r#"{{"CallbackCommand":"Group.CallbackAfterGroupFull","GroupId":"g"{time}}}"#);
        let event = Validator::unauthenticated(APP).validate(QUERY, body.as_bytes(), at(NOW)).unwrap();
        assert_eq!((event.id().as_str(), event.event_time()), (id, event_time));
    }
}
