use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

/// The expected result of parsing a body.
#[derive(Debug, PartialEq, Eq)]
pub struct Body {
    pub command: String,
    pub group_id: String,
    pub event_time: Option<u64>,
    pub topic_id: Option<String>,
}

impl Body {
    /// Returns `None` if the body must be refused.
    pub fn read(raw_body: &[u8]) -> Option<Self> {
        let whole = value(raw_body);
        let Ok(Fields(fields)) = serde_json::from_slice(raw_body) else {
            assert!(!whole.is_ok_and(|whole| whole.is_object()));
            return None;
        };
        if let Err(error) = &whole {
            assert!(std::str::from_utf8(raw_body).is_err() || is_beyond_the_reference(error), "{error}");
        }
        std::str::from_utf8(raw_body).ok()?;
        let once = |name: &str| {
            let mut found = fields.iter().filter(|(key, _)| key == name);
            let field = match found.next() {
                Some((_, field)) => Some(value(field.get().as_bytes()).ok()?),
                None => None,
            };
            // `Value` keeps the last of two equal fields; the crate refuses both.
            found.next().is_none().then_some(field)
        };
        Some(Self {
            command: once("CallbackCommand")??.as_str()?.to_owned(),
            group_id: once("GroupId")??.as_str().filter(|text| !text.is_empty())?.to_owned(),
            event_time: match once("EventTime")? {
                None | Some(Value::Null) => None,
                Some(Value::Number(number)) => Some(number.as_u64()?),
                Some(Value::String(text)) if text.bytes().all(|byte| byte.is_ascii_digit()) => Some(text.parse().ok()?),
                Some(_) => return None,
            },
            topic_id: match once("TopicId")? {
                None | Some(Value::Null) => None,
                Some(topic) => Some(topic.as_str()?.to_owned()).filter(|topic| !topic.is_empty()),
            },
        })
    }
}

/// Returns whether `Value` refuses only what may be ignored in an unknown field: a number such as `1e999`, or
/// half of a surrogate pair. Fields that are not ignored are checked with `Value` again.
fn is_beyond_the_reference(error: &serde_json::Error) -> bool {
    ["number out of range", "lone leading surrogate", "unexpected end of hex escape"]
        .iter()
        .any(|reason| error.to_string().starts_with(reason))
}

fn value(json: &[u8]) -> serde_json::Result<Value> {
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    deserializer.disable_recursion_limit();
    let value = Value::deserialize(&mut deserializer)?;
    deserializer.end().map(|()| value)
}

/// The fields of an object in order, including duplicates.
struct Fields(Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FieldsVisitor;
        impl<'de> Visitor<'de> for FieldsVisitor {
            type Value = Fields;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(FieldsVisitor)
    }
}
