//! How bodies are parsed, and which are refused.

use crate::util::BODY;
use im_group_full::{CallbackBody, RejectionKind};

#[track_caller]
fn parse(raw_body: &[u8]) -> CallbackBody<'_> {
    CallbackBody::parse(raw_body)
        .unwrap_or_else(|rejection| panic!("{}: {rejection}", String::from_utf8_lossy(raw_body)))
}

#[test]
fn documented_sample() {
    let body = parse(BODY);
    assert_eq!(body.command(), "Group.CallbackAfterGroupFull");
    assert_eq!(body.group_id(), "@TGS#2J4SZEAEL");
    assert_eq!(body.event_time_millis(), Some(1_670_574_414_123));
}

#[test]
fn event_time_has_four_shapes() {
    for (field, millis) in [
        ("", None),
        (r#","EventTime":null"#, None),
        (r#","EventTime":1670574414123"#, Some(1_670_574_414_123)),
        (r#","EventTime":"1670574414123""#, Some(1_670_574_414_123)),
        (r#","EventTime":"\u0031""#, Some(1)),
        (r#","EventTime":0"#, Some(0)),
        (r#","EventTime":18446744073709551615"#, Some(u64::MAX)),
        (r#","EventTime":"18446744073709551615""#, Some(u64::MAX)),
    ] {
        let json = format!(r#"{{"CallbackCommand":"A","GroupId":"g"{field}}}"#);
        assert_eq!(parse(json.as_bytes()).event_time_millis(), millis, "{json}");
    }
}

#[test]
fn a_topic_is_optional() {
    let topic = "@TGS#_@TGS#cTESTHIM62CJ@TOPIC#_@TOPIC#cRTE1HIM62C5";
    for (field, topic_id) in [
        (String::new(), None),
        (r#","TopicId":null"#.to_owned(), None),
        (r#","TopicId":"""#.to_owned(), None),
        (format!(r#","TopicId":"{topic}""#), Some(topic)),
        (r#","TopicId":"\u7fa4""#.to_owned(), Some("群")),
        (r#","topicId":"t""#.to_owned(), None),
    ] {
        let json = format!(r#"{{"CallbackCommand":"A","GroupId":"g"{field}}}"#);
        let body = parse(json.as_bytes());
        assert_eq!(body.topic_id(), topic_id, "{json}");
        let back: CallbackBody<'_> = serde_json::from_str(&serde_json::to_string(&body).unwrap()).unwrap();
        assert_eq!(back, body.into_owned());
    }
}

#[test]
fn a_topic_of_another_type_is_refused() {
    for (field, message) in [
        ("5", "body: field `TopicId`: invalid type: integer `5`, expected a string at line 1 column 48"),
        (r#"["t"]"#, "body: field `TopicId`: invalid type: sequence, expected a string at line 1 column 47"),
        ("true", "body: field `TopicId`: invalid type: boolean `true`, expected a string at line 1 column 51"),
        (r#""t","TopicId":"t""#, "body: duplicate field `TopicId` at line 1 column 60"),
    ] {
        let json = format!(r#"{{"CallbackCommand":"A","GroupId":"g","TopicId":{field}}}"#);
        assert_eq!(CallbackBody::parse(json.as_bytes()).expect_err(field).to_string(), message);
    }
}

#[test]
fn captured_shapes() {
    for (json, group_id) in [
        (
            "{\n    \"EventTime\": \"1670574414123\",\n    \"GroupId\": \"@TGS#2J4SZEAEL\",\n    \"CallbackCommand\": \"A\"\n}\n",
            "@TGS#2J4SZEAEL",
        ),
        (r#"{"CallbackCommand":"A","GroupId":"@TGS#_@TGS#cQVLVHIM62CJ"}"#, "@TGS#_@TGS#cQVLVHIM62CJ"),
        (
            r#"{"CallbackCommand":"A","GroupId":"2f5e4d0c-6a5c-4f3b-9d3e-0a1b2c3d4e5f"}"#,
            "2f5e4d0c-6a5c-4f3b-9d3e-0a1b2c3d4e5f",
        ),
        (r#"{"CallbackCommand":"A","GroupId":"群聊"}"#, "群聊"),
        (r#"{"CallbackCommand":"A","GroupId":"\u7fa4\"\\\/"}"#, "群\"\\/"),
        (r#"{"GroupId":"g","x":{"GroupId":1,"y":[null,{}]},"CallbackCommand":"A","EventTimes":-1.5}"#, "g"),
    ] {
        assert_eq!(parse(json.as_bytes()).group_id(), group_id);
    }
}

#[test]
fn unknown_fields_are_ignored_to_any_depth() {
    let deep = format!(
        r#"{{"CallbackCommand":"A","x":{}{},"GroupId":"g"}}"#,
        "[{\"a\":".repeat(200_000),
        "1".to_owned() + &"}]".repeat(200_000),
    );
    assert_eq!(parse(deep.as_bytes()).group_id(), "g");
}

#[test]
fn refusals_name_the_field_and_the_reason() {
    let long = format!(r#"{{"CallbackCommand":"A","GroupId":"g","EventTime":"{}"}}"#, "z".repeat(100));
    let cut = format!(
        "body: field `EventTime`: invalid value: string \"{}…\", expected milliseconds since the Unix epoch \
         at line 1 column 151",
        "z".repeat(64)
    );
    let text = format!("\"{}\"", "é".repeat(1000));
    let cut_text = format!("body: invalid type: string \"{}…", "é".repeat(256 - 22));
    for (raw_body, message) in [
        (text.as_bytes(), &*cut_text),
        (b"", "the body is empty"),
        (b" \r\n", "the body is empty"),
        (b"{}", "body: missing field `CallbackCommand` at line 1 column 2"),
        (
            b"null",
            "body: invalid type: null, expected an object with `CallbackCommand` and `GroupId` at line 1 column 4",
        ),
        (
            b"\"x\"",
            "body: invalid type: string \"x\", expected an object with `CallbackCommand` and `GroupId` at line 1 column 3",
        ),
        (br#"["A","g",1]"#, "body: expected an object, found an array"),
        (b" [", "body: expected an object, found an array"),
        (br#"{"CallbackCommand":"A"}"#, "body: missing field `GroupId` at line 1 column 23"),
        (br#"{"GroupId":"g"}"#, "body: missing field `CallbackCommand` at line 1 column 15"),
        (
            br#"{"CallbackCommand":"A","GroupId":""}"#,
            "body: field `GroupId`: expected a group, found \"\" at line 1 column 36",
        ),
        (
            br#"{"CallbackCommand":"A","GroupId":5}"#,
            "body: field `GroupId`: invalid type: integer `5`, expected a string at line 1 column 34",
        ),
        (
            br#"{"CallbackCommand":"A","GroupId":null}"#,
            "body: field `GroupId`: invalid type: null, expected a string at line 1 column 37",
        ),
        (
            br#"{"CallbackCommand":["A"],"GroupId":"g"}"#,
            "body: field `CallbackCommand`: invalid type: sequence, expected a string at line 1 column 19",
        ),
        (
            br#"{"CallbackCommand":"A","CallbackCommand":"A","GroupId":"g"}"#,
            "body: duplicate field `CallbackCommand` at line 1 column 40",
        ),
        (
            br#"{"CallbackCommand":"A","GroupId":"g","\u0047roupId":"h"}"#,
            "body: duplicate field `GroupId` at line 1 column 51",
        ),
        (
            br#"{"CallbackCommand":"A","GroupId":"g","EventTime":1,"EventTime":null}"#,
            "body: duplicate field `EventTime` at line 1 column 62",
        ),
        (
            br#"{"CallbackCommand":"A","GroupId":"g","EventTime":-1}"#,
            "body: field `EventTime`: invalid type: integer `-1`, expected milliseconds since the Unix epoch \
             at line 1 column 51",
        ),
        (
            br#"{"CallbackCommand":"A","GroupId":"g","EventTime":1.5}"#,
            "body: field `EventTime`: invalid type: floating point `1.5`, expected milliseconds since the Unix epoch \
             at line 1 column 52",
        ),
        (
            br#"{"CallbackCommand":"A","GroupId":"g","EventTime":""}"#,
            "body: field `EventTime`: invalid value: string \"\", expected milliseconds since the Unix epoch \
             at line 1 column 51",
        ),
        (
            br#"{"CallbackCommand":"A","GroupId":"g","EventTime":"+1"}"#,
            "body: field `EventTime`: invalid value: string \"+1\", expected milliseconds since the Unix epoch \
             at line 1 column 53",
        ),
        (
            br#"{"CallbackCommand":"A","GroupId":"g","EventTime":true}"#,
            "body: field `EventTime`: invalid type: boolean `true`, expected milliseconds since the Unix epoch \
             at line 1 column 53",
        ),
        (long.as_bytes(), &cut),
        (b"\xef\xbb\xbf{\"CallbackCommand\":\"A\",\"GroupId\":\"g\"}", "body: expected value at line 1 column 1"),
        (br#"{"CallbackCommand":"A","GroupId":"g"}x"#, "body: trailing characters at line 1 column 38"),
        (br#"{"CallbackCommand":"A","GroupId":"g"}{}"#, "body: trailing characters at line 1 column 38"),
        (
            br#"{"CallbackCommand":"A","GroupId":"g"#,
            "body: field `GroupId`: EOF while parsing a string at line 1 column 35",
        ),
        (br#"{"CallbackCommand":"A",}"#, "body: trailing comma at line 1 column 24"),
        (b"{\"CallbackCommand\":\"A\",\"GroupId\":\"\xff\"}", "body: invalid utf-8 sequence of 1 bytes from index 34"),
        (
            b"{\"CallbackCommand\":\"A\",\"GroupId\":\"g\",\"x\":\"\xff\"}",
            "body: invalid utf-8 sequence of 1 bytes from index 42",
        ),
    ] {
        let rejection = CallbackBody::parse(raw_body).expect_err(message);
        assert_eq!(rejection.kind(), RejectionKind::MalformedBody, "{message}");
        assert_eq!(rejection.to_string(), message);
        assert_eq!(rejection.parameter(), None);
    }
}

#[test]
fn json_reads_back_owned() {
    let body = parse(BODY);
    let json = serde_json::to_string(&body).unwrap();
    assert_eq!(json.as_bytes(), BODY);
    let back: CallbackBody<'static> = serde_json::from_reader(json.as_bytes()).unwrap();
    assert_eq!(back, body.into_owned());
}

/// serde buffers the input of an untagged enum, and `null` comes out of the buffer as a unit.
#[test]
fn reads_from_a_buffer_too() {
    #[derive(serde::Deserialize)]
    #[serde(untagged)]
    enum Message {
        Callback(CallbackBody<'static>),
    }
    for (time, millis) in [("null", None), ("1", Some(1)), ("\"1\"", Some(1))] {
        let json = format!(r#"{{"CallbackCommand":"A","GroupId":"g","EventTime":{time}}}"#);
        let Message::Callback(body) = serde_json::from_str(&json).unwrap();
        assert_eq!(body.event_time_millis(), millis, "{json}");
    }
}
