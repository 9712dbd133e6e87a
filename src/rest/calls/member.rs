use serde::{Deserialize, Serialize};

/// A member of a group, with the vendor's names when serialised.
///
/// Times are in seconds since the Unix epoch, as the vendor gives them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Member {
    #[serde(rename = "Member_Account")]
    pub(super) account: String,
    pub(super) role: Role,
    /// 0 if the vendor does not tell.
    pub(super) join_time: u64,
    pub(super) last_send_msg_time: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) msg_seq: Option<u64>,
}

impl Member {
    /// Makes a member for the app's unit tests. `last_sent` is 0 for one who never sent a message.
    #[cfg(feature = "testing")]
    #[cfg_attr(docsrs, doc(cfg(feature = "testing")))]
    pub fn new(account: impl Into<String>, role: Role, joined: u64, last_sent: u64) -> Self {
        Self { account: account.into(), role, join_time: joined, last_send_msg_time: last_sent, msg_seq: None }
    }

    /// Sets the number of the last message that the member has read.
    #[cfg(feature = "testing")]
    #[cfg_attr(docsrs, doc(cfg(feature = "testing")))]
    pub fn has_read(self, msg_seq: u64) -> Self {
        Self { msg_seq: Some(msg_seq), ..self }
    }

    /// Returns the account: `Member_Account`.
    pub fn account(&self) -> &str {
        &self.account
    }

    /// Returns the role in the group.
    pub fn role(&self) -> Role {
        self.role
    }

    /// Returns when the member joined, in seconds since the Unix epoch: `JoinTime`. `None` if the
    /// vendor does not tell, or tells 0.
    pub fn joined(&self) -> Option<u64> {
        (self.join_time > 0).then_some(self.join_time)
    }

    /// Returns when the member last sent a message, in seconds since the Unix epoch:
    /// `LastSendMsgTime`. `None` if it has sent none since it joined.
    ///
    /// A time that is not after that of joining does not count: the vendor gives 0 to members who never
    /// sent a message, and platforms are known that give the time of joining.
    pub fn last_spoke(&self) -> Option<u64> {
        (self.last_send_msg_time > self.join_time).then_some(self.last_send_msg_time)
    }

    /// Returns the later of joining and last sending a message, in seconds since the Unix epoch.
    pub fn last_active(&self) -> u64 {
        self.join_time.max(self.last_send_msg_time)
    }

    /// Whether the vendor gives the time of joining as that of the last message, or 0 for both.
    pub(in crate::rest) fn spoke_when_it_joined(&self) -> bool {
        self.last_send_msg_time == self.join_time
    }

    /// Returns the number of the last message that the member has read: `MsgSeq`. `None` if the
    /// vendor does not tell.
    pub fn msg_seq(&self) -> Option<u64> {
        self.msg_seq
    }
}

/// The role of a member. A member with a role that is not known here is
/// [unclear](super::MemberList::unclear).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Role {
    /// The owner of the group.
    Owner,
    /// An administrator of the group.
    Admin,
    /// An ordinary member.
    Member,
}
