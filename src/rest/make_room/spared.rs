use serde::{Deserialize, Serialize};

use crate::labelled;

labelled! {
    /// Why a member stays.
    #[derive(PartialOrd, Ord, Serialize, Deserialize)]
    pub enum Spared {
        /// The owner or an admin.
        Role = "role",
        /// The policy [protects](super::InactivityPolicy::protect) the account.
        Protected = "protected",
        /// A chat robot: the account begins with `@RBT#`.
        Robot = "robot",
        /// The account that makes the calls: [`RestApi::admin`](crate::rest::RestApi::admin).
        ApiAdmin = "api_admin",
        /// The vendor's data on the member is unreadable or contradictory, has no join time or a time in the
        /// future, or does not say whether the member is online.
        Unclear = "unclear",
        /// Was muted for a part of the time that the policy looks back.
        Muted = "muted",
        /// Joined, or sent a message, within the time that the policy looks back, or since the plan was made.
        Active = "active",
        /// Has read one of the last messages, which the policy spares, or has read more since the plan was made.
        Reader = "reader",
        /// Is online, or can be reached by a push.
        Online = "online",
        /// Was left out when the plan was [approved](super::MakeRoom::approve).
        NotApproved = "not_approved",
        /// Its removal was not needed, counting every unanswered removal as done.
        NotNeeded = "not_needed",
    }
    /// Returns the reason in snake case, such as `api_admin`, for the label of a metric.
    as_str
}
