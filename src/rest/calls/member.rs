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
    /// 0 if the member is not muted, or the vendor does not tell.
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
    #[cfg_attr(docsrs, doc(cfg(feature = "testing")))]
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
    #[cfg_attr(docsrs, doc(cfg(feature = "testing")))]
    pub fn has_read(self, msg_seq: u64) -> Self {
        Self { msg_seq: Some(msg_seq), ..self }
    }

    /// Sets until when the member may not speak, in seconds since the Unix epoch.
    #[cfg(feature = "testing")]
    #[cfg_attr(docsrs, doc(cfg(feature = "testing")))]
    pub fn is_muted_until(self, mute_until: u64) -> Self {
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

    /// Returns until when the member may not speak, in seconds since the Unix epoch: `MuteUntil`, or
    /// `ShutUpUntil` as it was called before. It may have passed. `None` if the vendor does not tell, or
    /// tells 0.
    pub fn muted_until(&self) -> Option<u64> {
        (self.mute_until > 0).then_some(self.mute_until)
    }

    /// Returns since when the member has been silent although it could speak, in seconds since the Unix
    /// epoch: the latest of joining, last sending a message, and the end of a mute.
    pub fn silent_since(&self) -> u64 {
        self.last_active().max(self.mute_until)
    }

    /// Returns whether it is a chat robot: its account begins with `@RBT#`.
    pub fn is_robot(&self) -> bool {
        self.account.starts_with("@RBT#")
    }

    /// Takes a mute that was told elsewhere, if it lasts longer.
    pub(in crate::rest) fn also_muted_until(self, mute_until: u64) -> Self {
        Self { mute_until: self.mute_until.max(mute_until), ..self }
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
