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
    /// What the vendor tells of the member cannot be understood or contradicts itself, has no time of
    /// joining or a time in the future, or does not say whether it is online.
    Unclear,
    /// Was not allowed to speak for a part of the time.
    Muted,
    /// Joined, or sent a message, within the time that the policy looks back, or since the plan was made.
    Active,
    /// Has read one of the last messages, which the policy spares, or has read on since the plan was made.
    Reader,
    /// Is online, or can be reached by a push.
    Online,
    /// Was left out when the plan was [approved](super::MakeRoom::approve).
    NotApproved,
    /// Enough slots were free without it, counting every removal that got no answer as done.
    NotNeeded,
}
