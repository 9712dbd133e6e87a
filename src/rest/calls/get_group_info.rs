use std::time::SystemTime;

use http::{Request, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::json;
use serde_json::value::RawValue;

use super::wire;
use crate::rest::{RestApi, RestError};

/// Asks how full a group is: `get_group_info` (the vendor's document 34961).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct GetGroupInfo {
    group_id: String,
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
            "ResponseFilter": { "GroupBaseInfoFilter": [
                "Type", "MemberNum", "MaxMemberNum", "LastMsgTime", "NextMsgSeq", "MuteAllMember", "ShutUpAllMember",
            ] },
        });
        api.request("group_open_http_svc/get_group_info", &body, now)
    }

    /// Reads the response.
    ///
    /// # Errors
    ///
    /// An HTTP status other than 200, anything but the vendor's JSON, or what the vendor refused,
    /// for all or for this group.
    pub fn response(&self, status: StatusCode, body: &[u8]) -> Result<GroupInfo, RestError> {
        let text = wire::check(status, body)?;
        let response: Response<'_> = wire::parse(&text)?;
        let mut found = None;
        for entry in response.group_info {
            let Id { group_id } = wire::parse(entry.get())?;
            if group_id == self.group_id && found.replace(entry).is_some() {
                return Err(RestError::malformed(&"two entries for the group"));
            }
        }
        let entry = found.ok_or_else(|| RestError::malformed(&"no entry for the group"))?.get();
        wire::check_outcome(entry)?;
        let entry: Entry<'_> = wire::parse(entry)?;
        let (Some(group_type), Some(members), Some(limit)) = (entry.group_type, entry.member_num, entry.max_member_num)
        else {
            return Err(RestError::malformed(&"no `Type`, `MemberNum` or `MaxMemberNum`"));
        };
        let last_msg_time = wire::number(entry.last_msg_time).filter(|time| *time > 0);
        let next_msg_seq = wire::number(entry.next_msg_seq);
        // Anything but `Off` counts as muted, under either of the two names.
        let muted = |found: Option<&RawValue>| found.is_some_and(|found| found.get() != r#""Off""#);
        let all_muted = muted(entry.mute_all_member) || muted(entry.shut_up_all_member);
        Ok(GroupInfo { group_type, members, limit, last_msg_time, next_msg_seq, all_muted })
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
    /// When the last message was sent, in seconds since the Unix epoch: `LastMsgTime`. `None` if the vendor
    /// omits it or sends 0.
    pub last_msg_time: Option<u64>,
    /// The number that the next message will get: `NextMsgSeq`. `None` if the vendor omits it.
    pub next_msg_seq: Option<u64>,
    /// Whether only the owner and admins can speak: `MuteAllMember`, formerly `ShutUpAllMember`. `false` if
    /// the vendor omits it, `true` if it cannot be read.
    pub all_muted: bool,
}

impl GroupInfo {
    /// Returns how many more members it can take.
    pub fn free(&self) -> u32 {
        self.limit.saturating_sub(self.members)
    }
}

/// The type of a group, by its current name; the wire has older names for two of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum GroupType {
    /// `Private`: by invitation, up to 6,000 members.
    #[serde(rename = "Private", alias = "Work")]
    Work,
    /// `Public`: up to 6,000 members.
    Public,
    /// `ChatRoom`: anyone may join, up to 6,000 members.
    #[serde(rename = "ChatRoom", alias = "Meeting")]
    Meeting,
    /// `AVChatRoom`: never full; its members can neither be listed nor removed.
    #[serde(rename = "AVChatRoom")]
    AvChatRoom,
    /// `Community`: up to 100,000 members.
    Community,
    /// A newer type.
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Response<'a> {
    #[serde(borrow)]
    group_info: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Id {
    group_id: String,
}

/// A refused group has only the ID and the outcome. Other fields are not decoded: a `Name` can end within a character.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry<'a> {
    #[serde(rename = "Type")]
    group_type: Option<GroupType>,
    member_num: Option<u32>,
    max_member_num: Option<u32>,
    #[serde(borrow)]
    last_msg_time: Option<&'a RawValue>,
    #[serde(borrow)]
    next_msg_seq: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "wire::given")]
    mute_all_member: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "wire::given")]
    shut_up_all_member: Option<&'a RawValue>,
}
