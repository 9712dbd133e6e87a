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
    /// 0 if the vendor omits it.
    pub(super) join_time: u64,
    pub(super) last_send_msg_time: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) msg_seq: Option<u64>,
    /// 0 if the member is not muted, or the vendor omits it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(super) mute_until: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Member {
    /// Makes a member for the app's unit tests. `last_sent` is 0 for one who never sent a message.
    #[cfg(feature = "testing")]
    pub fn new(account: impl Into<String>, role: Role, joined: u64, last_sent: u64) -> Self {
        Self {
            account: account.into(),
            role,
            join_time: joined,
            last_send_msg_time: last_sent,
            msg_seq: None,
            mute_until: 0,
        }
    }

    /// Sets the number of the last message that the member has read.
    #[cfg(feature = "testing")]
    pub fn with_msg_seq(self, msg_seq: u64) -> Self {
        Self { msg_seq: Some(msg_seq), ..self }
    }

    /// Sets until when the member may not speak, in seconds since the Unix epoch.
    #[cfg(feature = "testing")]
    pub fn with_muted_until(self, mute_until: u64) -> Self {
        Self { mute_until, ..self }
    }

    /// Returns the account: `Member_Account`.
    pub fn account(&self) -> &str {
        &self.account
    }

    /// Returns the role in the group.
    pub fn role(&self) -> Role {
        self.role
    }

    /// Returns when the member joined, in seconds since the Unix epoch: `JoinTime`. `None` if the vendor
    /// omits it or sends 0.
    pub fn joined(&self) -> Option<u64> {
        (self.join_time > 0).then_some(self.join_time)
    }

    /// Returns when the member last sent a message, in seconds since the Unix epoch:
    /// `LastSendMsgTime`. `None` if it has sent none since it joined.
    ///
    /// A time that is not after the join time does not count: the vendor sends 0 for members who never sent a
    /// message, and some platforms send the join time.
    pub fn last_spoke(&self) -> Option<u64> {
        (self.last_send_msg_time > self.join_time).then_some(self.last_send_msg_time)
    }

    /// Returns the later of joining and last sending a message, in seconds since the Unix epoch.
    pub fn last_active(&self) -> u64 {
        self.join_time.max(self.last_send_msg_time)
    }

    /// Returns until when the member may not speak, in seconds since the Unix epoch: `MuteUntil`, formerly
    /// `ShutUpUntil`. It may have passed. `None` if the vendor omits it or sends 0.
    pub fn muted_until(&self) -> Option<u64> {
        (self.mute_until > 0).then_some(self.mute_until)
    }

    /// Returns since when the member could speak and has been silent, in seconds since the Unix
    /// epoch: the latest of joining, last sending a message, and the end of a mute.
    pub fn silent_since(&self) -> u64 {
        self.last_active().max(self.mute_until)
    }

    /// Returns whether it is a chat robot: its account begins with `@RBT#`.
    pub fn is_robot(&self) -> bool {
        self.account.starts_with("@RBT#")
    }

    /// Sets the mute from another source, if it lasts longer.
    pub(in crate::rest) fn also_muted_until(self, mute_until: u64) -> Self {
        Self { mute_until: self.mute_until.max(mute_until), ..self }
    }

    /// Returns whether the last message has the time of joining, or both are 0.
    pub(in crate::rest) fn spoke_when_it_joined(&self) -> bool {
        self.last_send_msg_time == self.join_time
    }

    /// Returns the number of the last message that the member has read: `MsgSeq`. `None` if the vendor omits it.
    pub fn msg_seq(&self) -> Option<u64> {
        self.msg_seq
    }
}

/// The role of a member. A member with an unknown role is [unclear](super::MemberList::unclear).
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
