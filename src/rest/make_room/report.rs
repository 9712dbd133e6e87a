use serde::{Deserialize, Serialize};

use crate::rest::{GroupInfo, GroupType, Member};

/// What a [`MakeRoom`](super::MakeRoom) has found and done so far.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    group_type: Option<GroupType>,
    members: u32,
    limit: u32,
    aim: u32,
    scanned: u32,
    pub(super) candidates: Vec<Candidate>,
}

impl Report {
    /// Returns the type of the group; `None` until the vendor told it.
    pub fn group_type(&self) -> Option<GroupType> {
        self.group_type
    }

    /// Returns how many members the group had when the run last asked; 0 before. The last removal may
    /// have come after that.
    pub fn members(&self) -> u32 {
        self.members
    }

    /// Returns how many members the group can have; 0 before the run asked.
    pub fn limit(&self) -> u32 {
        self.limit
    }

    /// Returns how many slots the run wants to be free: what the policy wants, and at most its share
    /// of the limit. 0 before the run asked.
    pub fn aim(&self) -> u32 {
        self.aim
    }

    /// Returns how many entries of the list of members were read. Pages can overlap, so one member
    /// can be several entries.
    pub fn scanned(&self) -> u32 {
        self.scanned
    }

    /// Returns the plan in removal order, and what became of each candidate; empty until all members
    /// were read.
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
    }

    pub(super) fn read(&mut self, entries: u32) {
        self.scanned = self.scanned.saturating_add(entries);
    }

    /// How many removals got no answer and may still be carried out, now or later.
    pub(super) fn unanswered(&self) -> u32 {
        let unanswered = self.candidates.iter().filter(|candidate| candidate.outcome.is_unanswered());
        u32::try_from(unanswered.count()).unwrap_or(u32::MAX)
    }
}

/// A member whom the plan wants to remove.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Candidate {
    pub(super) member: Member,
    pub(super) outcome: Outcome,
}

impl Candidate {
    /// Returns the member, as it was when the plan was made.
    pub fn member(&self) -> &Member {
        &self.member
    }

    /// Returns what became of it.
    pub fn outcome(&self) -> Outcome {
        self.outcome
    }
}

/// What became of a [`Candidate`].
///
/// "The second look" is the last one before the removal, or the one after a removal that got no
/// answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Outcome {
    /// Not decided. After a dry run: would be looked at again, and then removed.
    Planned,
    /// Was a member at the second look; then its removal was sent, and the vendor says that it was
    /// carried out, or it was no member at the next look. A member who left by itself at that moment, or
    /// was removed by another run, looks the same.
    Removed,
    /// Its removal was sent, and no usable answer came. It was still a member when the run last
    /// looked, or the run has not looked since. The removal may still be carried out.
    Unconfirmed,
    /// Its removal was sent, and no usable answer came. At the next look it had joined again: it
    /// was removed, or had left, and came back. The removal may still be carried out.
    Rejoined,
    /// Was no member at the second look. No removal of this run was on its way.
    Left,
    /// Sent a message or joined anew between the plan and the second look, or by the clock of the
    /// second look was not inactive for long enough. Was not removed.
    Active,
    /// Has read one of the last messages, which the policy spares, or has read on since the plan was
    /// made. Was not removed.
    Reader,
    /// Was no ordinary member at the second look. Was not removed.
    Promoted,
    /// The second look could not be understood, or contradicted itself. Was not removed.
    Unclear,
    /// Was not removed, because enough slots were free without it, counting every removal that got no
    /// answer as done.
    NotNeeded,
}

impl Outcome {
    pub(super) fn is_unanswered(self) -> bool {
        matches!(self, Self::Unconfirmed | Self::Rejoined)
    }
}
