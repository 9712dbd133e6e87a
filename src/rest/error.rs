use std::time::Duration;

use http::StatusCode;
use serde::{Deserialize, Serialize};

/// Why a call failed.
///
/// Keeps the vendor's code and text, and answers what a caller asks. It never shows a URL, because
/// that holds the credential. It serialises, because a [`MakeRoom`](super::MakeRoom) that failed
/// does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error(transparent)]
#[serde(transparent)]
pub struct RestError(Repr);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
enum Repr {
    #[error("no response")]
    NoResponse,
    #[error("expected HTTP status 200, found {0}")]
    Status(u16),
    #[error("expected the vendor's JSON, found something else: {0}")]
    Malformed(String),
    #[error("the vendor answered {code}: {info}")]
    Vendor { code: i32, info: String },
    #[error("members of an AVChatRoom cannot be removed")]
    AvChatRoom,
    #[error("the answers came too slowly to act on them")]
    TooSlow,
}

/// What kind of failure a [`RestError`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RestErrorKind {
    /// The HTTP client reported no response: what the call did is not known.
    NoResponse,
    /// An HTTP status other than 200: not from the vendor's API, which answers 200 to everything.
    Status,
    /// Not the JSON that the vendor documents.
    Malformed,
    /// Too many calls: the vendor's codes 10006 and 60020.
    RateLimited,
    /// The vendor's server failed: 10002.
    Server,
    /// The `UserSig` has expired: 70001.
    CredentialExpired,
    /// The `UserSig` is not valid for this app and admin: 70003, 70009, 70013, 70020.
    CredentialInvalid,
    /// The account may not do this: 10007.
    NotPermitted,
    /// A parameter is not allowed: 10004.
    InvalidParameter,
    /// An `AVChatRoom`, which is never full and has no list of members.
    GroupType,
    /// The group does not exist (any more): 10010, 10015.
    GroupGone,
    /// A [`MakeRoom`](super::MakeRoom) could not read the chosen and remove them while what it had
    /// read was fresh.
    TooSlow,
    /// A code of the vendor's without a name here; see [`RestError::code`].
    Other,
}

impl RestError {
    pub(super) fn no_response() -> Self {
        Self(Repr::NoResponse)
    }

    pub(super) fn status(status: StatusCode) -> Self {
        Self(Repr::Status(status.as_u16()))
    }

    pub(super) fn malformed(found: &impl ToString) -> Self {
        Self(Repr::Malformed(excerpt(&found.to_string())))
    }

    pub(super) fn vendor(code: i32, info: &str) -> Self {
        let info = excerpt(info);
        Self(Repr::Vendor { code, info })
    }

    pub(super) fn av_chat_room() -> Self {
        Self(Repr::AvChatRoom)
    }

    pub(super) fn too_slow() -> Self {
        Self(Repr::TooSlow)
    }

    /// What kind of failure it is.
    pub fn kind(&self) -> RestErrorKind {
        match &self.0 {
            Repr::NoResponse => RestErrorKind::NoResponse,
            Repr::Status(429) => RestErrorKind::RateLimited,
            Repr::Status(_) => RestErrorKind::Status,
            Repr::Malformed(_) => RestErrorKind::Malformed,
            Repr::AvChatRoom => RestErrorKind::GroupType,
            Repr::TooSlow => RestErrorKind::TooSlow,
            Repr::Vendor { code, .. } => match code {
                10002 => RestErrorKind::Server,
                10004 => RestErrorKind::InvalidParameter,
                10006 | 60020 => RestErrorKind::RateLimited,
                10007 => RestErrorKind::NotPermitted,
                10010 | 10015 => RestErrorKind::GroupGone,
                70001 => RestErrorKind::CredentialExpired,
                70003 | 70009 | 70013 | 70020 => RestErrorKind::CredentialInvalid,
                _ => RestErrorKind::Other,
            },
        }
    }

    /// The vendor's `ErrorCode`, if it was the vendor who refused.
    pub fn code(&self) -> Option<i32> {
        match self.0 {
            Repr::Vendor { code, .. } => Some(code),
            _ => None,
        }
    }

    /// The vendor's `ErrorInfo`, at most its first 256 bytes; a text for people, which changes
    /// without notice.
    pub fn info(&self) -> Option<&str> {
        match &self.0 {
            Repr::Vendor { info, .. } => Some(info),
            _ => None,
        }
    }

    /// How long to wait before the same call, built anew, is worth sending; `None` if it would fail
    /// again.
    ///
    /// Zero after an expired credential: a new request has a new one. Else one second, because the
    /// vendor counts calls by the second; after further failures in a row, wait longer.
    pub fn retry_after(&self) -> Option<Duration> {
        let retryable = match self.kind() {
            RestErrorKind::CredentialExpired => return Some(Duration::ZERO),
            RestErrorKind::NoResponse
            | RestErrorKind::Malformed
            | RestErrorKind::RateLimited
            | RestErrorKind::Server => true,
            RestErrorKind::Status => matches!(self.0, Repr::Status(408 | 500..=599)),
            _ => false,
        };
        retryable.then_some(Duration::from_secs(1))
    }

    /// Whether the same call, built anew, is worth sending, after
    /// [`retry_after`](Self::retry_after).
    pub fn is_retryable(&self) -> bool {
        self.retry_after().is_some()
    }

    /// Whether the credential has expired: the request waited too long, or this clock or the
    /// vendor's is wrong.
    pub fn is_credential_expired(&self) -> bool {
        self.kind() == RestErrorKind::CredentialExpired
    }

    /// Whether the type of the group does not allow the call.
    ///
    /// The vendor says so with 10004, "invalid parameter", which also stands for an ID that it does
    /// not like.
    pub fn is_group_type_unsupported(&self) -> bool {
        let kind = self.kind();
        kind == RestErrorKind::GroupType || kind == RestErrorKind::InvalidParameter
    }

    /// Whether the group does not exist (any more).
    pub fn is_group_gone(&self) -> bool {
        self.kind() == RestErrorKind::GroupGone
    }

    /// Whether the call may have been carried out in spite of the failure.
    pub(super) fn may_have_been_done(&self) -> bool {
        self.code().is_none() || self.kind() == RestErrorKind::Server
    }
}

/// At most 256 bytes of a text from outside, and nothing of a URL that a gateway quotes in it.
fn excerpt(text: &str) -> String {
    const MAX_LEN: usize = 256;
    let text = text.split("usersig=").next().unwrap_or_default();
    let mut end = text.len().min(MAX_LEN);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].to_owned()
}
