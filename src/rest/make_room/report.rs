use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::census::Census;
use super::{Outcome, Spared};
use crate::rest::{GroupInfo, GroupType, Member};

/// What a [`MakeRoom`](super::MakeRoom) has found and done so far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    group_id: String,
    group_type: Option<GroupType>,
    members: u32,
    limit: u32,
    /// How many members are known to be removed since the count.
    removed: u32,
    aim: u32,
    pub(super) scanned: u32,
    pub(super) limit_raise: Option<LimitRaise>,
    pub(super) census: Census,
    pub(super) protected_not_found: BTreeSet<String>,
    pub(super) candidates: Vec<Candidate>,
}

impl Report {
    pub(super) fn new(group_id: String, protected: &BTreeSet<String>) -> Self {
        Self {
            group_id,
            group_type: None,
            members: 0,
            limit: 0,
            removed: 0,
            aim: 0,
            scanned: 0,
            limit_raise: None,
            census: Census::default(),
            protected_not_found: protected.clone(),
            candidates: Vec::new(),
        }
    }

    /// Returns the group.
    pub fn group_id(&self) -> &str {
        &self.group_id
    }

    /// Returns the type of the group; `None` until the first count.
    pub fn group_type(&self) -> Option<GroupType> {
        self.group_type
    }

    /// Returns how many members the group had when the run last asked; 0 before the first count. See
    /// [`free`](Self::free) for later changes.
    pub fn members(&self) -> u32 {
        self.members
    }

    /// Returns how many members the group can have; 0 before the first count. If a raise is only
    /// [`Planned`](LimitRaise::Planned), it is the limit after it.
    pub fn limit(&self) -> u32 {
        self.limit
    }

    /// Returns how many slots are free: those at the last count, plus the members who are known to be removed
    /// since. Others may have joined meanwhile, and a candidate who left between its look and the count is
    /// counted twice, so this is an upper bound.
    pub fn free(&self) -> u32 {
        self.limit.saturating_sub(self.members.saturating_sub(self.removed))
    }

    /// Returns how many slots the run wants to be free: what the policy wants, and at most its share
    /// of the limit. 0 before the first count.
    pub fn aim(&self) -> u32 {
        self.aim
    }

    /// Returns how many entries of the list of members were read. Pages can overlap, so one member
    /// can be several entries.
    pub fn scanned(&self) -> u32 {
        self.scanned
    }

    /// Returns what became of raising the limit; `None` if the policy does not raise it, if it was not
    /// necessary, or if the vendor refused.
    pub fn limit_raise(&self) -> Option<LimitRaise> {
        self.limit_raise
    }

    /// Returns how many members stay, by reason. It covers all members that were read, and the candidates.
    pub fn spared(&self) -> impl Iterator<Item = (Spared, u32)> {
        let mut spared = self.census.get();
        for candidate in &self.candidates {
            if let Outcome::Stays(why) = candidate.outcome {
                let count = spared.entry(why).or_default();
                *count = count.saturating_add(1);
            }
        }
        spared.into_iter()
    }

    /// Returns the protected accounts that are not in the group; all of them until the members are read. A
    /// misspelt account protects nobody.
    pub fn protected_not_found(&self) -> impl Iterator<Item = &str> {
        self.protected_not_found.iter().map(String::as_str)
    }

    /// Returns the plan in removal order, and what became of each candidate; empty until all members were read.
    pub fn candidates(&self) -> &[Candidate] {
        &self.candidates
    }

    /// Returns the candidates with this outcome, in removal order.
    pub fn with_outcome(&self, outcome: Outcome) -> impl Iterator<Item = &Candidate> {
        self.candidates.iter().filter(move |candidate| candidate.outcome == outcome)
    }

    pub(super) fn counted(&mut self, info: &GroupInfo, aim: u32) {
        self.group_type = Some(info.group_type);
        self.members = info.members;
        self.limit = info.limit;
        self.aim = aim;
        self.removed = 0;
    }

    /// Adds the plan. Members carried over from a saved run are already in it.
    pub(super) fn planned(&mut self, members: Vec<Member>) {
        self.census.end(members.len());
        let carried: BTreeSet<_> = self.candidates.iter().map(|one| one.member.account().to_owned()).collect();
        let members = members.into_iter().filter(|member| !carried.contains(member.account()));
        self.candidates.extend(members.map(Candidate::new));
    }

    pub(super) fn removed(&mut self, members: u32) {
        self.removed = self.removed.saturating_add(members);
    }

    /// Returns how many removals got no answer and may still be carried out.
    pub(super) fn unanswered(&self) -> u32 {
        let unanswered = self.candidates.iter().filter(|candidate| candidate.outcome.is_unanswered());
        u32::try_from(unanswered.count()).unwrap_or(u32::MAX)
    }
}

/// A member that the plan wants to remove.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Candidate {
    pub(super) member: Member,
    pub(super) outcome: Outcome,
    pub(super) removal_sent: Option<u64>,
    /// Whether the caller approved it; without an approval, the whole plan is carried out.
    pub(super) approved: bool,
}

impl Candidate {
    fn new(member: Member) -> Self {
        Self { member, outcome: Outcome::Planned, removal_sent: None, approved: false }
    }

    /// Returns the member, as it was when the plan was made.
    pub fn member(&self) -> &Member {
        &self.member
    }

    /// Returns what became of it.
    pub fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// Returns when its removal was last handed out, to the second, with any result.
    pub fn removal_sent(&self) -> Option<SystemTime> {
        SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(self.removal_sent?))
    }
}

/// The state of raising the group's limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum LimitRaise {
    /// The raise would be sent before any removal.
    Planned,
    /// The vendor accepted the raise, or a later count showed the new limit.
    Raised,
    /// The raise was sent, and no usable answer came. It may still be carried out.
    Unconfirmed,
}
