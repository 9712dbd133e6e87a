use std::time::SystemTime;

use http::{Request, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::wire::{self, Outcome};
use super::{RestApi, RestError};

/// Asks how full a group is: `get_group_info` (the vendor's document 34961).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct GetGroupInfo {
    pub(super) group_id: String,
}

impl GetGroupInfo {
    /// Asks for this group.
    pub fn new(group_id: impl Into<String>) -> Self {
        let group_id = group_id.into();
        Self { group_id }
    }

    /// Builds the request. Its URL holds a credential: keep it out of logs.
    pub fn request(&self, api: &RestApi, now: SystemTime) -> Request<Vec<u8>> {
        let body = json!({
            "GroupIdList": [self.group_id],
            "ResponseFilter": { "GroupBaseInfoFilter": ["Type", "MemberNum", "MaxMemberNum"] },
        });
        api.request("get_group_info", &body, now)
    }

    /// Reads the response.
    ///
    /// # Errors
    ///
    /// An HTTP status other than 200, anything but the vendor's JSON, or what the vendor refused,
    /// for all or for this group.
    pub fn response(&self, status: StatusCode, body: &[u8]) -> Result<GroupInfo, RestError> {
        let response: Response = wire::parse(status, body)?;
        let entry = response
            .group_info
            .into_iter()
            .find(|entry| entry.group_id == self.group_id)
            .ok_or_else(|| RestError::malformed(&"no entry for the group"))?;
        entry.outcome.check()?;
        match (entry.group_type, entry.member_num, entry.max_member_num) {
            (Some(group_type), Some(members), Some(limit)) => Ok(GroupInfo { group_type, members, limit }),
            _ => Err(RestError::malformed(&"no `Type`, `MemberNum` or `MaxMemberNum`")),
        }
    }
}

/// How full a group is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct GroupInfo {
    /// The type of the group.
    pub group_type: GroupType,
    /// How many members it has: `MemberNum`.
    pub members: u32,
    /// How many members it can have: `MaxMemberNum`.
    pub limit: u32,
}

impl GroupInfo {
    /// How many more members it can take.
    pub fn free(&self) -> u32 {
        self.limit.saturating_sub(self.members)
    }
}

/// The type of a group, with the names of today; the wire has older ones for two of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum GroupType {
    /// `Private`: by invitation, up to 6,000 members.
    #[serde(rename = "Private", alias = "Work")]
    Work,
    /// `Public`: up to 6,000 members.
    Public,
    /// `ChatRoom`: anybody may join, up to 6,000 members.
    #[serde(rename = "ChatRoom", alias = "Meeting")]
    Meeting,
    /// `AVChatRoom`: never full; its members can neither be listed nor removed.
    #[serde(rename = "AVChatRoom")]
    AvChatRoom,
    /// `Community`: up to 100,000 members.
    Community,
    /// A type that came later.
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Response {
    group_info: Vec<Entry>,
}

/// Only the ID and the outcome are there for a group that is refused.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    group_id: String,
    #[serde(flatten)]
    outcome: Outcome,
    #[serde(rename = "Type")]
    group_type: Option<GroupType>,
    member_num: Option<u32>,
    max_member_num: Option<u32>,
}
