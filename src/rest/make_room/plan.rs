use std::collections::HashMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::rest::{Member, QueryOnlineStatus};

/// The best candidates for removal among all members considered so far.
///
/// Invariants: each account is present once, with its latest entry; a member who was considered and dropped
/// ranks behind `slots` others who are not online.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Plan {
    slots: usize,
    #[serde(serialize_with = "save", deserialize_with = "read")]
    members: HashMap<String, Considered>,
    /// The lowest of the best when they were last sorted; members that rank behind it are not added.
    worst: Option<Member>,
}

impl Plan {
    pub(super) fn new(slots: u32) -> Self {
        Self { slots: usize::try_from(slots).unwrap_or(usize::MAX), ..Self::default() }
    }

    /// Adds `member` if it can be among the best.
    pub(super) fn consider(&mut self, member: Member) {
        self.forget(member.account());
        if self.slots == 0 || self.worst.as_ref().is_some_and(|worst| rank(worst) < rank(&member)) {
            return;
        }
        self.members.insert(member.account().to_owned(), Considered { member, offline: false });
    }

    /// Removes an account because of a later entry.
    pub(super) fn forget(&mut self, account: &str) {
        if self.members.remove(account).is_some() && self.members.len() < self.slots {
            self.worst = None;
        }
    }

    /// Returns whom to ask about before the others can be dropped or, at the `end`, before the plan is made.
    /// The best come first, and the next fill up the call.
    pub(super) fn to_ask(&self, end: bool) -> Vec<String> {
        if !end && !self.is_full() {
            return Vec::new();
        }
        let members = in_order(&self.members);
        if members.iter().take(self.slots).all(|one| one.offline) {
            return Vec::new();
        }
        let unknown = members.into_iter().filter(|one| !one.offline).take(QueryOnlineStatus::MAX_ACCOUNTS);
        unknown.map(|one| one.member.account().to_owned()).collect()
    }

    pub(super) fn is_offline(&mut self, account: &str) {
        if let Some(one) = self.members.get_mut(account) {
            one.offline = true;
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Returns whether there are so many more than `slots` that it is time to sort and to ask who is online.
    fn is_full(&self) -> bool {
        let more = self.slots.saturating_mul(2).max(QueryOnlineStatus::MAX_ACCOUNTS);
        self.members.len() >= self.slots.saturating_add(more)
    }

    /// Drops all but the best once there are many more.
    pub(super) fn keep_the_best(&mut self) {
        if !self.is_full() {
            return;
        }
        let mut members: Vec<_> = self.members.drain().collect();
        let (_, (_, worst), _) = members.select_nth_unstable_by(self.slots.saturating_sub(1), |(_, a), (_, b)| {
            rank(&a.member).cmp(&rank(&b.member))
        });
        self.worst = Some(worst.member.clone());
        members.truncate(self.slots);
        self.members.extend(members);
    }

    /// Returns the members to remove, in removal order.
    pub(super) fn members(&self) -> Vec<Member> {
        in_order(&self.members).into_iter().take(self.slots).map(|one| one.member.clone()).collect()
    }
}

fn in_order(members: &HashMap<String, Considered>) -> Vec<&Considered> {
    let mut members: Vec<_> = members.values().collect();
    members.sort_unstable_by(|a, b| rank(&a.member).cmp(&rank(&b.member)));
    members
}

/// The sort key of the removal order.
fn rank(member: &Member) -> (u64, Option<u64>, &str) {
    (member.last_active(), member.joined(), member.account())
}

/// A member of the plan, and whether it was not online when the run asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Considered {
    member: Member,
    offline: bool,
}

fn save<S: Serializer>(members: &HashMap<String, Considered>, serializer: S) -> Result<S::Ok, S::Error> {
    in_order(members).serialize(serializer)
}

fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<HashMap<String, Considered>, D::Error> {
    let members = Vec::<Considered>::deserialize(deserializer)?;
    Ok(members.into_iter().map(|one| (one.member.account().to_owned(), one)).collect())
}
