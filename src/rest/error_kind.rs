/// What kind of failure a [`RestError`](super::RestError) is, by what you can do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RestErrorKind {
    /// The HTTP client reported no response: what the call did is not known.
    NoResponse,
    /// An HTTP status other than 200 and 429. It does not come from the vendor's API, which answers 200
    /// to everything. What the call did is not known.
    Status,
    /// Not the JSON that the vendor documents. What the call did is not known.
    Malformed,
    /// Too many calls: slow down. The vendor's codes 10006, 60007, 60011, 60018 and 60019, and the
    /// HTTP status 429.
    RateLimited,
    /// The vendor's servers failed, or were too slow for each other: 10002, 60008, 60013, 60014 and
    /// 91000. The call may have been carried out.
    Server,
    /// The `UserSig` has expired: 70001. The request waited too long, or a clock is wrong.
    CredentialExpired,
    /// The `UserSig` is not valid for this app and admin: 10008, 60004, 60005, 60006, 70003, 70009, 70013,
    /// 70014, 70016, 70020, 70050, 70051 and 70107.
    CredentialInvalid,
    /// The account or the app may not do this: 10007, 60010, 60016, 60017, 60020 (the package has
    /// expired) and 60021 (the address of the caller is not on the list).
    NotPermitted,
    /// The vendor does not take the request: 10003, 10004, 10005, 10011, 10012, 10014, 10018, 10019, 10026,
    /// 10038, 60002, 60003, 60009, 60012 and 60015. 10004 also stands for a group ID that it does not like, and for a type of
    /// group that does not allow the call.
    InvalidRequest,
    /// An `AVChatRoom`, which is never full and has no list of members.
    GroupType,
    /// The group does not exist, or no longer: 10010 and 10015.
    GroupGone,
    /// A [`MakeRoom`](super::MakeRoom) could not read the candidates and remove them while what it
    /// had read was fresh, or what it read changed each time.
    TooSlow,
    /// A [`MakeRoom`](super::MakeRoom) has sent [`MAX_CALLS`](super::MakeRoom::MAX_CALLS), or would
    /// have to send more.
    TooManyCalls,
    /// What the vendor tells of this group does not show that anybody is silent; see
    /// [`InactivityPolicy::trust_silence`](super::InactivityPolicy::trust_silence).
    SilenceUnproven,
    /// The policy spares readers, and the vendor does not tell who reads; see
    /// [`InactivityPolicy::spare_readers`](super::InactivityPolicy::spare_readers).
    ReadersUnknown,
    /// The group has more members than its limit, and the policy's share does not cover the excess; see
    /// [`InactivityPolicy::max_removed_percent`](super::InactivityPolicy::max_removed_percent). Nobody was
    /// removed.
    OverLimit,
    /// The vendor took a new limit for the group, and the old one still holds, or holds again. Nobody was
    /// removed since.
    LimitUnchanged,
    /// A code of the vendor's without a name here; see [`RestError::code`](super::RestError::code).
    Other,
}

impl RestErrorKind {
    /// By the vendor's documents 269/1671 and 679/131708.
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
