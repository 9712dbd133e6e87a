//! The single steps of `handle`, and events in a queue: JSON that every later version reads, and a stable id.

use std::collections::HashSet;
use std::net::IpAddr;
use std::time::{Duration, UNIX_EPOCH};

use crate::util::{APP, BODY, NOW, QUERY, at};
use im_group_full::{CallbackQuery, GROUP_FULL_COMMAND, GroupFull, OptPlatform, RejectionKind, SdkAppId, Validator};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Written before `TopicId` existed.
const JSON: &str = concat!(
    r#"{"query":{"SdkAppid":888888,"CallbackCommand":"Group.CallbackAfterGroupFull","contenttype":"json","#,
    r#""ClientIP":"127.0.0.1","OptPlatform":"RESTAPI","RequestID":null},"#,
    r#""body":{"CallbackCommand":"Group.CallbackAfterGroupFull","GroupId":"@TGS#2J4SZEAEL","EventTime":1670574414123}}"#,
);

#[track_caller]
fn event(raw_query: &str, raw_body: &[u8]) -> GroupFull<'static> {
    Validator::unauthenticated(APP).validate(raw_query, raw_body, at(NOW)).expect(raw_query).into_owned()
}

#[test]
fn returns_what_the_callback_says() {
    // Seconds are not guessed.
    for (millis, time) in [(0, UNIX_EPOCH), (1_670_574_414, at(1_670_574) + Duration::from_millis(414))] {
        let body = format!(r#"{{"CallbackCommand":"{GROUP_FULL_COMMAND}","GroupId":"g","EventTime":{millis}}}"#);
        assert_eq!(event(QUERY, body.as_bytes()).event_time(), Some(time));
    }
    let event = event(QUERY, BODY);
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
        let event = event(&format!("SdkAppid=888888&CallbackCommand={GROUP_FULL_COMMAND}{more}"), body);
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
    assert_eq!(checked.group_full(BODY).unwrap(), event(QUERY, BODY));

    let checked = validator.check_query("SdkAppid=888888&CallbackCommand=State.StateChange", at(NOW)).unwrap();
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
    let longer_query = format!("{QUERY}&");
    let longer_body = [BODY, b" "].concat();
    // Limits count bytes, and can be raised as well as lowered.
    let wide = format!("{QUERY}&群={}", "群".repeat(3000));
    let long = [BODY, &vec![b' '; 70_000]].concat();
    for (query_limit, raw_query, body_limit, raw_body, kind) in [
        (QUERY.len(), QUERY, BODY.len(), BODY, None),
        (QUERY.len(), &longer_query, BODY.len(), BODY, Some(RejectionKind::QueryTooLong)),
        (QUERY.len(), QUERY, BODY.len(), &longer_body, Some(RejectionKind::BodyTooLarge)),
        (wide.chars().count(), &wide, BODY.len(), BODY, Some(RejectionKind::QueryTooLong)),
        (wide.len() - 1, &wide, BODY.len(), BODY, Some(RejectionKind::QueryTooLong)),
        (wide.len(), &wide, long.len(), &long, None),
    ] {
        let validator = Validator::unauthenticated(APP).max_query_len(query_limit).max_body_len(body_limit);
        assert_eq!((validator.query_limit(), validator.body_limit()), (query_limit, body_limit));
        let refused = validator.validate(raw_query, raw_body, at(NOW)).err().map(|rejection| rejection.kind());
        assert_eq!(refused, kind, "{query_limit} {body_limit}");
    }
}

/// Inside a tagged enum, serde buffers first and gives the fields other types.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind")]
enum Tagged {
    Full(GroupFull<'static>),
}

#[test]
fn through_a_json_queue() {
    assert_eq!(serde_json::to_string(&event(QUERY, BODY)).unwrap(), JSON);
    let query = "SdkAppid=888888&CallbackCommand=Group.CallbackAfterGroupFull";
    let body = r#"{"CallbackCommand":"Group.CallbackAfterGroupFull","GroupId":"群","TopicId":"t"}"#;
    let topic = event(QUERY, body.as_bytes());
    assert_eq!(topic.topic_id(), Some("t"));
    let written = serde_json::to_string(&topic).unwrap();
    assert!(written.ends_with(r#""GroupId":"群","EventTime":null,"TopicId":"t"}}"#), "{written}");
    let bare = event(query, body.replace(r#","TopicId":"t""#, "").as_bytes());
    let json = concat!(
        r#"{"query":{"SdkAppid":888888,"CallbackCommand":"Group.CallbackAfterGroupFull","contenttype":null,"#,
        r#""ClientIP":null,"OptPlatform":null,"RequestID":null},"#,
        r#""body":{"CallbackCommand":"Group.CallbackAfterGroupFull","GroupId":"群","EventTime":null}}"#,
    );
    assert_eq!(serde_json::to_string(&bare).unwrap(), json);
    for (event, json) in [(event(QUERY, BODY), JSON), (topic, &written), (bare, json)] {
        assert_eq!(serde_json::from_str::<GroupFull<'_>>(json).unwrap(), event);
        assert_eq!(serde_json::from_reader::<_, GroupFull<'static>>(json.as_bytes()).unwrap(), event);
        let value: Value = serde_json::from_str(json).unwrap();
        assert_eq!(serde_json::from_value::<GroupFull<'static>>(value).unwrap(), event);
        let tagged = Tagged::Full(event);
        let json = serde_json::to_string(&tagged).unwrap();
        assert_eq!(serde_json::from_str::<Tagged>(&json).unwrap(), tagged);
    }
}

#[test]
fn deserialised_events_are_checked_again() {
    let command = r#""CallbackCommand":"Group.CallbackAfterGroupFull","contenttype""#;
    for (from, to, message) in [
        (command, r#""CallbackCommand":"A","contenttype""#, "command \"A\": not Group.CallbackAfterGroupFull"),
        (
            command,
            r#""CallbackCommand":"","contenttype""#,
            "parameter `CallbackCommand`: expected a command, found \"\" at line 1 column 48",
        ),
        (
            command,
            r#""CallbackCommand":7,"contenttype""#,
            "invalid type: integer `7`, expected a string at line 1 column 47",
        ),
        (
            command,
            r#""CallbackCommand":null,"contenttype""#,
            "invalid type: null, expected a string at line 1 column 50",
        ),
        (r#""json""#, r#""xml""#, "parameter `contenttype`: expected json, found \"xml\""),
        (
            r#"{"CallbackCommand":"Group.CallbackAfterGroupFull","GroupId""#,
            r#"{"CallbackCommand":"A","GroupId""#,
            "body: field `CallbackCommand`: expected Group.CallbackAfterGroupFull, found \"A\"",
        ),
        ("@TGS#2J4SZEAEL", "", "field `GroupId`: expected a group, found \"\" at line 1 column 232"),
        ("888888", "-1", "invalid value: integer `-1`, expected u64 at line 1 column 23"),
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
    let body = im_group_full::CallbackBody::parse(br#"{"CallbackCommand":"B","GroupId":"g"}"#).unwrap();
    let event = GroupFull::assume_verified(query, body);
    assert_eq!((event.sdk_app_id().get(), event.group_id()), (1, "g"));
}

fn id(app: u64, event_time: &Value, group_id: &str, topic_id: Option<&str>) -> String {
    let query = format!("SdkAppid={app}&CallbackCommand={GROUP_FULL_COMMAND}");
    let body = json!({
        "CallbackCommand": GROUP_FULL_COMMAND, "GroupId": group_id, "EventTime": event_time, "TopicId": topic_id,
    });
    let validator = Validator::unauthenticated(SdkAppId::new(app));
    validator.validate(&query, body.to_string().as_bytes(), at(NOW)).unwrap().id()
}

#[test]
fn the_id_names_the_event() {
    for (app, event_time, group_id, topic_id, expected) in [
        (888_888, json!(1_670_574_414_123_u64), "@TGS#2J4SZEAEL", None, "888888:1670574414123:@TGS#2J4SZEAEL"),
        (888_888, json!("1670574414123"), "@TGS#2J4SZEAEL", None, "888888:1670574414123:@TGS#2J4SZEAEL"),
        (888_888, json!(null), "@TGS#2J4SZEAEL", None, "888888::@TGS#2J4SZEAEL"),
        // Seconds are not guessed.
        (888_888, json!(1_670_574_414), "g", None, "888888:1670574414:g"),
        (1, json!(0), "群 1", None, "1:0:群 1"),
        (u64::MAX, json!(u64::MAX), ":", None, "18446744073709551615:18446744073709551615::"),
        (888_888, json!(5), "群 1", Some("t/1"), "888888:5/5:群 1/t/1"),
        (888_888, json!(null), "g", Some("t"), "888888:/1:g/t"),
        // An empty one is none.
        (888_888, json!(5), "g", Some(""), "888888:5:g"),
    ] {
        assert_eq!(id(app, &event_time, group_id, topic_id), expected);
    }
    let repeated = format!("{QUERY}&RequestID=1b4e28ba-2fa1-11d2-883f-0016d3cca427").replace("RESTAPI", "Web");
    assert_ne!(event(&repeated, BODY), event(QUERY, BODY));
    assert_eq!(event(&repeated, BODY).id(), event(QUERY, BODY).id());
}

/// A topic differs from its Community, and no text can imitate another event's id.
#[test]
fn no_two_events_share_an_id() {
    let texts = ["1", ":1", "1:1", "::1", "1:1:1", "1/1", "/1", "1/1:1/1", " 1", "1\n"];
    let times = [json!(null), json!(0), json!(1), json!(11)];
    let topics = std::iter::once(None).chain(texts.map(Some));
    let ids: HashSet<_> = [1, 11]
        .into_iter()
        .flat_map(|app| times.iter().map(move |time| (app, time)))
        .flat_map(|(app, time)| texts.map(|text| (app, time, text)))
        .flat_map(|(app, time, text)| topics.clone().map(move |topic| id(app, time, text, topic)))
        .collect();
    assert_eq!(ids.len(), 2 * times.len() * texts.len() * (1 + texts.len()));
}
