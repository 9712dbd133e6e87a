use std::collections::{BTreeSet, HashMap};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::{InactivityPolicy, Member};

/// Whom to remove: the best candidates of all members considered so far, in the order of
/// [`InactivityPolicy`].
///
/// It keeps as many members as there are slots to free, however many are considered. A member that
/// comes twice, because pages shift while a group is read, is there once, as it came last.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(from = "Saved", into = "Saved")]
pub struct Plan {
    slots: usize,
    ranks: BTreeSet<(u64, u64, String)>,
    members: HashMap<String, Member>,
}

impl Plan {
    /// A plan to free so many slots.
    pub fn new(slots: u32) -> Self {
        Self { slots: usize::try_from(slots).unwrap_or(usize::MAX), ..Self::default() }
    }

    /// Takes `member` in if `policy` allows its removal at `now` and it is among the best.
    pub fn consider(&mut self, policy: &InactivityPolicy, member: Member, now: SystemTime) {
        if let Some(before) = self.members.remove(member.account()) {
            self.ranks.remove(&rank(&before));
        }
        if policy.allows(&member, now) {
            self.insert(member);
        }
    }

    /// The members to remove, first who goes first.
    pub fn into_members(mut self) -> Vec<Member> {
        let ranks = self.ranks.into_iter();
        ranks.filter_map(|(_, _, account)| self.members.remove(&account)).collect()
    }

    fn insert(&mut self, member: Member) {
        if self.ranks.len() >= self.slots {
            let better = self.ranks.last().is_some_and(|(active, joined, account)| {
                let worst = (*active, *joined, account.as_str());
                (member.last_active(), member.joined(), member.account()) < worst
            });
            if !better {
                return;
            }
            if let Some((_, _, account)) = self.ranks.pop_last() {
                self.members.remove(&account);
            }
        }
        self.ranks.insert(rank(&member));
        self.members.insert(member.account.clone(), member);
    }
}

/// The lower, the sooner it goes.
fn rank(member: &Member) -> (u64, u64, String) {
    (member.last_active(), member.joined(), member.account.clone())
}

#[derive(Serialize, Deserialize)]
struct Saved {
    slots: usize,
    members: Vec<Member>,
}

impl From<Plan> for Saved {
    fn from(plan: Plan) -> Self {
        let slots = plan.slots;
        let members = plan.into_members();
        Self { slots, members }
    }
}

impl From<Saved> for Plan {
    fn from(saved: Saved) -> Self {
        let mut plan = Self { slots: saved.slots, ..Self::default() };
        for member in saved.members {
            plan.insert(member);
        }
        plan
    }
}
