use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use super::clock::is_fresh;
use super::phase::Phase;
use super::report::Outcome;
use super::{InactivityPolicy, MakeRoom};
use crate::rest::{Member, MemberList, Role};

/// How a run goes on after a second look.
impl MakeRoom {
    pub(super) fn looked(&mut self, found: &MemberList, now: SystemTime, at: Duration) {
        let chosen = self.round.next();
        if chosen.start == self.round.start {
            self.round.looked_at = self.asked_at;
        }
        self.round.looked = chosen.end;
        let look = Look {
            policy: &self.policy,
            measured_at: self.measured_at(now),
            next_msg_seq: self.next_msg_seq,
            members: found.members.iter().map(|member| (member.account(), member)).collect(),
            list: found,
        };
        let candidates = self.report.candidates.iter_mut().enumerate();
        for (index, candidate) in candidates.take(chosen.end).skip(chosen.start) {
            let (outcome, may_go) = look.judge(&candidate.member, candidate.outcome);
            candidate.outcome = outcome;
            if may_go {
                self.round.doomed.push(index);
            }
            self.disturbed |= outcome == Outcome::Left;
        }
        if self.round.looked < self.round.end {
            return;
        }
        if self.round.doomed.is_empty() {
            self.begin_round(self.round.end);
        } else if self.disturbed || !is_fresh(self.counted_at, at) {
            self.phase = Phase::Recount;
        } else {
            self.phase = Phase::Delete;
        }
    }
}

/// What one answer says of the candidates.
struct Look<'a> {
    policy: &'a InactivityPolicy,
    measured_at: SystemTime,
    next_msg_seq: Option<u64>,
    members: HashMap<&'a str, &'a Member>,
    list: &'a MemberList,
}

/// How a candidate is now.
enum Now {
    Gone,
    Unclear,
    Promoted,
    Active,
    Reader,
    AsPlanned,
}

impl Look<'_> {
    /// Returns the outcome of a candidate, and whether it may be removed.
    fn judge(&self, planned: &Member, before: Outcome) -> (Outcome, bool) {
        let joined_anew = || {
            let now = self.members.get(planned.account());
            now.is_some_and(|now| now.joined() > planned.joined())
        };
        match (before, self.now(planned)) {
            // Once it was gone by this run, it came back if it is there again.
            (Outcome::Removed, _) | (Outcome::Unconfirmed | Outcome::Rejoined, Now::Gone) => (Outcome::Removed, false),
            // Its removal may still be carried out, so that it cannot be said to have stayed.
            (Outcome::Unconfirmed, Now::AsPlanned) => (Outcome::Unconfirmed, true),
            (Outcome::Unconfirmed, _) if joined_anew() => (Outcome::Rejoined, false),
            (Outcome::Unconfirmed | Outcome::Rejoined, _) => (before, false),
            (_, Now::Gone) => (Outcome::Left, false),
            (_, Now::Unclear) => (Outcome::Unclear, false),
            (_, Now::Promoted) => (Outcome::Promoted, false),
            (_, Now::Active) => (Outcome::Active, false),
            (_, Now::Reader) => (Outcome::Reader, false),
            (_, Now::AsPlanned) => (Outcome::Planned, true),
        }
    }

    fn now(&self, planned: &Member) -> Now {
        let Some(member) = self.members.get(planned.account()) else {
            let unclear = self.list.unclear.iter().any(|account| account == planned.account());
            // An entry without an account can be about anybody.
            return if unclear || self.list.unnamed > 0 { Now::Unclear } else { Now::Gone };
        };
        if member.role() != Role::Member {
            Now::Promoted
        } else if member.joined().is_none() {
            Now::Unclear
        } else if member.last_active() != planned.last_active()
            || member.joined() != planned.joined()
            || !self.policy.allows(member, self.measured_at)
        {
            Now::Active
        } else if self.policy.is_reader(member, self.next_msg_seq)
            || (self.policy.spares_readers() && member.msg_seq() != planned.msg_seq())
        {
            Now::Reader
        } else {
            Now::AsPlanned
        }
    }
}
