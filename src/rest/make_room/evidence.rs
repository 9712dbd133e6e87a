use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::InactivityPolicy;
use crate::rest::error::{Unproven, Unread};
use crate::rest::{GroupInfo, GroupType, Member, RestError, Role, since_epoch};

/// What the answers of one run show about whether silence, and not reading, mean anything.
///
/// Elsewhere a platform began to give the time of joining as the time of the last message, for
/// everybody, and another one 0 for both: apps that removed the least active were misled.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "four observations that do not depend on each other")]
pub(super) struct Evidence {
    /// Who spoke after this second is not silent.
    silent_since: u64,
    /// The group has had a message after that second, so somebody must have sent it.
    somebody_spoke: bool,
    /// A member was seen that spoke after that second.
    seen_to_speak: bool,
    /// A member was seen whose `MsgSeq` the vendor tells.
    seen_to_read: bool,
    /// There was a page that proves nothing about the ordinary members on it.
    alike: bool,
    /// Of the last page, and of those with a single member together with the one before.
    sample: Sample,
}

impl Evidence {
    /// Takes the count, at a time at which nobody counts as silent who was active after
    /// `silent_since`.
    ///
    /// # Errors
    ///
    /// A group of which it is clear already that it shows too little.
    pub(super) fn begin(policy: &InactivityPolicy, info: &GroupInfo, silent_since: u64) -> Result<Self, RestError> {
        if policy.spares_readers() && info.next_msg_seq.is_none() {
            return Err(RestError::readers_unknown(Unread::Group));
        }
        // "Supported by the three ordinary groups", say the vendor's SDK pages of `LastSendMsgTime`.
        let ordinary = matches!(info.group_type, GroupType::Work | GroupType::Public | GroupType::Meeting);
        let somebody_spoke = match info.last_msg_time {
            _ if policy.trusts_silence() => false,
            _ if !ordinary => return Err(RestError::silence_unproven(Unproven::GroupType)),
            None => return Err(RestError::silence_unproven(Unproven::NoLastMessage)),
            Some(last) => last > silent_since,
        };
        Ok(Self { silent_since, somebody_spoke, ..Self::default() })
    }

    /// Takes a page. Returns whether its members may be judged by their times.
    ///
    /// Only entries that are clear prove anything. A page with a single member, which cannot differ from
    /// itself, is judged together with the one before.
    pub(super) fn page(&mut self, members: &[Member], measured_at: SystemTime) -> bool {
        self.seen_to_read |= members.iter().any(|member| member.msg_seq().is_some());
        let now = since_epoch(measured_at).as_secs();
        let clear = members.iter().filter(|member| member.joined().is_some() && member.last_active() <= now);
        let clear: Vec<_> = clear.collect();
        let before = if members.len() < 2 { self.sample } else { Sample::default() };
        self.sample = clear.iter().fold(before, |sample, member| sample.with(member));
        if !self.sample.tells_members_apart() {
            self.alike |= members.iter().any(|member| member.role() == Role::Member);
            return false;
        }
        let since = self.silent_since;
        self.seen_to_speak |= clear.iter().filter_map(|member| member.last_spoke()).any(|spoke| spoke > since);
        true
    }

    /// Judges all pages together, before anybody is removed.
    pub(super) fn end(&self, policy: &InactivityPolicy, nobody_planned: bool) -> Result<(), RestError> {
        if self.somebody_spoke && !self.seen_to_speak {
            return Err(RestError::silence_unproven(Unproven::NobodySpoke));
        }
        if self.alike && nobody_planned {
            return Err(RestError::silence_unproven(Unproven::AllAlike));
        }
        if policy.spares_readers() && !self.seen_to_read {
            return Err(RestError::readers_unknown(Unread::Members));
        }
        Ok(())
    }
}

/// What the times of some members have shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sample {
    joined: Option<u64>,
    joined_apart: bool,
    /// Somebody's last message is of another time than its joining.
    spoke_apart: bool,
}

impl Sample {
    fn with(self, member: &Member) -> Self {
        Self {
            joined: self.joined.or(member.joined()),
            joined_apart: self.joined_apart || self.joined.is_some_and(|joined| Some(joined) != member.joined()),
            spoke_apart: self.spoke_apart || !member.spoke_when_it_joined(),
        }
    }

    /// Not if all of them spoke when they joined, nor if all joined at once.
    fn tells_members_apart(self) -> bool {
        self.joined_apart && self.spoke_apart
    }
}
