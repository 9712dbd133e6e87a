//! What an event is in a queue: the same bytes and the same id in every version.

mod util;

use std::collections::HashSet;

use im_group_full::{CallbackBody, CallbackQuery, GroupFull};
use serde_json::json;
use util::{BODY, QUERY};

const JSON: &str = concat!(
    r#"{"query":{"SdkAppid":888888,"CallbackCommand":"Group.CallbackAfterGroupFull","contenttype":"json","#,
    r#""ClientIP":"127.0.0.1","OptPlatform":"RESTAPI","RequestID":null},"#,
    r#""body":{"CallbackCommand":"Group.CallbackAfterGroupFull","GroupId":"@TGS#2J4SZEAEL","EventTime":1670574414123}}"#,
);

const POSTCARD: &str = concat!(
    "b8a036",                                                     // SdkAppid
    "1c47726f75702e43616c6c6261636b416674657247726f757046756c6c", // CallbackCommand
    "01046a736f6e",                                               // contenttype
    "01093132372e302e302e31",                                     // ClientIP
    "010752455354415049",                                         // OptPlatform
    "00",                                                         // RequestID
    "1c47726f75702e43616c6c6261636b416674657247726f757046756c6c", // CallbackCommand
    "0e4054475323324a34535a4541454c",                             // GroupId
    "01abb2faafcf30",                                             // EventTime
);

fn event(raw_query: &str, raw_body: &[u8]) -> GroupFull<'static> {
    let query = CallbackQuery::parse(raw_query).expect(raw_query);
    let body = CallbackBody::parse(raw_body).expect("a body");
    GroupFull::assume_verified(query, body).into_owned()
}

fn id(app: u64, event_time: serde_json::Value, group_id: &str) -> String {
    let query = format!("SdkAppid={app}&CallbackCommand=Group.CallbackAfterGroupFull");
    let mut body = json!({"CallbackCommand": "Group.CallbackAfterGroupFull", "GroupId": group_id});
    body["EventTime"] = event_time;
    event(&query, body.to_string().as_bytes()).id()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()
}

#[test]
fn the_bytes_in_a_queue_stay_as_they_are() {
    let event = event(QUERY, BODY);

    assert_eq!(serde_json::to_string(&event).unwrap(), JSON);
    assert_eq!(serde_json::from_str::<GroupFull<'_>>(JSON).unwrap(), event);

    let bytes = postcard::to_stdvec(&event).unwrap();
    assert_eq!(hex(&bytes), POSTCARD);
    assert_eq!(postcard::from_bytes::<GroupFull<'_>>(&bytes).unwrap(), event);
}

#[test]
fn an_event_without_its_optional_fields_goes_through_both() {
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

    let bytes = postcard::to_stdvec(&event).unwrap();
    assert_eq!(postcard::from_bytes::<GroupFull<'_>>(&bytes).unwrap(), event);
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
        assert_eq!(id(app, event_time, group_id), expected);
    }
}

#[test]
fn no_two_events_share_an_id() {
    let texts = ["1", ":1", "1:1", "::1", "1:1:1", " 1", "1\n"];
    let times = [json!(null), json!(0), json!(1), json!(11)];
    let ids: HashSet<_> = [1, 11]
        .into_iter()
        .flat_map(|app| times.clone().map(|time| texts.map(|text| id(app, time.clone(), text))))
        .flatten()
        .collect();
    assert_eq!(ids.len(), 2 * times.len() * texts.len());
}

#[test]
fn what_the_vendor_says_besides_is_no_part_of_the_id() {
    let repeated = format!("{QUERY}&RequestID=1b4e28ba-2fa1-11d2-883f-0016d3cca427").replace("RESTAPI", "Web");
    assert_ne!(event(&repeated, BODY), event(QUERY, BODY));
    assert_eq!(event(&repeated, BODY).id(), event(QUERY, BODY).id());
}
