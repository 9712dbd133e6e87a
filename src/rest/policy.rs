use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::{Member, Role, since_epoch};

/// Who may be removed, and how many.
///
/// Owners and admins never are, whatever it says. Of the others those go first who were active
/// least recently (joined or spoke, whichever was later), of these who joined first, then by
/// account in byte order: the same members always give the same plan.
///
/// ```
/// use std::time::Duration;
/// use im_group_full::rest::InactivityPolicy;
///
/// // 50 slots shall be free, at the expense of those who said nothing for 90 days.
/// let policy = InactivityPolicy::new(Duration::from_secs(90 * 24 * 60 * 60), 50).protect("support");
/// # let _ = policy;
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct InactivityPolicy {
    inactive_for_secs: u64,
    free: u32,
    #[serde(default)]
    protected: BTreeSet<String>,
}

impl InactivityPolicy {
    /// Removes members that were inactive for at least `inactive_for`, until `free` slots are free.
    ///
    /// The vendor's times have whole seconds, so a part of a second counts as a whole one.
    pub fn new(inactive_for: Duration, free: u32) -> Self {
        let part = u64::from(inactive_for.subsec_nanos() > 0);
        Self { inactive_for_secs: inactive_for.as_secs().saturating_add(part), free, protected: BTreeSet::new() }
    }

    /// Never removes this account.
    pub fn protect(mut self, account: impl Into<String>) -> Self {
        self.protected.insert(account.into());
        self
    }

    /// How many slots shall be free.
    pub fn free(&self) -> u32 {
        self.free
    }

    /// Whether `member` may be removed at `now`.
    pub fn allows(&self, member: &Member, now: SystemTime) -> bool {
        let inactive = since_epoch(now).as_secs().checked_sub(member.last_active());
        member.role() == Role::Member
            && inactive.is_some_and(|secs| secs >= self.inactive_for_secs)
            && !self.protected.contains(member.account())
    }
}
