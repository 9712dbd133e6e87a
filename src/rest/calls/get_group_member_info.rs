use std::time::SystemTime;

use http::{Request, StatusCode};
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::wire::{self, MEMBER_INFO_FILTER};
use super::{InvalidCount, MemberList};
use crate::rest::{RestApi, RestError};

/// Reads one page of a group's members: `get_group_member_info` (the vendor's document 34948).
///
/// A Community is read page after page by [`next`](Self::next); every other group by
/// [`offset`](Self::offset). Not for an `AVChatRoom`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct GetGroupMemberInfo {
    group_id: String,
    limit: u32,
    position: Position,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Position {
    Offset(u32),
    Next(String),
}

impl GetGroupMemberInfo {
    /// The most members that a page can have.
    pub const MAX_LIMIT: u32 = 200;

    /// Reads the first page of a group that is not a Community, with as many members as a page can have.
    pub fn new(group_id: impl Into<String>) -> Self {
        Self { group_id: group_id.into(), limit: Self::MAX_LIMIT, position: Position::Offset(0) }
    }

    /// Sets how many members to ask for (default 200).
    ///
    /// # Errors
    ///
    /// A limit of 0 or above 200, which the vendor refuses.
    pub fn limit(mut self, limit: u32) -> Result<Self, InvalidCount> {
        let found = usize::try_from(limit).unwrap_or(usize::MAX);
        InvalidCount::check("members of a page", found, Self::MAX_LIMIT as usize)?;
        self.limit = limit;
        Ok(self)
    }

    /// Skips this many members. Not for a Community.
    pub fn offset(mut self, offset: u32) -> Self {
        self.position = Position::Offset(offset);
        self
    }

    /// Begins at `next`: `""` for the first page of a Community, then the [`MemberPage::next`] of the page before.
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
        api.request("group_open_http_svc/get_group_member_info", &body, now)
    }

    /// Reads the response.
    ///
    /// # Errors
    ///
    /// An HTTP status other than 200, anything but the vendor's JSON, what the vendor refused, or a page with
    /// members none of which can be understood.
    pub fn response(&self, status: StatusCode, body: &[u8]) -> Result<MemberPage, RestError> {
        let text = wire::check(status, body)?;
        let response: Response<'_> = wire::parse(&text)?;
        // The vendor's SDK pages mark all three as optional.
        let entries = response.member_list.unwrap_or_default();
        if MemberList::is_nonsense(&entries) {
            return Err(RestError::malformed(&format!("none of {} members can be understood", entries.len())));
        }
        Ok(MemberPage { list: MemberList::read(&entries), group_members: response.member_num, next: response.next })
    }
}

/// One page of a group's members.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MemberPage {
    /// The members of this page: `MemberList`. A page can be shorter than asked for.
    pub list: MemberList,
    /// How many members the group has: `MemberNum`. `None` if the vendor omits it.
    pub group_members: Option<u32>,
    /// Where the next page of a Community begins: `Next`. Empty after the last one: stop there, because an
    /// empty cursor asks for the first page again. `None` for every other group.
    pub next: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Response<'a> {
    member_num: Option<u32>,
    #[serde(borrow)]
    member_list: Option<Vec<&'a RawValue>>,
    next: Option<String>,
}
