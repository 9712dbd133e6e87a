use crate::labelled;

labelled! {
    /// The kinds of [`Rejection`](crate::Rejection).
    pub enum RejectionKind {
        /// The query is longer than [`Validator::query_limit`](crate::Validator::query_limit). Status 414.
        QueryTooLong = "query_too_long",
        /// The body is longer than [`Validator::body_limit`](crate::Validator::body_limit). Status 413.
        BodyTooLarge = "body_too_large",
        /// The connection broke off inside the body. Status 400.
        IncompleteBody = "incomplete_body",
        /// A required query parameter is missing. Status 400.
        MissingParameter = "missing_parameter",
        /// A strict parameter is given more than once: `SdkAppid`, `CallbackCommand`, `contenttype`, and
        /// once a token is set `Sign` and `RequestTime`. Status 400.
        DuplicateParameter = "duplicate_parameter",
        /// `SdkAppid`, `CallbackCommand` or `contenttype` is malformed. Status 400.
        InvalidParameter = "invalid_parameter",
        /// `contenttype` is given and is not `json`. Status 415.
        UnsupportedContentType = "unsupported_content_type",
        /// `SdkAppid` is not an app of this server. Status 403.
        SdkAppIdMismatch = "sdk_app_id_mismatch",
        /// A token is set, and `Sign` or `RequestTime` is missing. Status 403.
        MissingSignature = "missing_signature",
        /// `Sign` does not match the token and `RequestTime`, or one of the two is malformed: `Sign` is not
        /// 64 lower-case hex digits, or `RequestTime` is not decimal digits that fit 64 bits. Status 403.
        InvalidSignature = "invalid_signature",
        /// The signature is right, and `RequestTime` is too far from the clock. Status 403.
        StaleSignature = "stale_signature",
        /// A genuine callback of another command, answered `OK`. Status 200. Only
        /// [`Validator::validate`](crate::Validator::validate) and
        /// [`CheckedQuery::group_full`](crate::CheckedQuery::group_full) return it; a
        /// [`Reply`](crate::Reply) has no rejection in that case.
        OtherCommand = "other_command",
        /// The body is not what the vendor sends. Status 400.
        MalformedBody = "malformed_body",
        /// The body's `CallbackCommand` is not the query's. Status 400.
        CommandMismatch = "command_mismatch",
        /// The request is not a `POST`. Status 405.
        MethodNotAllowed = "method_not_allowed",
    }
    /// Returns the kind in snake case, such as `stale_signature`, for the label of a metric.
    as_str
}
