use std::borrow::Borrow;
use std::collections::HashSet;
use std::hash::{Hash, Hasher};

use serde::{Deserialize, Serialize};

use crate::rest::Member;

/// Whom to remove: the best candidates of all members considered so far.
///
/// Invariants: every account is there once, as it came last; and a member who was considered and is
/// not there was worse than `slots` others. It holds some more, so that sorting is rare, but fewer than
/// `slots` times [`ROOM`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(from = "Saved", into = "Saved")]
pub(super) struct Plan {
    slots: usize,
    members: HashSet<ByAccount>,
    /// The worst of the best when they were last sorted: who is worse than that is not taken in.
    worst: Option<Member>,
}

const ROOM: usize = 3;

impl Plan {
    pub(super) fn new(slots: u32) -> Self {
        Self { slots: usize::try_from(slots).unwrap_or(usize::MAX), ..Self::default() }
    }

    /// Takes `member` in, if it is among the best.
    pub(super) fn consider(&mut self, member: Member) {
        self.forget(member.account());
        if self.slots == 0 || self.worst.as_ref().is_some_and(|worst| rank(worst) < rank(&member)) {
            return;
        }
        self.members.insert(ByAccount(member));
        if self.members.len() >= self.slots.saturating_mul(ROOM) {
            self.keep_the_best();
        }
    }

    /// Takes an account out, because of what came later.
    pub(super) fn forget(&mut self, account: &str) {
        if self.members.remove(account) && self.members.len() < self.slots {
            self.worst = None;
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    fn keep_the_best(&mut self) {
        let mut members: Vec<_> = self.members.drain().collect();
        let (_, worst, _) = members.select_nth_unstable_by(self.slots - 1, |a, b| rank(&a.0).cmp(&rank(&b.0)));
        self.worst = Some(worst.0.clone());
        members.truncate(self.slots);
        self.members.extend(members);
    }

    /// Returns the members to remove, first who goes first.
    pub(super) fn into_members(self) -> Vec<Member> {
        let slots = self.slots;
        let mut members = self.sorted();
        members.truncate(slots);
        members
    }

    fn sorted(self) -> Vec<Member> {
        let mut members: Vec<_> = self.members.into_iter().map(|ByAccount(member)| member).collect();
        members.sort_unstable_by(|a, b| rank(a).cmp(&rank(b)));
        members
    }
}

/// The lower, the sooner it goes.
fn rank(member: &Member) -> (u64, Option<u64>, &str) {
    (member.last_active(), member.joined(), member.account())
}

/// A member that is found by its account.
#[derive(Debug, Clone)]
struct ByAccount(Member);

impl Borrow<str> for ByAccount {
    fn borrow(&self) -> &str {
        self.0.account()
    }
}

impl Hash for ByAccount {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.account().hash(state);
    }
}

impl PartialEq for ByAccount {
    fn eq(&self, other: &Self) -> bool {
        self.0.account() == other.0.account()
    }
}

impl Eq for ByAccount {}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Saved {
    slots: usize,
    members: Vec<Member>,
    worst: Option<Member>,
}

impl From<Plan> for Saved {
    fn from(mut plan: Plan) -> Self {
        Self { slots: plan.slots, worst: plan.worst.take(), members: plan.sorted() }
    }
}

impl From<Saved> for Plan {
    fn from(saved: Saved) -> Self {
        let members = saved.members.into_iter().map(ByAccount).collect();
        Self { slots: saved.slots, members, worst: saved.worst }
    }
}
