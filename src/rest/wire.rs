use http::StatusCode;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::RestError;

/// What every response begins with, here and for each group in
/// [`GetGroupInfo`](super::GetGroupInfo)'s.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Outcome {
    error_code: i32,
    #[serde(default)]
    error_info: String,
}

impl Outcome {
    pub(super) fn check(&self) -> Result<(), RestError> {
        if self.error_code == 0 {
            return Ok(());
        }
        Err(RestError::vendor(self.error_code, &self.error_info))
    }
}

/// Reads a response: the outcome first, because a refusal has none of the other fields.
pub(super) fn parse<T: DeserializeOwned>(status: StatusCode, body: &[u8]) -> Result<T, RestError> {
    if status != StatusCode::OK {
        return Err(RestError::status(status));
    }
    // A derived struct would also read itself from an array, field by field.
    if body.trim_ascii_start().starts_with(b"[") {
        return Err(RestError::malformed(&"expected an object, found an array"));
    }
    let outcome: Outcome = serde_json::from_slice(body).map_err(|error| RestError::malformed(&error))?;
    outcome.check()?;
    serde_json::from_slice(body).map_err(|error| RestError::malformed(&error))
}

/// The error of a request that the vendor's limits do not allow.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}: expected 1 to {max}, found {found}")]
pub struct LimitExceeded {
    what: &'static str,
    max: usize,
    found: usize,
}

impl LimitExceeded {
    pub(super) fn check(what: &'static str, found: usize, max: usize) -> Result<(), Self> {
        if (1..=max).contains(&found) {
            return Ok(());
        }
        Err(Self { what, max, found })
    }
}

/// Which fields of each member to ask for; the account always comes.
pub(super) const MEMBER_INFO_FILTER: [&str; 3] = ["Role", "JoinTime", "LastSendMsgTime"];
