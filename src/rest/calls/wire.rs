use std::borrow::Cow;

use http::StatusCode;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::rest::RestError;

/// Which fields of each member to ask for; the account always comes.
pub(super) const MEMBER_INFO_FILTER: [&str; 6] =
    ["Role", "JoinTime", "LastSendMsgTime", "MsgSeq", "MuteUntil", "ShutUpUntil"];

/// Judges what every response begins with, and returns the text of a good one.
///
/// The outcome is read alone and first, because a refusal has none of the other fields. Bytes that
/// are no UTF-8 are replaced: the vendor cuts texts by bytes, and one cut text must not cost the rest.
pub(super) fn check(status: StatusCode, body: &[u8]) -> Result<Cow<'_, str>, RestError> {
    if status != StatusCode::OK {
        return Err(RestError::status(status));
    }
    // A derived struct would also read itself from an array, field by field.
    if body.trim_ascii_start().starts_with(b"[") {
        return Err(RestError::malformed(&"expected an object, found an array"));
    }
    let text = String::from_utf8_lossy(body);
    check_outcome(&text)?;
    Ok(text)
}

/// Judges the `ErrorCode` of an object: of a response, or of one group in it.
pub(super) fn check_outcome(object: &str) -> Result<(), RestError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Code {
        error_code: i32,
        action_status: Option<String>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Info {
        error_info: String,
    }
    let Code { error_code, action_status } = parse(object)?;
    if error_code == 0 {
        return match action_status.as_deref() {
            Some("FAIL") => Err(RestError::malformed(&"`FAIL` with `ErrorCode` 0")),
            _ => Ok(()),
        };
    }
    // Without a text, or with one that was cut within a character, it is still this code.
    let info = parse(object).map(|Info { error_info }| error_info).unwrap_or_default();
    Err(RestError::vendor(error_code, &info))
}

pub(super) fn parse<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, RestError> {
    serde_json::from_str(text).map_err(|error| RestError::malformed(&error))
}

/// Keeps `null`, which is not the same as a field that is missing.
pub(super) fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

/// A number that informs, where what is no number is none.
pub(super) fn number(value: Option<&RawValue>) -> Option<u64> {
    serde_json::from_str(value?.get()).ok()
}
