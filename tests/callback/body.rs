//! How bodies are parsed, and which are refused.

use crate::util::BODY;
use im_group_full::{CallbackBody, RejectionKind};

#[track_caller]
fn parse(raw_body: &[u8]) -> CallbackBody<'_> {
    CallbackBody::parse(raw_body)
        .unwrap_or_else(|rejection| panic!("{}: {rejection}", String::from_utf8_lossy(raw_body)))
}

/// Returns a body with more fields, or none.
fn with(more: &str) -> String {
    format!(r#"{{"CallbackCommand":"A","GroupId":"g"{more}}}"#)
}

#[test]
fn documented_sample() {
    let body = parse(BODY);
    assert_eq!(body.command(), "Group.CallbackAfterGroupFull");
    assert_eq!(body.group_id(), "@TGS#2J4SZEAEL");
    assert_eq!(body.event_time_millis(), Some(1_670_574_414_123));
    let json = serde_json::to_string(&body).unwrap();
    assert_eq!(json.as_bytes(), BODY);
    let back: CallbackBody<'static> = serde_json::from_reader(json.as_bytes()).unwrap();
    assert_eq!(back, body.into_owned());
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
        assert_eq!(parse(with(field).as_bytes()).event_time_millis(), millis, "{field}");
    }
}

#[test]
fn a_topic_is_optional() {
    let topic = "@TGS#_@TGS#cTESTHIM62CJ@TOPIC#_@TOPIC#cRTE1HIM62C5";
    for (field, topic_id) in [
        ("", None),
        (r#","TopicId":null"#, None),
        (r#","TopicId":"""#, None),
        (&format!(r#","TopicId":"{topic}""#), Some(topic)),
        (r#","TopicId":"\u7fa4""#, Some("群")),
        (r#","topicId":"t""#, None),
    ] {
        let json = with(field);
        let body = parse(json.as_bytes());
        assert_eq!(body.topic_id(), topic_id, "{field}");
        let back: CallbackBody<'_> = serde_json::from_str(&serde_json::to_string(&body).unwrap()).unwrap();
        assert_eq!(back, body.into_owned());
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
    let deep = with(&format!(r#","x":{}1{}"#, "[{\"a\":".repeat(200_000), "}]".repeat(200_000)));
    assert_eq!(parse(deep.as_bytes()).group_id(), "g");
}

#[track_caller]
fn refuse(raw_body: &[u8], message: &str) {
    let rejection = CallbackBody::parse(raw_body).expect_err(message);
    assert_eq!(rejection.to_string(), message);
    assert_eq!((rejection.kind(), rejection.parameter()), (RejectionKind::MalformedBody, None), "{message}");
}

#[test]
fn refusals_say_what_is_wrong_with_the_object() {
    let object = "expected an object with `CallbackCommand` and `GroupId`";
    refuse(b"null", &format!("body: invalid type: null, {object} at line 1 column 4"));
    refuse(b"\"x\"", &format!("body: invalid type: string \"x\", {object} at line 1 column 3"));
    let text = format!("\"{}\"", "é".repeat(1000));
    refuse(text.as_bytes(), &format!("body: invalid type: string \"{}…", "é".repeat(256 - 22)));
    for (raw_body, message) in [
        (&b""[..], "the body is empty"),
        (b" \r\n", "the body is empty"),
        (br#"["A","g",1]"#, "body: expected an object, found an array"),
        (b" [", "body: expected an object, found an array"),
        (b"\xef\xbb\xbf{\"CallbackCommand\":\"A\",\"GroupId\":\"g\"}", "body: expected value at line 1 column 1"),
        (b"{}", "body: missing field `CallbackCommand` at line 1 column 2"),
        (br#"{"GroupId":"g"}"#, "body: missing field `CallbackCommand` at line 1 column 15"),
        (br#"{"CallbackCommand":"A"}"#, "body: missing field `GroupId` at line 1 column 23"),
        (br#"{"CallbackCommand":"A",}"#, "body: trailing comma at line 1 column 24"),
        (br#"{"CallbackCommand":"A","GroupId":"g"}x"#, "body: trailing characters at line 1 column 38"),
        (br#"{"CallbackCommand":"A","GroupId":"g"}{}"#, "body: trailing characters at line 1 column 38"),
        (b"{\"CallbackCommand\":\"A\",\"GroupId\":\"\xff\"}", "body: invalid utf-8 sequence of 1 bytes from index 34"),
        (
            b"{\"CallbackCommand\":\"A\",\"GroupId\":\"g\",\"x\":\"\xff\"}",
            "body: invalid utf-8 sequence of 1 bytes from index 42",
        ),
    ] {
        refuse(raw_body, message);
    }
}

#[test]
fn refusals_name_the_field_and_the_reason() {
    for (group_id, reason) in [
        ("\"\"}", "expected a group, found \"\" at line 1 column 36"),
        ("5}", "invalid type: integer `5`, expected a string at line 1 column 34"),
        ("null}", "invalid type: null, expected a string at line 1 column 37"),
        ("\"g", "EOF while parsing a string at line 1 column 35"),
    ] {
        let json = format!(r#"{{"CallbackCommand":"A","GroupId":{group_id}"#);
        refuse(json.as_bytes(), &format!("body: field `GroupId`: {reason}"));
    }
    for (field, message) in [
        (r#","CallbackCommand":"A""#, "duplicate field `CallbackCommand` at line 1 column 54"),
        (r#","\u0047roupId":"h""#, "duplicate field `GroupId` at line 1 column 51"),
        (r#","EventTime":1,"EventTime":null"#, "duplicate field `EventTime` at line 1 column 62"),
        (r#","TopicId":"t","TopicId":"t""#, "duplicate field `TopicId` at line 1 column 60"),
        (r#","TopicId":5"#, "field `TopicId`: invalid type: integer `5`, expected a string at line 1 column 48"),
        (r#","TopicId":["t"]"#, "field `TopicId`: invalid type: sequence, expected a string at line 1 column 47"),
        (r#","TopicId":true"#, "field `TopicId`: invalid type: boolean `true`, expected a string at line 1 column 51"),
    ] {
        refuse(with(field).as_bytes(), &format!("body: {message}"));
    }
    let long = "z".repeat(100);
    for (time, found, column) in [
        ("-1", "type: integer `-1`", 51),
        ("1.5", "type: floating point `1.5`", 52),
        ("true", "type: boolean `true`", 53),
        ("\"\"", "value: string \"\"", 51),
        ("\"+1\"", "value: string \"+1\"", 53),
        (&format!("\"{long}\""), &format!("value: string \"{}…\"", &long[..64]), 151),
    ] {
        let expected = "expected milliseconds since the Unix epoch";
        let message = format!("body: field `EventTime`: invalid {found}, {expected} at line 1 column {column}");
        refuse(with(&format!(r#","EventTime":{time}"#)).as_bytes(), &message);
    }
    refuse(
        br#"{"CallbackCommand":["A"],"GroupId":"g"}"#,
        "body: field `CallbackCommand`: invalid type: sequence, expected a string at line 1 column 19",
    );
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
        let Message::Callback(body) = serde_json::from_str(&with(&format!(r#","EventTime":{time}"#))).unwrap();
        assert_eq!(body.event_time_millis(), millis, "{time}");
    }
}
