use crate::labelled;

labelled! {
    /// The kinds of [`RestError`](super::RestError), grouped by what you can do about them.
    pub enum RestErrorKind {
        /// The HTTP client reported no response. Whether the call was carried out is unknown.
        NoResponse = "no_response",
        /// An HTTP status other than 200 and 429. It does not come from the vendor's API, which always answers
        /// 200. Whether the call was carried out is unknown.
        Status = "status",
        /// The response is not the JSON that the vendor documents. Whether the call was carried out is unknown.
        Malformed = "malformed",
        /// Too many calls: slow down. The vendor's codes 10006, 60007, 60011, 60018 and 60019, and the HTTP status 429.
        RateLimited = "rate_limited",
        /// The vendor's servers failed, or timed out among themselves: 10002, 60008, 60013, 60014 and
        /// 91000. The call may have been carried out.
        Server = "server",
        /// The `UserSig` has expired: 70001. The request waited too long, or a clock is wrong.
        CredentialExpired = "credential_expired",
        /// The `UserSig` is not valid for this app and admin: 10008, 60004, 60005, 60006, 70003, 70009, 70013,
        /// 70014, 70016, 70020, 70050, 70051 and 70107.
        CredentialInvalid = "credential_invalid",
        /// The account or the app may not do this: 10007, 60010, 60016, 60017, 60020 (the package has
        /// expired) and 60021 (the address of the caller is not on the list).
        NotPermitted = "not_permitted",
        /// The vendor rejects the request: 10003, 10004, 10005, 10011, 10012, 10014, 10018, 10019, 10026,
        /// 10038, 60002, 60003, 60009, 60012 and 60015. 10004 also stands for an invalid group ID, and for a type
        /// of group that does not allow the call.
        InvalidRequest = "invalid_request",
        /// The group is an `AVChatRoom`, which is never full and has no list of members.
        GroupType = "group_type",
        /// The group does not exist or no longer exists: 10010 and 10015.
        GroupGone = "group_gone",
        /// A [`MakeRoom`](super::MakeRoom) could not remove the candidates while its data was fresh, or the data
        /// kept changing.
        TooSlow = "too_slow",
        /// A [`MakeRoom`](super::MakeRoom) has sent [`MAX_CALLS`](super::MakeRoom::MAX_CALLS), or would
        /// have to send more.
        TooManyCalls = "too_many_calls",
        /// The vendor's data does not show who in this group is inactive; see
        /// [`InactivityPolicy::trust_silence`](super::InactivityPolicy::trust_silence).
        SilenceUnproven = "silence_unproven",
        /// The policy spares readers, and the vendor does not say who reads; see
        /// [`InactivityPolicy::spare_readers`](super::InactivityPolicy::spare_readers).
        ReadersUnknown = "readers_unknown",
        /// The group has more members than its limit, and the policy's share does not cover the excess; see
        /// [`InactivityPolicy::max_removed_percent`](super::InactivityPolicy::max_removed_percent). Nobody was removed.
        OverLimit = "over_limit",
        /// The vendor accepted a new limit for the group, but the old one still applies, or applies again. Nobody
        /// has been removed since.
        LimitUnchanged = "limit_unchanged",
        /// A [`MakeRoom`](super::MakeRoom) is for one app, and the [`RestApi`](super::RestApi) of this step for
        /// another. The step sent nothing.
        AppMismatch = "app_mismatch",
        /// Any other code of the vendor; see [`RestError::code`](super::RestError::code).
        Other = "other",
    }
    /// Returns the kind in snake case, such as `rate_limited`, for the label of a metric.
    as_str
}

impl RestErrorKind {
    /// From the vendor's documents 269/1671 and 679/131708.
    pub(super) fn of_code(code: i32) -> Self {
        match code {
            10002 | 60008 | 60013 | 60014 | 91000 => Self::Server,
            10003 | 10004 | 10005 | 10011 | 10012 | 10014 | 10018 | 10019 | 10026 | 10038 | 60002 | 60003 | 60009
            | 60012 | 60015 => Self::InvalidRequest,
            10006 | 60007 | 60011 | 60018 | 60019 => Self::RateLimited,
            10007 | 60010 | 60016 | 60017 | 60020 | 60021 => Self::NotPermitted,
            10010 | 10015 => Self::GroupGone,
            70001 => Self::CredentialExpired,
            10008 | 60004 | 60005 | 60006 | 70003 | 70009 | 70013 | 70014 | 70016 | 70020 | 70050 | 70051 | 70107 => {
                Self::CredentialInvalid
            }
            _ => Self::Other,
        }
    }
}
