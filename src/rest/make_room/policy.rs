use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::Spared;
use super::limits::{DAY, at_least_a_day, percent};
use crate::rest::{GroupInfo, Member, Role, since_epoch};

/// Who may be removed, and how many.
///
/// Owners, admins, chat robots and the account that makes the calls are never removed. The least recently
/// active members are removed first (by the later of joining and the last message). Ties are broken by the
/// time of joining, then by account in byte order: the same members always give the same plan.
///
/// Deserialising rejects unknown keys, so that a misspelt protection is not ignored. The keys are `inactive_for_secs`,
/// `free`, `protected`, `raise_limit_to`, `max_removed_percent`, `recorded_since_secs`, `spare_readers`,
/// `ignore_online_status` and `trust_silence`; only the first two are required.
///
/// ```
/// use std::time::Duration;
/// use im_group_full::rest::InactivityPolicy;
///
/// // Raise the limit to 2,000. If that is not enough, free 50 slots by removing members who have been
/// // silent for 90 days.
/// let policy = InactivityPolicy::new(Duration::from_secs(90 * 24 * 60 * 60), 50)
///     .raise_limit_to(2_000)
///     .protect("support");
/// # let _ = policy;
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InactivityPolicy {
    #[serde(deserialize_with = "at_least_a_day")]
    inactive_for_secs: u64,
    free: u32,
    #[serde(default)]
    pub(super) protected: BTreeSet<String>,
    #[serde(default)]
    pub(super) raise_limit_to: Option<u32>,
    #[serde(default = "ten", deserialize_with = "percent")]
    max_removed_percent: u8,
    #[serde(default)]
    pub(super) recorded_since_secs: Option<u64>,
    #[serde(default)]
    pub(super) spare_readers: Option<NonZeroU32>,
    #[serde(default)]
    pub(super) ignore_online_status: bool,
    #[serde(default)]
    pub(super) trust_silence: bool,
}

const fn ten() -> u8 {
    10
}

/// Counts a part of a second as a whole one.
fn whole_secs(time: Duration) -> u64 {
    time.as_secs().saturating_add(u64::from(time.subsec_nanos() > 0))
}

impl InactivityPolicy {
    /// Frees up to `free` slots by removing members that have been inactive for at least `inactive_for`, but
    /// no more than 10 % of the limit; see [`max_removed_percent`](Self::max_removed_percent).
    ///
    /// Less than a day counts as a day. The vendor's times have whole seconds, so a part of a second
    /// counts as a whole one.
    pub fn new(inactive_for: Duration, free: u32) -> Self {
        Self {
            inactive_for_secs: whole_secs(inactive_for).max(DAY),
            free,
            protected: BTreeSet::new(),
            raise_limit_to: None,
            max_removed_percent: ten(),
            recorded_since_secs: None,
            spare_readers: None,
            ignore_online_status: false,
            trust_silence: false,
        }
    }

    /// Never removes this account.
    ///
    /// With permission groups, the moderators of a Community are ordinary members to this API, so protect them.
    pub fn protect(mut self, account: impl Into<String>) -> Self {
        self.protected.insert(account.into());
        self
    }

    /// Raises the group's limit to `members` before any removal (default: the limit stays unchanged).
    ///
    /// A group that was created before the app bought a larger package keeps its old limit until you raise
    /// it. A limit is never lowered: if it is already at or above `members`, nothing is sent. If the vendor
    /// refuses, the run fails and removes nobody: if the number is above the package's (the vendor's code
    /// 10038), a lower one may make removals unnecessary.
    pub fn raise_limit_to(mut self, members: u32) -> Self {
        self.raise_limit_to = Some(members);
        self
    }

    /// Sets the largest share of the group's limit that a run removes, in percent, rounded up to whole
    /// members (default 10). More than 100 counts as 100.
    ///
    /// Without it, 50 free slots in a group of 20 would remove every member that may be removed. It also holds for a
    /// group that has more members than its limit: if the share does not cover the excess, the run fails with
    /// [`OverLimit`](crate::rest::RestErrorKind::OverLimit) and removes nobody, because no room would be made.
    pub fn max_removed_percent(mut self, percent: u8) -> Self {
        self.max_removed_percent = percent.min(100);
        self
    }

    /// Sets since when the vendor has recorded the members' messages (default: since they joined). Set it for
    /// groups that were imported with `import_group_member`: their members keep the join time of the old
    /// system, and silence before the import means nothing.
    ///
    /// Until `inactive_for` has passed since `time`, a run fails with
    /// [`SilenceUnproven`](crate::rest::RestErrorKind::SilenceUnproven). A part of a second counts as a whole one.
    pub fn recorded_since(mut self, time: SystemTime) -> Self {
        self.recorded_since_secs = Some(whole_secs(since_epoch(time)));
        self
    }

    /// Spares every member who has read one of the last `messages` messages (default: reading does not count). In a
    /// muted group, only this shows who is inactive. 0 counts as 1, so a member who has read everything stays.
    ///
    /// A member without a `MsgSeq` is spared, too. If no member has one, or the group has no `NextMsgSeq`,
    /// the run fails with [`ReadersUnknown`](crate::rest::RestErrorKind::ReadersUnknown).
    pub fn spare_readers(mut self, messages: u32) -> Self {
        self.spare_readers = NonZeroU32::new(messages).or(Some(NonZeroU32::MIN));
        self
    }

    /// Ignores who is online (default: the run asks about the candidates when it makes the plan and again
    /// before each removal, and spares those who are online or can be reached by a push).
    ///
    /// The vendor answers only if the feature is switched on in its console. If it refuses, the run fails
    /// and removes nobody.
    pub fn ignore_online_status(mut self) -> Self {
        self.ignore_online_status = true;
        self
    }

    /// Counts silence even if the vendor's data does not show that it means anything (default: the run fails
    /// with [`SilenceUnproven`](crate::rest::RestErrorKind::SilenceUnproven)).
    ///
    /// The vendor promises `LastSendMsgTime` for Work, Public and Meeting groups. In a Community it may always be 0,
    /// and then the most active member looks silent. It is also unknown whether speaking in a topic counts. Look at the
    /// members of a Community of yours before you set this. In the other types you need this if no member speaks and
    /// all messages come from elsewhere, such as your servers, or if the group has never had a message.
    ///
    /// Even then, silence in a muted group counts for nothing, and the members of a page stay if they all joined
    /// at the same second, or all have their join time as the time of their last message.
    pub fn trust_silence(mut self) -> Self {
        self.trust_silence = true;
        self
    }

    /// Returns how many slots the policy wants, before its share of the limit is applied.
    pub fn free(&self) -> u32 {
        self.free
    }

    /// Returns why `member` stays at `now`, judged by its entry alone; `None` if it may be removed.
    ///
    /// It does not include what a run learns elsewhere: who makes the calls, who is online, who reads.
    pub fn spares(&self, member: &Member, now: SystemTime) -> Option<Spared> {
        let now = since_epoch(now).as_secs();
        let inactive_for = |since: u64| now.checked_sub(since).is_some_and(|secs| secs >= self.inactive_for_secs);
        if member.role() != Role::Member {
            Some(Spared::Role)
        } else if self.protected.contains(member.account()) {
            Some(Spared::Protected)
        } else if member.is_robot() {
            Some(Spared::Robot)
        } else if member.joined().is_none() || member.last_active() > now {
            Some(Spared::Unclear)
        } else if !inactive_for(member.last_active()) {
            Some(Spared::Active)
        } else if !inactive_for(member.silent_since()) {
            Some(Spared::Muted)
        } else {
            None
        }
    }

    /// Returns how many slots a run frees in a group, and how many are missing for that.
    pub(super) fn room(&self, info: &GroupInfo) -> Room {
        let GroupInfo { limit, members, .. } = *info;
        let most = (u64::from(limit) * u64::from(self.max_removed_percent)).div_ceil(100);
        let most = u32::try_from(most).unwrap_or(u32::MAX);
        let excess = members.saturating_sub(limit);
        let aim = self.free.min(most.saturating_sub(excess));
        let missing = aim.saturating_add(excess).saturating_sub(limit.saturating_sub(members));
        Room { most, aim, missing: if self.free == 0 { 0 } else { missing }, covered: excess < most || excess == 0 }
    }

    /// Returns whether silence means nothing at `now` if it was forced or not recorded until `since`.
    pub(super) fn looks_back_beyond(&self, since: u64, now: SystemTime) -> bool {
        since_epoch(now).as_secs().saturating_sub(since) < self.inactive_for_secs
    }

    /// Returns whether `member` counts as a reader of a group whose next message gets this number.
    /// If that is unknown, it does.
    pub(super) fn is_reader(&self, member: &Member, next_msg_seq: Option<u64>) -> bool {
        let Some(messages) = self.spare_readers else { return false };
        let (Some(next), Some(read)) = (next_msg_seq, member.msg_seq()) else { return true };
        // A member has read more than there is: the group's number is outdated, or numbering has restarted.
        next.checked_sub(read).is_none_or(|behind| behind == 0 || behind - 1 < u64::from(messages.get()))
    }

    /// Returns the second before which a member must have been last active to be removed at `now`.
    pub(super) fn inactive_until(&self, now: SystemTime) -> u64 {
        since_epoch(now).as_secs().saturating_sub(self.inactive_for_secs)
    }
}

/// The room that a policy wants in a group.
pub(super) struct Room {
    /// How many members a run removes at most.
    pub(super) most: u32,
    /// How many slots are to be free.
    pub(super) aim: u32,
    /// How many members have to be removed for that.
    pub(super) missing: u32,
    /// Whether removing that many makes any room in a group above its limit.
    pub(super) covered: bool,
}
