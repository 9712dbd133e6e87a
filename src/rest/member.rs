use serde::{Deserialize, Serialize};

/// A member of a group, with the vendor's names when serialised.
///
/// Times are in seconds since the Unix epoch, as the vendor gives them. All four fields must be
/// there: without one of them nobody can say that the member is inactive.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Member {
    #[serde(rename = "Member_Account")]
    pub(super) account: String,
    pub(super) role: Role,
    join_time: u64,
    last_send_msg_time: u64,
}

impl Member {
    /// The account: `Member_Account`.
    pub fn account(&self) -> &str {
        &self.account
    }

    /// The role in the group.
    pub fn role(&self) -> Role {
        self.role
    }

    /// When the member joined, in seconds since the Unix epoch: `JoinTime`.
    pub fn joined(&self) -> u64 {
        self.join_time
    }

    /// When the member last sent a message, in seconds since the Unix epoch: `LastSendMsgTime`;
    /// `None` for never, which is 0 on the wire.
    pub fn last_spoke(&self) -> Option<u64> {
        (self.last_send_msg_time > 0).then_some(self.last_send_msg_time)
    }

    /// The later of joining and last speaking, in seconds since the Unix epoch.
    pub fn last_active(&self) -> u64 {
        self.join_time.max(self.last_send_msg_time)
    }
}

/// The role of a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Role {
    /// The owner of the group.
    Owner,
    /// An administrator of the group.
    Admin,
    /// An ordinary member.
    Member,
    /// A role that came later.
    #[serde(other)]
    Other,
}
