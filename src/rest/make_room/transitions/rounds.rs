use std::time::{Duration, SystemTime};

use super::super::clock::is_fresh;
use super::super::report::{Candidate, Outcome};
use super::super::round::Round;
use super::super::run::Run;
use super::super::second_look::SecondLook;
use super::Phase;
use crate::rest::{DeleteGroupMembers, GroupInfo, MemberList};

/// How a run goes from one removal to the next: it looks at the candidates again, and counts.
impl Run {
    /// Goes on with the candidates from `start`: with as many as are missing and not on their way
    /// already, and as one removal can have. Those whose removal got no answer are looked at in any case.
    pub(super) fn begin_round(&mut self, start: usize) {
        let mut budget = self.budget();
        let mut round = Vec::new();
        for (index, candidate) in self.report.candidates.iter().enumerate().skip(start) {
            match candidate.outcome {
                Outcome::Planned if budget == 0 => break,
                Outcome::Planned => budget -= 1,
                Outcome::Unconfirmed => {}
                _ => continue,
            }
            round.push(index);
            if round.len() == DeleteGroupMembers::MAX_ACCOUNTS {
                break;
            }
        }
        self.retry.progressed();
        match round.last() {
            Some(last) => {
                let end = last.saturating_add(1);
                self.look_at(Round::new(round, end));
            }
            None => self.finish(),
        }
    }

    /// How many more may be removed, who were not sent before: what got no answer counts as done.
    pub(super) fn budget(&self) -> u32 {
        self.missing.saturating_sub(self.report.unanswered())
    }

    fn look_at(&mut self, round: Round) {
        self.round = round;
        self.go(Phase::Look);
    }

    /// Looks at the whole round again. Then it is counted again, too: the last count may have allowed fewer than
    /// the round has.
    pub(super) fn look_again(&mut self) {
        self.counted_at = None;
        let Round { candidates, end, .. } = std::mem::take(&mut self.round);
        self.look_at(Round::new(candidates, end));
    }

    pub(super) fn looked(&mut self, found: &MemberList, now: SystemTime, at: Duration) {
        if self.round.looked == 0 {
            self.round.looked_at = self.asked_at;
        }
        self.note_mutes(&found.members, self.measured_at(now));
        let look = SecondLook::new(self, found, self.measured_at(now));
        let judged = self.round.next().iter().filter_map(|index| Some((*index, look.judge(self.candidate(*index)?))));
        let judged: Vec<_> = judged.collect();
        self.round.looked = self.round.looked.saturating_add(self.round.next().len());
        for (index, (outcome, may_go)) in judged {
            let candidate = &mut self.report.candidates[index];
            // A count since would have told it.
            let known = outcome == Outcome::Removed && candidate.outcome.is_unanswered() && self.counted_at.is_none();
            candidate.outcome = outcome;
            // A removal from before the approval, which got no answer, is not sent again without one.
            if may_go && (candidate.approved || !self.approved) {
                self.round.to_remove.push(index);
            }
            self.disturbed |= outcome == Outcome::Left;
            if known {
                self.report.removed(1);
            }
        }
        if self.round.looked < self.round.candidates.len() {
            return;
        }
        if self.policy.asks_who_is_online() && !self.round.to_remove.is_empty() {
            self.go(Phase::LookOnline);
        } else {
            self.judged_all(at);
        }
    }

    fn candidate(&self, index: usize) -> Option<&Candidate> {
        self.report.candidates.get(index)
    }

    /// Everybody in the round has been looked at.
    pub(super) fn judged_all(&mut self, at: Duration) {
        if self.round.to_remove.is_empty() {
            self.begin_round(self.round.end);
        } else if self.disturbed || !is_fresh(self.counted_at, at) {
            self.go(Phase::Count);
        } else {
            self.go(Phase::Delete);
        }
    }

    /// Goes on with the plan after a count that says how many slots are missing now.
    pub(super) fn recounted(&mut self, info: &GroupInfo) {
        if self.round.to_remove.is_empty() || self.round.looked < self.round.candidates.len() {
            // From before a raise, or from a plan that waited to be approved.
            let start = self.round.candidates.first().copied().unwrap_or(0);
            self.begin_round(start);
            return;
        }
        let fell = info.next_msg_seq.filter(|next| Some(*next) < self.next_msg_seq);
        if self.policy.spares_readers() && fell.is_some() {
            // The look judged by a number that was too high, or the numbers have begun anew.
            self.next_msg_seq = fell;
            self.look_again();
            self.retry.too_slow();
            return;
        }
        // All that got no answer may still be carried out. So they are sent again only if every one of them is
        // missing, and others only for what is missing beside them.
        let (again, mut anew) = (self.report.unanswered() <= self.missing, self.budget());
        let candidates = &self.report.candidates;
        self.round.to_remove.retain(|index| {
            let sent_before = candidates.get(*index).is_some_and(|candidate| candidate.outcome.is_unanswered());
            let may_go = if sent_before { again } else { anew > 0 };
            anew = anew.saturating_sub(u32::from(!sent_before));
            may_go
        });
        if self.round.to_remove.is_empty() {
            self.begin_round(self.round.end);
        } else {
            self.go(Phase::Delete);
        }
    }
}
