use std::fmt::Display;

use crate::excerpt::{excerpt, excerpt_of};
use crate::{GROUP_FULL_COMMAND, SdkAppId};

// An eight-byte tag is copied as one word together with the data after it, which also speeds up valid callbacks.
#[repr(u64)]
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Repr {
    #[error("query: expected at most {limit} bytes, found {found}")]
    QueryTooLong { found: usize, limit: usize },
    #[error("body: longer than the limit")]
    BodyTooLarge,
    #[error("body: ended before it was complete")]
    IncompleteBody,
    #[error("parameter `{0}`: missing")]
    MissingParameter(&'static str),
    #[error("parameter `{0}`: given twice")]
    DuplicateParameter(&'static str),
    #[error("parameter `{name}`: expected {expected}, found {found:?}")]
    InvalidParameter { name: &'static str, expected: &'static str, found: Box<str> },
    #[error("parameter `contenttype`: expected json, found {0:?}")]
    UnsupportedContentType(Box<str>),
    #[error("parameter `SdkAppid`: expected {expected}, found {found}")]
    SdkAppIdMismatch { expected: SdkAppId, found: SdkAppId },
    #[error("parameter `SdkAppid`: expected an app of this server, found {0}")]
    UnknownApp(SdkAppId),
    #[cfg_attr(not(feature = "signature"), expect(dead_code))]
    #[error("parameter `{0}`: missing, and a token is set")]
    MissingSignature(&'static str),
    #[cfg_attr(not(feature = "signature"), expect(dead_code))]
    #[error("signature: wrong")]
    InvalidSignature,
    #[cfg_attr(not(feature = "signature"), expect(dead_code))]
    #[error("signature: stale, `RequestTime` is {} s {} the clock, at most {tolerance} s are tolerated",
        .seconds, if *.ahead { "ahead of" } else { "behind" })]
    StaleSignature { seconds: u64, ahead: bool, tolerance: u64 },
    #[error("command {:?}: not {GROUP_FULL_COMMAND}", excerpt(.0))]
    OtherCommand(Box<str>),
    #[error("the body is empty")]
    EmptyBody,
    #[error("body: {0}")]
    MalformedBody(Box<str>),
    #[error("body: field `CallbackCommand`: expected {GROUP_FULL_COMMAND}, found {0:?}")]
    CommandMismatch(Box<str>),
    #[error("method: expected POST")]
    MethodNotAllowed,
}

impl Repr {
    #[cold]
    pub(crate) fn invalid(name: &'static str, expected: &'static str, found: &str) -> Self {
        Self::InvalidParameter { name, expected, found: excerpt(found).into() }
    }

    #[cold]
    pub(crate) fn command_mismatch(found: &str) -> Self {
        Self::CommandMismatch(excerpt(found).into())
    }

    pub(crate) fn empty_command() -> Self {
        Self::invalid("CallbackCommand", "a command", "")
    }

    #[cold]
    pub(crate) fn malformed_body(reason: impl Display) -> Self {
        Self::MalformedBody(excerpt_of(&reason.to_string(), 256).into())
    }
}
