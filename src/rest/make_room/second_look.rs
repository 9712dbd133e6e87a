use std::collections::HashMap;
use std::time::SystemTime;

use super::run::Run;
use super::{Candidate, Outcome, Spared};
use crate::rest::error::Unproven;
use crate::rest::{Member, MemberList};

/// Compares the candidates with one response.
pub(super) struct SecondLook<'a> {
    run: &'a Run,
    measured_at: SystemTime,
    members: HashMap<&'a str, &'a Member>,
    list: &'a MemberList,
}

enum Now {
    Gone,
    Stays(Spared),
    AsPlanned,
}

impl<'a> SecondLook<'a> {
    pub(super) fn new(run: &'a Run, list: &'a MemberList, measured_at: SystemTime) -> Self {
        let members = list.members.iter().map(|member| (member.account(), member)).collect();
        Self { run, measured_at, members, list }
    }

    /// Returns the outcome of a candidate, and whether it may be removed.
    pub(super) fn judge(&self, candidate: &Candidate) -> (Outcome, bool) {
        let (planned, before) = (&candidate.member, candidate.outcome);
        let joined_anew = || {
            let now = self.members.get(planned.account());
            now.is_some_and(|now| now.joined() > planned.joined())
        };
        match (before, self.now(planned)) {
            // This run has removed it, so if it is present, it has joined again.
            (Outcome::Removed, _) | (Outcome::Unconfirmed | Outcome::Rejoined, Now::Gone) => (Outcome::Removed, false),
            // Its removal may still be carried out, so the outcome must not claim that it stayed.
            (Outcome::Unconfirmed, Now::AsPlanned) => (Outcome::Unconfirmed, true),
            (Outcome::Unconfirmed, _) if joined_anew() => (Outcome::Rejoined, false),
            (Outcome::Unconfirmed | Outcome::Rejoined, _) => (before, false),
            (_, Now::Gone) => (Outcome::Left, false),
            (_, Now::Stays(spared)) => (Outcome::Stays(spared), false),
            (_, Now::AsPlanned) => (Outcome::Planned, true),
        }
    }

    fn now(&self, planned: &Member) -> Now {
        let Some(member) = self.members.get(planned.account()) else {
            let unclear = self.list.unclear.iter().any(|account| account == planned.account());
            // An entry without an account can be anyone.
            return if unclear || self.list.unnamed > 0 { Now::Stays(Spared::Unclear) } else { Now::Gone };
        };
        if member.account() == self.run.admin {
            return Now::Stays(Spared::ApiAdmin);
        }
        // A mute that was lifted since the plan still forced the silence before.
        let mute = planned.muted_until().unwrap_or(0).max(self.run.muted(planned.account()));
        let member = Member::clone(member).also_muted_until(mute);
        if let Some(spared) = self.run.policy.spares(&member, self.measured_at) {
            Now::Stays(spared)
        } else if let Some(why) = self.run.silence_is_empty(self.measured_at) {
            // Only if the clock was set back since the count.
            Now::Stays(if why == Unproven::Muted { Spared::Muted } else { Spared::Unclear })
        } else if member.last_active() != planned.last_active() || member.joined() != planned.joined() {
            Now::Stays(Spared::Active)
        } else if self.run.policy.is_reader(&member, self.run.next_msg_seq)
            || (self.run.policy.spare_readers.is_some() && member.msg_seq() != planned.msg_seq())
        {
            Now::Stays(Spared::Reader)
        } else {
            Now::AsPlanned
        }
    }
}
