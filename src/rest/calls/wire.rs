use std::borrow::Cow;

use http::StatusCode;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::rest::RestError;
use crate::rest::error::Repr;

/// Which fields of each member to ask for; the account is always included.
pub(super) const MEMBER_INFO_FILTER: [&str; 6] =
    ["Role", "JoinTime", "LastSendMsgTime", "MsgSeq", "MuteUntil", "ShutUpUntil"];

/// Checks the envelope of a response, and returns its text if the call succeeded.
///
/// The outcome is read first, because a refusal has none of the other fields. Invalid UTF-8 is replaced: the
/// vendor cuts texts by bytes, and one cut text must not lose the rest.
pub(super) fn check(status: StatusCode, body: &[u8]) -> Result<Cow<'_, str>, RestError> {
    if status != StatusCode::OK {
        return Err(RestError(Repr::Status(status.as_u16())));
    }
    // A derived `Deserialize` also accepts an array of the fields.
    if body.trim_ascii_start().starts_with(b"[") {
        return Err(RestError::malformed(&"expected an object, found an array"));
    }
    let text = String::from_utf8_lossy(body);
    check_outcome(&text)?;
    Ok(text)
}

/// Checks the `ErrorCode` of a response, or of one group in it.
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
    // The code counts even if the text is missing or was cut within a character.
    let info = parse(object).map(|Info { error_info }| error_info).unwrap_or_default();
    Err(RestError::vendor(error_code, &info))
}

pub(super) fn parse<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, RestError> {
    serde_json::from_str(text).map_err(|error| RestError::malformed(&error))
}

/// Distinguishes `null` from a missing field.
pub(super) fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

/// An informational number; anything else counts as missing.
pub(super) fn number(value: Option<&RawValue>) -> Option<u64> {
    serde_json::from_str(value?.get()).ok()
}
