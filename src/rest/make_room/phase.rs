use std::ops::Range;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::scan::Scan;
use crate::rest::GetSpecifiedGroupMemberInfo;

/// Which request comes next, or is on its way.
///
/// They come in this order. From `Look` on they repeat, once for each removal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) enum Phase {
    /// How full is the group? Nothing is known yet.
    Count,
    /// Who are its members? The count is known, and the plan grows.
    Scan(Scan),
    /// How are the candidates of this round now? The plan is made: from here on only outcomes change.
    Look,
    /// How full is the group now? The round has been looked at, and somebody in it is doomed.
    Recount,
    /// Remove the doomed. Handed out only while the look and the count are fresh.
    Delete,
    /// Nothing is sent any more.
    Done,
}

/// One removal: which candidates of the report it is about, by index.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Round {
    /// At most as many as one removal can have. Those before `start` are settled.
    pub(super) start: usize,
    pub(super) end: usize,
    /// From `start` to here, all have been looked at.
    pub(super) looked: usize,
    /// When the first of these looks was asked for: what an answer says is as old as its request.
    /// `None` if the clock was set back since.
    pub(super) looked_at: Option<Duration>,
    /// Whom the looks of this round allow to remove, and nobody else.
    pub(super) doomed: Vec<usize>,
}

impl Round {
    pub(super) fn new(start: usize, end: usize) -> Self {
        Self { start, end, looked: start, ..Self::default() }
    }

    /// The candidates whom the next look is about.
    pub(super) fn next(&self) -> Range<usize> {
        self.looked..self.end.min(self.looked.saturating_add(GetSpecifiedGroupMemberInfo::MAX_ACCOUNTS))
    }
}
