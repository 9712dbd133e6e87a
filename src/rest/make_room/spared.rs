use std::fmt;

use serde::{Deserialize, Serialize};

/// Why a member stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Spared {
    /// The owner or an admin.
    Role,
    /// The policy [protects](super::InactivityPolicy::protect) the account.
    Protected,
    /// A chat robot: the account begins with `@RBT#`.
    Robot,
    /// The account that makes the calls: [`RestApi::admin`](crate::rest::RestApi::admin).
    ApiAdmin,
    /// The vendor's data on the member is unreadable or contradictory, has no join time or a time in the
    /// future, or does not say whether the member is online.
    Unclear,
    /// Was muted for a part of the time that the policy looks back.
    Muted,
    /// Joined, or sent a message, within the time that the policy looks back, or since the plan was made.
    Active,
    /// Has read one of the last messages, which the policy spares, or has read more since the plan was made.
    Reader,
    /// Is online, or can be reached by a push.
    Online,
    /// Was left out when the plan was [approved](super::MakeRoom::approve).
    NotApproved,
    /// Its removal was not needed, counting every unanswered removal as done.
    NotNeeded,
}

impl Spared {
    /// Returns the reason in snake case, such as `api_admin`, for the label of a metric.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Role => "role",
            Self::Protected => "protected",
            Self::Robot => "robot",
            Self::ApiAdmin => "api_admin",
            Self::Unclear => "unclear",
            Self::Muted => "muted",
            Self::Active => "active",
            Self::Reader => "reader",
            Self::Online => "online",
            Self::NotApproved => "not_approved",
            Self::NotNeeded => "not_needed",
        }
    }
}

impl fmt::Display for Spared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
