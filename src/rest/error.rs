use std::time::Duration;

use http::StatusCode;
use serde::{Deserialize, Serialize};

use super::RestErrorKind;

/// Why a call or a [`MakeRoom`](super::MakeRoom) failed.
///
/// Keeps the vendor's code and text, but not the credential of a URL: in a text from outside, every run
/// of 32 or more characters that could belong to a [`UserSig`](super::UserSig) becomes `[removed]`, and
/// so does a long ID, such as a UUID. It serialises, because a run that failed does.
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
    #[error("the group takes more calls than a run may send, which are {0}")]
    TooManyCalls(u32),
    #[error("nobody can be shown to be silent: {0}")]
    SilenceUnproven(Unproven),
    #[error("nobody can be shown not to read: {0}, which `InactivityPolicy::spare_readers` needs")]
    ReadersUnknown(Unread),
}

/// Why `LastSendMsgTime` is not taken at its word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub(super) enum Unproven {
    #[error(
        "the vendor may not keep `LastSendMsgTime` in this type of group; \
         if you know that it does for yours, set `InactivityPolicy::trust_silence`"
    )]
    GroupType,
    #[error("the group has no `LastMsgTime`; to do without, set `InactivityPolicy::trust_silence`")]
    NoLastMessage,
    #[error(
        "the group has had messages lately, and none of its members sent one; \
         if that is right, set `InactivityPolicy::trust_silence`"
    )]
    NobodySpoke,
    #[error("the times of the members are all alike, so they tell nobody from anybody")]
    AllAlike,
}

/// What is missing to tell who reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub(super) enum Unread {
    #[error("the group has no `NextMsgSeq`")]
    Group,
    #[error("no member has a `MsgSeq`")]
    Members,
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

    pub(super) fn too_many_calls(allowed: u32) -> Self {
        Self(Repr::TooManyCalls(allowed))
    }

    pub(super) fn silence_unproven(why: Unproven) -> Self {
        Self(Repr::SilenceUnproven(why))
    }

    pub(super) fn readers_unknown(why: Unread) -> Self {
        Self(Repr::ReadersUnknown(why))
    }

    /// Returns what kind of failure it is.
    pub fn kind(&self) -> RestErrorKind {
        match &self.0 {
            Repr::NoResponse => RestErrorKind::NoResponse,
            Repr::Status(429) => RestErrorKind::RateLimited,
            Repr::Status(_) => RestErrorKind::Status,
            Repr::Malformed(_) => RestErrorKind::Malformed,
            Repr::AvChatRoom => RestErrorKind::GroupType,
            Repr::TooSlow => RestErrorKind::TooSlow,
            Repr::TooManyCalls(_) => RestErrorKind::TooManyCalls,
            Repr::SilenceUnproven(_) => RestErrorKind::SilenceUnproven,
            Repr::ReadersUnknown(_) => RestErrorKind::ReadersUnknown,
            Repr::Vendor { code, .. } => RestErrorKind::of_code(*code),
        }
    }

    /// Returns the vendor's `ErrorCode`, if it was the vendor who refused.
    pub fn code(&self) -> Option<i32> {
        match self.0 {
            Repr::Vendor { code, .. } => Some(code),
            _ => None,
        }
    }

    /// Returns the vendor's `ErrorInfo`, at most 256 bytes of it. It is a text for people, and
    /// changes without notice.
    pub fn info(&self) -> Option<&str> {
        match &self.0 {
            Repr::Vendor { info, .. } => Some(info),
            _ => None,
        }
    }

    /// Returns how long to wait before you build the call again and send it; `None` if that is not
    /// expected to help.
    ///
    /// Zero after an expired credential, because a new request has a new one. A minute after 70050,
    /// which says that a wrong credential was tried too often. Otherwise one second, because the
    /// vendor counts calls by the second. After further failures in a row, wait longer.
    pub fn retry_after(&self) -> Option<Duration> {
        const SECOND: Duration = Duration::from_secs(1);
        match self.kind() {
            RestErrorKind::CredentialExpired => Some(Duration::ZERO),
            RestErrorKind::NoResponse
            | RestErrorKind::Malformed
            | RestErrorKind::RateLimited
            | RestErrorKind::Server => Some(SECOND),
            RestErrorKind::Status if matches!(self.0, Repr::Status(408 | 500..=599)) => Some(SECOND),
            _ if self.code() == Some(70050) => Some(SECOND * 60),
            _ => None,
        }
    }

    /// Whether the call may have been carried out in spite of the failure: only a refusal of the
    /// vendor's own says that it was not, and not every refusal does.
    pub(super) fn may_have_been_done(&self) -> bool {
        self.code().is_none() || self.kind() == RestErrorKind::Server
    }
}

/// At most 256 bytes of a text from outside, without what could be a credential.
///
/// A gateway quotes URLs in many spellings (`usersig=`, `UserSig%3D`, `"usersig":"`). So it is not
/// the name that is looked for but the value: hundreds of characters of one alphabet.
fn excerpt(text: &str) -> String {
    const MAX_LEN: usize = 256;
    const MAX_RUN: usize = 31;
    let mut kept = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if kept.len() > MAX_LEN {
            break;
        }
        let end = rest.find(|c| !could_be_user_sig(c)).unwrap_or(rest.len());
        let (run, after) = rest.split_at(if end > 0 { end } else { first.len_utf8() });
        kept.push_str(if end > MAX_RUN { "[removed]" } else { run });
        rest = after;
    }
    let mut end = kept.len().min(MAX_LEN);
    while !kept.is_char_boundary(end) {
        end -= 1;
    }
    kept.truncate(end);
    kept
}

/// `%`, because a URL within a URL has `*` as `%2A`.
fn could_be_user_sig(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '*' | '-' | '_' | '%')
}
