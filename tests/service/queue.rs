//! Events in a queue: JSON that every later version reads, and a stable id.

use std::collections::HashSet;

use crate::util::{BODY, QUERY};
use im_group_full::{CallbackBody, CallbackQuery, GroupFull};
use serde_json::json;
use serde_test::{Token, assert_de_tokens};

/// Written before `TopicId` existed.
const JSON: &str = concat!(
    r#"{"query":{"SdkAppid":888888,"CallbackCommand":"Group.CallbackAfterGroupFull","contenttype":"json","#,
    r#""ClientIP":"127.0.0.1","OptPlatform":"RESTAPI","RequestID":null},"#,
    r#""body":{"CallbackCommand":"Group.CallbackAfterGroupFull","GroupId":"@TGS#2J4SZEAEL","EventTime":1670574414123}}"#,
);

fn event(raw_query: &str, raw_body: &[u8]) -> GroupFull<'static> {
    let query = CallbackQuery::parse(raw_query).expect(raw_query);
    let body = CallbackBody::parse(raw_body).expect("a body");
    GroupFull::assume_verified(query, body).into_owned()
}

fn id(app: u64, event_time: &serde_json::Value, group_id: &str, topic_id: Option<&str>) -> String {
    let query = format!("SdkAppid={app}&CallbackCommand=Group.CallbackAfterGroupFull");
    let mut body = json!({"CallbackCommand": "Group.CallbackAfterGroupFull", "GroupId": group_id});
    body["EventTime"] = event_time.clone();
    if let Some(topic_id) = topic_id {
        body["TopicId"] = topic_id.into();
    }
    event(&query, body.to_string().as_bytes()).id()
}

#[test]
fn the_queued_json_is_stable() {
    let event = event(QUERY, BODY);

    assert_eq!(serde_json::to_string(&event).unwrap(), JSON);
    assert_eq!(serde_json::from_str::<GroupFull<'_>>(JSON).unwrap(), event);
}

#[test]
fn optional_fields_may_be_missing() {
    let event = event(
        "SdkAppid=1&CallbackCommand=Group.CallbackAfterGroupFull",
        r#"{"CallbackCommand":"Group.CallbackAfterGroupFull","GroupId":"群"}"#.as_bytes(),
    );

    let json = concat!(
        r#"{"query":{"SdkAppid":1,"CallbackCommand":"Group.CallbackAfterGroupFull","contenttype":null,"#,
        r#""ClientIP":null,"OptPlatform":null,"RequestID":null},"#,
        r#""body":{"CallbackCommand":"Group.CallbackAfterGroupFull","GroupId":"群","EventTime":null}}"#,
    );
    assert_eq!(serde_json::to_string(&event).unwrap(), json);
    assert_eq!(serde_json::from_str::<GroupFull<'_>>(json).unwrap(), event);
}

#[test]
fn a_topic_goes_through_a_queue() {
    let body = json!({"CallbackCommand": "Group.CallbackAfterGroupFull", "GroupId": "g", "TopicId": "t"});
    let event = event(QUERY, body.to_string().as_bytes());
    let json = serde_json::to_string(&event).unwrap();
    assert!(json.ends_with(r#""GroupId":"g","EventTime":null,"TopicId":"t"}}"#), "{json}");
    let back: GroupFull<'_> = serde_json::from_str(&json).unwrap();
    assert_eq!((back.topic_id(), &back), (Some("t"), &event));
}

#[test]
fn the_id_names_the_event() {
    for (app, event_time, group_id, expected) in [
        (888_888, json!(1_670_574_414_123_u64), "@TGS#2J4SZEAEL", "888888:1670574414123:@TGS#2J4SZEAEL"),
        (888_888, json!("1670574414123"), "@TGS#2J4SZEAEL", "888888:1670574414123:@TGS#2J4SZEAEL"),
        (888_888, json!(null), "@TGS#2J4SZEAEL", "888888::@TGS#2J4SZEAEL"),
        (1, json!(0), "群 1", "1:0:群 1"),
        (u64::MAX, json!(u64::MAX), ":", "18446744073709551615:18446744073709551615::"),
    ] {
        assert_eq!(id(app, &event_time, group_id, None), expected);
    }
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

#[test]
fn the_id_of_a_topic_names_both() {
    assert_eq!(id(888_888, &json!(5), "群 1", Some("t/1")), "888888:5/5:群 1/t/1");
    assert_eq!(id(888_888, &json!(null), "g", Some("t")), "888888:/1:g/t");
    // An empty one is none.
    assert_eq!(id(888_888, &json!(5), "g", Some("")), "888888:5:g");
}

#[test]
fn other_parameters_are_not_part_of_the_id() {
    let repeated = format!("{QUERY}&RequestID=1b4e28ba-2fa1-11d2-883f-0016d3cca427").replace("RESTAPI", "Web");
    assert_ne!(event(&repeated, BODY), event(QUERY, BODY));
    assert_eq!(event(&repeated, BODY).id(), event(QUERY, BODY).id());
}

/// RON, for example, marks optional values.
#[test]
fn a_time_marked_as_optional_is_read() {
    let fields = ["CallbackCommand", "A", "GroupId", "g", "EventTime"].map(Token::Str);
    for (time, json) in [(&[Token::Some, Token::U64(1)][..], "1"), (&[Token::None], "null"), (&[Token::Unit], "null")] {
        let tokens = [&[Token::Map { len: None }], &fields[..], time, &[Token::MapEnd]].concat();
        let json = format!(r#"{{"CallbackCommand":"A","GroupId":"g","EventTime":{json}}}"#);
        let body: CallbackBody<'static> = serde_json::from_str(&json).unwrap();
        assert_de_tokens(&body, &tokens);
    }
}
