use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::rest::GetSpecifiedGroupMemberInfo;

/// One removal. Its candidates are indices into those of the report.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Round {
    /// At most as many as one removal can have.
    pub(super) candidates: Vec<usize>,
    /// Where the next round begins. Earlier candidates that are not in this round are settled.
    pub(super) end: usize,
    /// How many of `candidates` have been looked at.
    pub(super) looked: usize,
    /// When the first of these looks was requested, because an answer is as old as its request. `None` if the
    /// clock was set back since.
    pub(super) looked_at: Option<Duration>,
    /// The candidates that the looks of this round allow to remove.
    pub(super) to_remove: Vec<usize>,
}

impl Round {
    pub(super) fn new(candidates: Vec<usize>, end: usize) -> Self {
        Self { candidates, end, ..Self::default() }
    }

    /// Returns the candidates for the next look.
    pub(super) fn next(&self) -> &[usize] {
        // In a saved run that was tampered with, `looked` can be too large.
        let rest = self.candidates.get(self.looked..).unwrap_or_default();
        &rest[..rest.len().min(GetSpecifiedGroupMemberInfo::MAX_ACCOUNTS)]
    }
}
