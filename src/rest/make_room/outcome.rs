use std::fmt;

use serde::{Deserialize, Serialize};

use super::Spared;

/// What became of a [`Candidate`](super::Candidate).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Outcome {
    /// Undecided. At the end of a plan: it would be looked at again, and then removed.
    Planned,
    /// The run looked at it again and sent its removal; then the vendor confirmed the removal, or the next look did not
    /// find the member. A member who left at that moment, or was removed by another run, looks the same.
    Removed,
    /// Its removal was sent, and no usable answer came. No look since has shown that it is gone. The
    /// removal may still be carried out.
    Unconfirmed,
    /// Its removal was sent, and no usable answer came. At the next look it had joined again, after it was
    /// removed or left. The removal may still be carried out.
    Rejoined,
    /// It was no longer a member when the run looked at it again. No removal of this run was in flight.
    Left,
    /// It was not removed.
    Stays(Spared),
}

impl Outcome {
    /// Returns the outcome in snake case, such as `removed`, for the label of a metric. It is `stays` whatever the
    /// reason; see [`Spared::as_str`].
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Removed => "removed",
            Self::Unconfirmed => "unconfirmed",
            Self::Rejoined => "rejoined",
            Self::Left => "left",
            Self::Stays(_) => "stays",
        }
    }

    pub(super) fn is_unanswered(self) -> bool {
        matches!(self, Self::Unconfirmed | Self::Rejoined)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
