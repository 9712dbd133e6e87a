use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::rest::{Member, Role, since_epoch};

/// Who may be removed, and how many.
///
/// Owners and admins are never removed. The least recently active members go first (the later of joining
/// and the last message). Ties are broken by the time of joining, then by account in byte order: the same
/// members always give the same plan.
///
/// Deserialising refuses a key that is not known, so that a misspelt protection is not ignored. The keys
/// are `inactive_for_secs`, `free`, `protected`, `max_free_percent`, `spare_readers` and `trust_silence`;
/// only the first two are required.
///
/// ```
/// use std::time::Duration;
/// use im_group_full::rest::InactivityPolicy;
///
/// // Free 50 slots by removing members who have been silent for 90 days.
/// let policy = InactivityPolicy::new(Duration::from_secs(90 * 24 * 60 * 60), 50).protect("support");
/// # let _ = policy;
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InactivityPolicy {
    inactive_for_secs: u64,
    free: u32,
    #[serde(default)]
    protected: BTreeSet<String>,
    #[serde(default)]
    max_free_percent: Percent,
    #[serde(default)]
    spare_readers: Option<u32>,
    #[serde(default)]
    trust_silence: bool,
}

/// At most 100.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "u8")]
struct Percent(u8);

impl Default for Percent {
    fn default() -> Self {
        Self(10)
    }
}

impl TryFrom<u8> for Percent {
    type Error = String;

    fn try_from(percent: u8) -> Result<Self, String> {
        if percent > 100 { Err(format!("expected 0 to 100 percent, found {percent}")) } else { Ok(Self(percent)) }
    }
}

impl InactivityPolicy {
    /// Removes members that were inactive for at least `inactive_for`, so that up to `free` slots are
    /// free, but no more than 10 % of the limit; see [`max_free_percent`](Self::max_free_percent).
    ///
    /// The vendor's times have whole seconds, so a part of a second counts as a whole one.
    pub fn new(inactive_for: Duration, free: u32) -> Self {
        let part = u64::from(inactive_for.subsec_nanos() > 0);
        Self {
            inactive_for_secs: inactive_for.as_secs().saturating_add(part),
            free,
            protected: BTreeSet::new(),
            max_free_percent: Percent::default(),
            spare_readers: None,
            trust_silence: false,
        }
    }

    /// Never removes this account.
    ///
    /// With permission groups, the moderators of a Community are ordinary members to this API: they
    /// need this.
    pub fn protect(mut self, account: impl Into<String>) -> Self {
        self.protected.insert(account.into());
        self
    }

    /// Sets the largest share of the group's limit that may be free afterwards, in percent, rounded
    /// up to whole members (default 10). More than 100 counts as 100.
    ///
    /// Without it, 50 free slots in a group of 20 would remove everybody who may be removed.
    pub fn max_free_percent(mut self, percent: u8) -> Self {
        self.max_free_percent = Percent(percent.min(100));
        self
    }

    /// Spares everybody who has read one of the last `messages` messages (default: reading does not
    /// count).
    ///
    /// A member whose `MsgSeq` the vendor does not tell is spared, too. If it tells none at all, or
    /// the group has no `NextMsgSeq`, the run fails with
    /// [`ReadersUnknown`](crate::rest::RestErrorKind::ReadersUnknown).
    pub fn spare_readers(mut self, messages: u32) -> Self {
        self.spare_readers = Some(messages);
        self
    }

    /// Counts silence also where the vendor does not show that it means anything (default: the run
    /// fails with [`SilenceUnproven`](crate::rest::RestErrorKind::SilenceUnproven)).
    ///
    /// The vendor promises `LastSendMsgTime` for Work, Public and Meeting groups. In a Community it may
    /// always be 0, and then the most active member looks silent; whether speaking in a topic counts
    /// is not known either. Look at the members of a Community of yours before you set this. In the
    /// other types it is needed if nobody in the group speaks and messages come from elsewhere, such
    /// as from your servers, and if the group has had no message at all.
    ///
    /// Also with it, members on a page whose times are all alike stay. If nobody else can be removed, the
    /// run fails with [`SilenceUnproven`](crate::rest::RestErrorKind::SilenceUnproven).
    pub fn trust_silence(mut self) -> Self {
        self.trust_silence = true;
        self
    }

    /// Returns how many slots the policy wants, before its share of the limit is applied.
    pub fn free(&self) -> u32 {
        self.free
    }

    /// Returns whether `member` may be removed at `now`, apart from what it has read.
    ///
    /// A member without a time of joining, or with a time after `now`, may not.
    pub fn allows(&self, member: &Member, now: SystemTime) -> bool {
        let inactive = since_epoch(now).as_secs().checked_sub(member.last_active());
        member.role() == Role::Member
            && member.joined().is_some()
            && inactive.is_some_and(|secs| secs >= self.inactive_for_secs)
            && !self.protected.contains(member.account())
    }

    /// Returns how many slots a run frees in a group with this limit.
    pub(super) fn aim(&self, limit: u32) -> u32 {
        let share = (u64::from(limit) * u64::from(self.max_free_percent.0)).div_ceil(100);
        self.free.min(u32::try_from(share).unwrap_or(u32::MAX))
    }

    pub(super) fn trusts_silence(&self) -> bool {
        self.trust_silence
    }

    pub(super) fn spares_readers(&self) -> bool {
        self.spare_readers.is_some()
    }

    /// Returns whether `member` counts as a reader of a group whose next message gets this number.
    /// Where that cannot be told, it does.
    pub(super) fn is_reader(&self, member: &Member, next_msg_seq: Option<u64>) -> bool {
        let Some(messages) = self.spare_readers else { return false };
        let (Some(next), Some(read)) = (next_msg_seq, member.msg_seq()) else { return true };
        // A member who has read more than there is: the group's number is old, or has begun anew.
        next.checked_sub(read).is_none_or(|behind| behind == 0 || behind - 1 < u64::from(messages))
    }

    /// Returns the second before which somebody must have been active last to be removed at `now`.
    pub(super) fn inactive_until(&self, now: SystemTime) -> u64 {
        since_epoch(now).as_secs().saturating_sub(self.inactive_for_secs)
    }
}
