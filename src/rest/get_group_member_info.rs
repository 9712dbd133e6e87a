use std::time::SystemTime;

use http::{Request, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::wire::{self, MEMBER_INFO_FILTER};
use super::{LimitExceeded, Member, RestApi, RestError};

/// Reads one page of a group's members: `get_group_member_info` (the vendor's document 34948).
///
/// A Community is read page after page by [`next`](Self::next); every other group by
/// [`offset`](Self::offset). Not for an `AVChatRoom`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct GetGroupMemberInfo {
    pub(super) group_id: String,
    pub(super) limit: u32,
    pub(super) position: Position,
}

/// Where a page begins.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) enum Position {
    Offset(u32),
    Next(String),
}

impl GetGroupMemberInfo {
    /// The most members that a page can have.
    pub const MAX_LIMIT: u32 = 200;

    /// Reads the first page of a group that is not a Community, with as many members as a page can
    /// have.
    pub fn new(group_id: impl Into<String>) -> Self {
        Self { group_id: group_id.into(), limit: Self::MAX_LIMIT, position: Position::Offset(0) }
    }

    /// Sets how many members the page shall have; 200 unless set.
    ///
    /// # Errors
    ///
    /// A limit of 0 or above 200, which the vendor refuses.
    pub fn limit(mut self, limit: u32) -> Result<Self, LimitExceeded> {
        let found = usize::try_from(limit).unwrap_or(usize::MAX);
        LimitExceeded::check("members of a page", found, Self::MAX_LIMIT as usize)?;
        self.limit = limit;
        Ok(self)
    }

    /// Begins after this many members; not for a Community.
    pub fn offset(mut self, offset: u32) -> Self {
        self.position = Position::Offset(offset);
        self
    }

    /// Begins at `next`: `""` for the first page of a Community, then the [`MemberPage::next`] of
    /// the page before.
    pub fn next(mut self, next: impl Into<String>) -> Self {
        self.position = Position::Next(next.into());
        self
    }

    /// Builds the request. Its URL holds a credential: keep it out of logs.
    pub fn request(&self, api: &RestApi, now: SystemTime) -> Request<Vec<u8>> {
        let mut body = json!({
            "GroupId": self.group_id,
            "Limit": self.limit,
            "MemberInfoFilter": MEMBER_INFO_FILTER,
        });
        match &self.position {
            Position::Offset(offset) => body["Offset"] = json!(offset),
            Position::Next(next) => body["Next"] = json!(next),
        }
        api.request("get_group_member_info", &body, now)
    }

    /// Reads the response.
    ///
    /// # Errors
    ///
    /// An HTTP status other than 200, anything but the vendor's JSON, or what the vendor refused.
    pub fn response(&self, status: StatusCode, body: &[u8]) -> Result<MemberPage, RestError> {
        wire::parse(status, body)
    }
}

/// One page of a group's members.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize)]
#[non_exhaustive]
#[serde(rename_all = "PascalCase")]
pub struct MemberPage {
    /// How many members the group has: `MemberNum`.
    #[serde(rename = "MemberNum")]
    pub group_members: u32,
    /// The members of this page: `MemberList`.
    #[serde(rename = "MemberList")]
    pub members: Vec<Member>,
    /// Where the next page of a Community begins; empty after the last one, and for every other
    /// group.
    #[serde(default)]
    pub next: String,
}
