use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// Turns 0 into 1, because 0 means success.
pub(crate) const fn fail_code(code: i32) -> i32 {
    if code == 0 { 1 } else { code }
}

/// The JSON of an envelope whose parts need no escaping.
macro_rules! envelope {
    ($status:literal, $info:literal, $code:literal) => {
        concat!(r#"{"ActionStatus":""#, $status, r#"","ErrorInfo":""#, $info, r#"","ErrorCode":"#, $code, "}")
    };
}

pub(crate) use envelope;

/// The envelope that answers every callback; see "Webhook Overview" in the vendor's documentation.
///
/// Deserialising checks nothing more: the answer of another backend may say `OK` with a code other than 0.
///
/// ```
/// use im_group_full::CallbackResponse;
///
/// assert_eq!(
///     CallbackResponse::ok().to_json().as_ref(),
///     br#"{"ActionStatus":"OK","ErrorInfo":"","ErrorCode":0}"#,
/// );
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CallbackResponse<'a> {
    #[serde(rename = "ActionStatus")]
    action_status: ActionStatus,
    #[serde(rename = "ErrorInfo")]
    error_info: Cow<'a, str>,
    #[serde(rename = "ErrorCode")]
    error_code: i32,
}

impl<'a> CallbackResponse<'a> {
    /// `OK`, with no info and code 0.
    pub const fn ok() -> Self {
        Self { action_status: ActionStatus::Ok, error_info: Cow::Borrowed(""), error_code: 0 }
    }

    /// `FAIL`, with a code and a text that the caller may read. 0 becomes 1, because 0 means success.
    ///
    /// For a command named `...Before...` the code decides what the end user gets: 1 refuses, and only
    /// codes from 10100 to 10200 reach the client together with the text.
    pub fn fail(code: i32, info: impl Into<Cow<'a, str>>) -> Self {
        Self { action_status: ActionStatus::Fail, error_info: info.into(), error_code: fail_code(code) }
    }

    /// Returns `ActionStatus`.
    pub fn action_status(&self) -> ActionStatus {
        self.action_status
    }

    /// Returns `ErrorInfo`.
    pub fn error_info(&self) -> &str {
        &self.error_info
    }

    /// Returns `ErrorCode`; 0 for success.
    pub fn error_code(&self) -> i32 {
        self.error_code
    }

    /// Writes the envelope as JSON; a static slice for [`ok`](Self::ok).
    #[inline]
    pub fn to_json(&self) -> Cow<'static, [u8]> {
        if *self == Self::ok() {
            return Cow::Borrowed(envelope!("OK", "", "0").as_bytes());
        }
        // Serialising two strings and a number cannot fail, and a panic would take the app down.
        Cow::Owned(serde_json::to_vec(self).unwrap_or_default())
    }
}

/// Whether a callback was handled (`ActionStatus`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum ActionStatus {
    /// `OK`.
    #[serde(rename = "OK")]
    Ok,
    /// `FAIL`.
    #[serde(rename = "FAIL")]
    Fail,
}
