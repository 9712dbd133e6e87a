use std::borrow::Cow;
use std::fmt;

use serde::de::{self, Error as _, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::excerpt::excerpt;
use crate::rejection::Repr;
use crate::sdk_app_id::decimal;
use crate::{GROUP_FULL_COMMAND, Rejection};

/// The body of the callback; see "After a Group Is Full" in the vendor's documentation (document 34376).
///
/// A parsed body has not been checked: anyone can write one.
///
/// Serialises with the vendor's names and reads back owned.
///
/// ```
/// use im_group_full::CallbackBody;
///
/// let body = CallbackBody::parse(
///     br#"{"CallbackCommand":"Group.CallbackAfterGroupFull","GroupId":"@TGS#2J4SZEAEL"}"#,
/// )?;
/// assert_eq!(body.group_id(), "@TGS#2J4SZEAEL");
/// # Ok::<(), im_group_full::Rejection>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct CallbackBody<'a> {
    #[serde(rename = "CallbackCommand")]
    command: Cow<'a, str>,
    #[serde(rename = "GroupId")]
    group_id: Cow<'a, str>,
    #[serde(rename = "EventTime")]
    event_time_millis: Option<u64>,
    #[serde(rename = "TopicId", skip_serializing_if = "Option::is_none")]
    topic_id: Option<Cow<'a, str>>,
}

impl<'a> CallbackBody<'a> {
    /// Parses a raw JSON body.
    ///
    /// `raw_body` is untrusted. Unknown fields are ignored, to any depth: the vendor has added fields before.
    ///
    /// # Errors
    ///
    /// The bytes are not UTF-8, not JSON, not an object, or continue after it; `CallbackCommand` or
    /// `GroupId` is missing or not a string; `GroupId` is empty; `EventTime` is neither absent, `null`,
    /// nor milliseconds that fit 64 bits, as an integer or as a string of decimal digits; `TopicId` is
    /// neither absent, `null`, nor a string; one of the four is given twice.
    #[inline]
    pub fn parse(raw_body: &'a [u8]) -> Result<Self, Rejection> {
        // Checking the whole body once is cheaper than serde_json's check of each string.
        let json = std::str::from_utf8(raw_body).map_err(Repr::malformed_body)?;
        if json.trim_ascii().is_empty() {
            return Err(Repr::EmptyBody.into());
        }
        // A derived `Deserialize` also accepts an array of the fields.
        if json.trim_ascii_start().starts_with('[') {
            return Err(Repr::malformed_body("expected an object, found an array").into());
        }
        let mut json = serde_json::Deserializer::from_str(json);
        let body = Fields::deserialize(&mut json).map_err(Repr::malformed_body)?;
        json.end().map_err(Repr::malformed_body)?;
        Ok(body)
    }

    /// Returns `CallbackCommand`.
    pub fn command(&self) -> &str {
        &self.command
    }

    /// Returns `GroupId`, such as `@TGS#2J4SZEAEL`, or an id that the app chose; never empty.
    pub fn group_id(&self) -> &str {
        &self.group_id
    }

    /// Returns `EventTime`, in milliseconds since the Unix epoch; absent in the callbacks of older versions.
    pub fn event_time_millis(&self) -> Option<u64> {
        self.event_time_millis
    }

    /// Returns `TopicId`, such as `@TGS#_@TGS#cTESTHIM62CJ@TOPIC#_@TOPIC#cRTE1HIM62C5`: the private
    /// topic that is full. `None` if it is absent or empty.
    pub fn topic_id(&self) -> Option<&str> {
        self.topic_id.as_deref()
    }

    #[inline]
    pub(crate) fn group_full(raw_body: &'a [u8], limit: usize) -> Result<Self, Rejection> {
        if raw_body.len() > limit {
            return Err(Rejection::body_too_large());
        }
        let body = Self::parse(raw_body)?;
        body.check_group_full()?;
        Ok(body)
    }

    #[inline]
    pub(crate) fn check_group_full(&self) -> Result<(), Rejection> {
        if self.command == GROUP_FULL_COMMAND { Ok(()) } else { Err(Repr::command_mismatch(&self.command).into()) }
    }

    /// Copies what is borrowed, so that the body can outlive the request.
    pub fn into_owned(self) -> CallbackBody<'static> {
        CallbackBody {
            command: Cow::Owned(self.command.into_owned()),
            group_id: Cow::Owned(self.group_id.into_owned()),
            event_time_millis: self.event_time_millis,
            topic_id: self.topic_id.map(|topic| Cow::Owned(topic.into_owned())),
        }
    }
}

impl<'de> Deserialize<'de> for CallbackBody<'_> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Fields::deserialize(deserializer).map(CallbackBody::into_owned)
    }
}

/// Deserialises into a borrowing [`CallbackBody`]; the public `Deserialize` returns an owned one.
#[derive(Deserialize)]
#[serde(remote = "CallbackBody", expecting = "an object with `CallbackCommand` and `GroupId`")]
struct Fields<'a> {
    #[serde(rename = "CallbackCommand", borrow, deserialize_with = "command")]
    command: Cow<'a, str>,
    #[serde(rename = "GroupId", borrow, deserialize_with = "group_id")]
    group_id: Cow<'a, str>,
    #[serde(rename = "EventTime", default, deserialize_with = "event_time")]
    event_time_millis: Option<u64>,
    #[serde(rename = "TopicId", default, borrow, deserialize_with = "topic_id")]
    topic_id: Option<Cow<'a, str>>,
}

fn command<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Cow<'de, str>, D::Error> {
    Text::deserialize(deserializer).map(|Text(text)| text).map_err(in_field("CallbackCommand"))
}

fn group_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Cow<'de, str>, D::Error> {
    match Text::deserialize(deserializer).map_err(in_field("GroupId"))? {
        Text(text) if text.is_empty() => Err(D::Error::custom("field `GroupId`: expected a group, found \"\"")),
        Text(text) => Ok(text),
    }
}

fn event_time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    deserializer.deserialize_any(EventTimeVisitor).map_err(in_field("EventTime"))
}

fn topic_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Cow<'de, str>>, D::Error> {
    let text = Option::<Text<'de>>::deserialize(deserializer).map_err(in_field("TopicId"))?;
    Ok(text.map(|Text(text)| text).filter(|text| !text.is_empty()))
}

fn in_field<E: de::Error>(name: &'static str) -> impl FnOnce(E) -> E {
    move |error| E::custom(format_args!("field `{name}`: {error}"))
}

/// Borrows if it can, which `Cow` alone does not do.
#[derive(Deserialize)]
#[serde(transparent)]
pub(crate) struct Text<'a>(#[serde(borrow)] pub(crate) Cow<'a, str>);

/// Accepts an integer and a string: the vendor's table says integer, the sample next to it shows a string.
struct EventTimeVisitor;

impl<'de> Visitor<'de> for EventTimeVisitor {
    type Value = Option<u64>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("milliseconds since the Unix epoch")
    }

    fn visit_none<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    // `null` arrives here once serde has buffered it, for an untagged enum or a flattened field.
    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_u64<E>(self, millis: u64) -> Result<Self::Value, E> {
        Ok(Some(millis))
    }

    // Some formats have only signed integers.
    fn visit_i64<E: de::Error>(self, millis: i64) -> Result<Self::Value, E> {
        u64::try_from(millis).map(Some).map_err(|_| E::invalid_type(de::Unexpected::Signed(millis), &self))
    }

    fn visit_str<E: de::Error>(self, digits: &str) -> Result<Self::Value, E> {
        decimal(digits).map(Some).ok_or_else(|| E::invalid_value(de::Unexpected::Str(&excerpt(digits)), &self))
    }
}
