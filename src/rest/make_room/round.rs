use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::rest::GetSpecifiedGroupMemberInfo;

/// One removal: which candidates of the report it is about, by index.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Round {
    /// At most as many as one removal can have.
    pub(super) candidates: Vec<usize>,
    /// Where the next round begins. All before it, and not in this round, are settled.
    pub(super) end: usize,
    /// How many of `candidates` have been looked at.
    pub(super) looked: usize,
    /// When the first of these looks was asked for: what an answer says is as old as its request.
    /// `None` if the clock was set back since.
    pub(super) looked_at: Option<Duration>,
    /// Whom the looks of this round allow to remove, and nobody else.
    pub(super) to_remove: Vec<usize>,
}

impl Round {
    pub(super) fn new(candidates: Vec<usize>, end: usize) -> Self {
        Self { candidates, end, ..Self::default() }
    }

    /// The candidates whom the next look is about.
    pub(super) fn next(&self) -> &[usize] {
        // A saved run that somebody has changed can have looked at more than there are.
        let rest = self.candidates.get(self.looked..).unwrap_or_default();
        &rest[..rest.len().min(GetSpecifiedGroupMemberInfo::MAX_ACCOUNTS)]
    }
}
