use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::RestErrorKind;
use crate::excerpt::hide_runs;
use crate::{SdkAppId, debug_as_display};

/// Why a call or a [`MakeRoom`](super::MakeRoom) failed.
///
/// Keeps the vendor's code and text, but not the credential of a URL: in a text from outside, every run
/// of 32 or more characters that could belong to a [`UserSig`](super::UserSig) becomes `[removed]`, and
/// so does a long ID, such as a UUID. It serialises, because a run that failed does.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error(transparent)]
#[serde(transparent)]
pub struct RestError(pub(super) Repr);

debug_as_display!(RestError);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub(super) enum Repr {
    #[error("no response")]
    NoResponse,
    #[error("expected HTTP status 200, found {0}")]
    Status(u16),
    #[error("unexpected response: {0}")]
    Malformed(String),
    #[error("the vendor answered {code}: {info}")]
    Vendor { code: i32, info: String },
    #[error("members of an AVChatRoom cannot be removed")]
    AvChatRoom,
    #[error(
        "the vendor did not say who is online, but answered {code}: {info}; \
         to go on without it, set `InactivityPolicy::ignore_online_status`"
    )]
    PresenceRefused { code: i32, info: String },
    #[error(
        "the vendor refused a limit of {wanted} members with 10038: {info}; \
         `InactivityPolicy::raise_limit_to` is above what the app's package allows"
    )]
    RaisedTooHigh { wanted: u32, info: String },
    #[error("responses arrived too late to act on")]
    TooSlow,
    #[error("the group needs more than the {0} calls a run may send")]
    TooManyCalls(u32),
    #[error("cannot tell who is inactive: {0}")]
    SilenceUnproven(Unproven),
    #[error("cannot tell who reads: {0}, which `InactivityPolicy::spare_readers` needs")]
    ReadersUnknown(Unread),
    #[error(
        "the group has {members} members and a limit of {limit}, and the policy removes {most} at most: \
         raise the limit, or `InactivityPolicy::max_removed_percent`"
    )]
    OverLimit { members: u32, limit: u32, most: u32 },
    #[error("the vendor accepted a limit of {wanted} members, but the limit is {limit}")]
    LimitUnchanged { wanted: u32, limit: u32 },
    #[error("the run is for the app {run}, and the `RestApi` for the app {api}")]
    AppMismatch { run: SdkAppId, api: SdkAppId },
}

/// Why `LastSendMsgTime` cannot be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub(super) enum Unproven {
    #[error(
        "the vendor may not keep `LastSendMsgTime` in this type of group; \
         if you know that it does for yours, set `InactivityPolicy::trust_silence`"
    )]
    GroupType,
    #[error("the group has no `LastMsgTime`; to rely on silence all the same, set `InactivityPolicy::trust_silence`")]
    NoLastMessage,
    #[error(
        "the group has recent messages, but none from its members; \
         if that is expected, set `InactivityPolicy::trust_silence`"
    )]
    NobodySpoke,
    #[error(
        "the members of a page, as far as their times are clear, all joined at the same second, \
         or all have their join time as the time of their last message, so their times prove nothing"
    )]
    AllAlike,
    #[error(
        "the group is or was muted within the time that the policy looks back; \
         to judge by what members read, set `InactivityPolicy::spare_readers`"
    )]
    Muted,
    #[error("messages have been recorded for less time than the policy looks back")]
    NotRecorded,
}

/// What is missing to know who reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub(super) enum Unread {
    #[error("the group has no `NextMsgSeq`")]
    Group,
    #[error("no member has a `MsgSeq`")]
    Members,
}

impl RestError {
    pub(super) fn malformed(found: &impl ToString) -> Self {
        Self(Repr::Malformed(excerpt(&found.to_string())))
    }

    pub(super) fn vendor(code: i32, info: &str) -> Self {
        Self(Repr::Vendor { code, info: excerpt(info) })
    }

    /// Adds the way out if the vendor refused a call that the policy does not need.
    pub(super) fn of_presence(self) -> Self {
        match self.0 {
            Repr::Vendor { code, info } => Self(Repr::PresenceRefused { code, info }),
            _ => self,
        }
    }

    pub(super) fn of_raise(self, wanted: u32) -> Self {
        match self.0 {
            Repr::Vendor { code: 10038, info } => Self(Repr::RaisedTooHigh { wanted, info }),
            _ => self,
        }
    }

    /// Returns what kind of failure this is.
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
            Repr::OverLimit { .. } => RestErrorKind::OverLimit,
            Repr::LimitUnchanged { .. } => RestErrorKind::LimitUnchanged,
            Repr::AppMismatch { .. } => RestErrorKind::AppMismatch,
            Repr::RaisedTooHigh { .. } => RestErrorKind::InvalidRequest,
            Repr::Vendor { code, .. } | Repr::PresenceRefused { code, .. } => RestErrorKind::of_code(*code),
        }
    }

    /// Returns the vendor's `ErrorCode`, if the vendor refused the call.
    pub fn code(&self) -> Option<i32> {
        match self.0 {
            Repr::Vendor { code, .. } | Repr::PresenceRefused { code, .. } => Some(code),
            Repr::RaisedTooHigh { .. } => Some(10038),
            _ => None,
        }
    }

    /// Returns the vendor's `ErrorInfo`, at most 256 bytes of it. It is for people to read, and changes without notice.
    pub fn info(&self) -> Option<&str> {
        match &self.0 {
            Repr::Vendor { info, .. } | Repr::PresenceRefused { info, .. } | Repr::RaisedTooHigh { info, .. } => {
                Some(info)
            }
            _ => None,
        }
    }

    /// Returns how long to wait before you build the call again and send it; `None` if that is not expected to help.
    ///
    /// Zero after an expired credential, because a new request has a new one. A minute after 70050: a wrong
    /// credential was tried too often. Otherwise one second, because the vendor counts calls by the
    /// second. After further failures in a row, wait longer.
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

    /// Returns whether the call may have been carried out despite the failure: only some of the vendor's
    /// refusals rule that out.
    pub(super) fn may_have_been_done(&self) -> bool {
        self.code().is_none() || self.kind() == RestErrorKind::Server
    }
}

/// Returns at most 256 bytes of a text from outside, without anything that could be a credential.
///
/// Gateways quote URLs in many spellings (`usersig=`, `UserSig%3D`, `"usersig":"`). So it looks for the value, hundreds
/// of characters of one alphabet, and not for the name. `%` is in it: a URL within a URL encodes `*` as `%2A`.
fn excerpt(text: &str) -> String {
    let in_user_sig = |c: char| c.is_ascii_alphanumeric() || matches!(c, '*' | '-' | '_' | '%');
    let mut kept = hide_runs(text, in_user_sig, 31, "[removed]");
    let end = (0..=256).rev().find(|end| kept.is_char_boundary(*end));
    kept.truncate(end.unwrap_or_default());
    kept
}
