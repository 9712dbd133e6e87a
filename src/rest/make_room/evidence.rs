use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::InactivityPolicy;
use crate::rest::error::{Repr, Unproven, Unread};
use crate::rest::{GroupInfo, GroupType, Member, RestError, Role, since_epoch};

/// Collects evidence, during one run, of whether silence and not reading mean anything.
///
/// Another platform started to send the join time as the time of the last message for everyone, and a third
/// one 0 for both, which misled apps that remove the least active members.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "five independent observations")]
pub(super) struct Evidence {
    /// A member who spoke after this second is not silent.
    silent_since: u64,
    /// The group has had a message after that second, so a member must have sent it.
    somebody_spoke: bool,
    /// The run has seen a member who spoke after that second.
    seen_to_speak: bool,
    /// The run has seen such a member on a page that proves nothing.
    spoke_in_vain: bool,
    /// The run has seen a member with a `MsgSeq`.
    seen_to_read: bool,
    /// The run has seen a page that proves nothing about the ordinary members on it.
    alike: bool,
    /// The sample from the last page; a page with a single member adds to the one before.
    sample: Sample,
}

impl Evidence {
    /// Begins with the count. Members who were active after `silent_since` do not count as silent.
    ///
    /// # Errors
    ///
    /// The group's information alone rules out a judgement.
    pub(super) fn begin(policy: &InactivityPolicy, info: &GroupInfo, silent_since: u64) -> Result<Self, RestError> {
        if policy.spare_readers.is_some() && info.next_msg_seq.is_none() {
            return Err(RestError(Repr::ReadersUnknown(Unread::Group)));
        }
        // The vendor's SDK pages say that `LastSendMsgTime` is "supported by the three ordinary groups".
        let ordinary = matches!(info.group_type, GroupType::Work | GroupType::Public | GroupType::Meeting);
        let somebody_spoke = match info.last_msg_time {
            _ if policy.trust_silence => false,
            _ if !ordinary => return Err(RestError(Repr::SilenceUnproven(Unproven::GroupType))),
            None => return Err(RestError(Repr::SilenceUnproven(Unproven::NoLastMessage))),
            Some(last) => last > silent_since,
        };
        Ok(Self { silent_since, somebody_spoke, ..Self::default() })
    }

    /// Adds a page. Returns whether the times of its members can be trusted.
    ///
    /// Only clear entries prove anything. A page with a single member has nothing to compare, so it is judged
    /// together with the page before.
    pub(super) fn page(&mut self, members: &[Member], measured_at: SystemTime) -> bool {
        self.seen_to_read |= members.iter().any(|member| member.msg_seq().is_some());
        let now = since_epoch(measured_at).as_secs();
        let clear = members.iter().filter(|member| member.joined().is_some() && member.last_active() <= now);
        let clear: Vec<_> = clear.collect();
        let before = if members.len() < 2 { self.sample } else { Sample::default() };
        self.sample = clear.iter().fold(before, |sample, member| sample.with(member));
        let since = self.silent_since;
        let spoke = clear.iter().filter_map(|member| member.last_spoke()).any(|spoke| spoke > since);
        // The times distinguish nobody if all spoke when they joined, or all joined at once.
        let proves = self.sample.joined_apart && self.sample.spoke_apart;
        if proves {
            self.seen_to_speak |= spoke;
        } else {
            self.spoke_in_vain |= spoke;
            self.alike |= members.iter().any(|member| member.role() == Role::Member);
        }
        proves
    }

    /// Judges all pages together, before any removal.
    pub(super) fn end(&self, policy: &InactivityPolicy, nobody_planned: bool) -> Result<(), RestError> {
        let unseen = self.somebody_spoke && !self.seen_to_speak;
        if (self.alike && nobody_planned) || (unseen && self.spoke_in_vain) {
            return Err(RestError(Repr::SilenceUnproven(Unproven::AllAlike)));
        }
        if unseen {
            return Err(RestError(Repr::SilenceUnproven(Unproven::NobodySpoke)));
        }
        if policy.spare_readers.is_some() && !self.seen_to_read {
            return Err(RestError(Repr::ReadersUnknown(Unread::Members)));
        }
        Ok(())
    }
}

/// What the times of a sample of members show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sample {
    joined: Option<u64>,
    joined_apart: bool,
    /// At least one member's last message differs from its join time.
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
}
