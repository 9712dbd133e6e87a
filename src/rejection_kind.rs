use std::fmt;

/// The kinds of [`Rejection`](crate::Rejection).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RejectionKind {
    /// The query is longer than [`Validator::query_limit`](crate::Validator::query_limit). Status
    /// 414.
    QueryTooLong,
    /// The body is longer than [`Validator::body_limit`](crate::Validator::body_limit). Status 413.
    BodyTooLarge,
    /// The connection broke off inside the body. Status 400.
    IncompleteBody,
    /// A required query parameter is missing. Status 400.
    MissingParameter,
    /// A strict parameter is given more than once: `SdkAppid`, `CallbackCommand`, `contenttype`, and
    /// once a token is set `Sign` and `RequestTime`. Status 400.
    DuplicateParameter,
    /// `SdkAppid`, `CallbackCommand` or `contenttype` is malformed. Status 400.
    InvalidParameter,
    /// `contenttype` is given and is not `json`. Status 415.
    UnsupportedContentType,
    /// `SdkAppid` is not an app of this server. Status 403.
    SdkAppIdMismatch,
    /// A token is set, and `Sign` or `RequestTime` is missing. Status 403.
    MissingSignature,
    /// `Sign` does not match the token and `RequestTime`, or one of the two is malformed: `Sign` is not
    /// 64 lower-case hex digits, or `RequestTime` is not decimal digits that fit 64 bits. Status 403.
    InvalidSignature,
    /// The signature is right, and `RequestTime` is too far from the clock. Status 403.
    StaleSignature,
    /// A genuine callback of another command, answered `OK`. Status 200. Only
    /// [`Validator::validate`](crate::Validator::validate) and
    /// [`CheckedQuery::group_full`](crate::CheckedQuery::group_full) return it; a
    /// [`Reply`](crate::Reply) has no rejection in that case.
    OtherCommand,
    /// The body is not what the vendor sends. Status 400.
    MalformedBody,
    /// The body's `CallbackCommand` is not the query's. Status 400.
    CommandMismatch,
    /// The request is not a `POST`. Status 405.
    MethodNotAllowed,
}

impl RejectionKind {
    /// Returns the kind in snake case, such as `stale_signature`, for the label of a metric.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::QueryTooLong => "query_too_long",
            Self::BodyTooLarge => "body_too_large",
            Self::IncompleteBody => "incomplete_body",
            Self::MissingParameter => "missing_parameter",
            Self::DuplicateParameter => "duplicate_parameter",
            Self::InvalidParameter => "invalid_parameter",
            Self::UnsupportedContentType => "unsupported_content_type",
            Self::SdkAppIdMismatch => "sdk_app_id_mismatch",
            Self::MissingSignature => "missing_signature",
            Self::InvalidSignature => "invalid_signature",
            Self::StaleSignature => "stale_signature",
            Self::OtherCommand => "other_command",
            Self::MalformedBody => "malformed_body",
            Self::CommandMismatch => "command_mismatch",
            Self::MethodNotAllowed => "method_not_allowed",
        }
    }
}

impl fmt::Display for RejectionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
