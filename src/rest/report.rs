use serde::{Deserialize, Serialize};

use super::{GroupInfo, GroupType, Member};

/// What a [`MakeRoom`](super::MakeRoom) has found and done so far.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Report {
    group_type: Option<GroupType>,
    members: u32,
    limit: u32,
    scanned: u32,
    pub(super) candidates: Vec<Candidate>,
}

impl Report {
    /// The type of the group; `None` until the vendor told it.
    pub fn group_type(&self) -> Option<GroupType> {
        self.group_type
    }

    /// How many members the group had when the run last asked; 0 before.
    pub fn members(&self) -> u32 {
        self.members
    }

    /// How many members the group can have; 0 before the run asked.
    pub fn limit(&self) -> u32 {
        self.limit
    }

    /// How many entries of the list of members were read. Whoever moves from page to page meanwhile
    /// is counted twice.
    pub fn scanned(&self) -> u32 {
        self.scanned
    }

    /// The plan, first who goes first, and what became of each; empty until all members were read.
    pub fn candidates(&self) -> &[Candidate] {
        &self.candidates
    }

    /// Those of the plan of whom this became: `with_outcome(Outcome::Removed)` are the removed
    /// ones.
    pub fn with_outcome(&self, outcome: Outcome) -> impl Iterator<Item = &Candidate> {
        self.candidates.iter().filter(move |candidate| candidate.outcome == outcome)
    }

    pub(super) fn counted(&mut self, info: GroupInfo) {
        self.group_type = Some(info.group_type);
        self.members = info.members;
        self.limit = info.limit;
    }

    pub(super) fn read(&mut self, entries: usize) {
        let entries = u32::try_from(entries).unwrap_or(u32::MAX);
        self.scanned = self.scanned.saturating_add(entries);
    }
}

/// A member whom the plan wants to remove.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Candidate {
    pub(super) member: Member,
    pub(super) outcome: Outcome,
}

impl Candidate {
    /// The member, as it was when the plan was made.
    pub fn member(&self) -> &Member {
        &self.member
    }

    /// What became of it.
    pub fn outcome(&self) -> Outcome {
        self.outcome
    }
}

/// What became of a [`Candidate`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Outcome {
    /// Nothing yet; after a dry run, this is who would go.
    Planned,
    /// Was a member at the second look, and is none after the removal. Another run that removed it
    /// at the same moment reports it, too, because the vendor tells neither that the other one
    /// was first.
    Removed,
    /// Its removal was sent, and no usable answer came. The run looks again before it goes on, and
    /// then knows.
    Unconfirmed,
    /// Had left at the second look, or another run had removed it.
    Left,
    /// Spoke or joined anew between the plan and the second look, and stayed.
    Active,
    /// Was no ordinary member at the second look, and stayed.
    Promoted,
    /// Stayed, because enough slots were free without it.
    NotNeeded,
}
