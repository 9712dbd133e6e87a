use std::time::{Duration, SystemTime};

use super::super::Outcome;
use super::super::clock::is_fresh;
use super::super::round::Round;
use super::super::run::Run;
use super::super::second_look::SecondLook;
use super::Phase;
use super::plan::spared_by;
use crate::rest::{DeleteGroupMembers, GroupInfo, MemberList, OnlineStatusList};

/// Goes from one removal to the next: looks at the candidates again, and counts.
impl Run {
    /// Begins a round with the candidates from `start`: as many as are still needed and fit into one removal.
    /// It always includes those whose removal got no answer.
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

    /// Returns how many new removals may be sent: unanswered ones count as done.
    pub(super) fn budget(&self) -> u32 {
        self.missing.saturating_sub(self.report.unanswered())
    }

    fn look_at(&mut self, round: Round) {
        self.round = round;
        self.go(Phase::Look);
    }

    /// Looks at the whole round again, and then counts again: the last count may have allowed fewer removals
    /// than the round has.
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
        let candidates = &self.report.candidates;
        let judge = |index: &usize| Some((*index, look.judge(candidates.get(*index)?)));
        let judged: Vec<_> = self.round.next().iter().filter_map(judge).collect();
        self.round.looked = self.round.looked.saturating_add(self.round.next().len());
        for (index, (outcome, may_go)) in judged {
            let candidate = &mut self.report.candidates[index];
            // A later count would already include it.
            let known = outcome == Outcome::Removed && candidate.outcome.is_unanswered() && self.counted_at.is_none();
            candidate.outcome = outcome;
            // An unanswered removal from before the approval is not sent again unless it was approved.
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
        if !self.policy.ignore_online_status && !self.round.to_remove.is_empty() {
            self.go(Phase::LookOnline);
        } else {
            self.judged_all(at);
        }
    }

    /// Drops the candidates that are online now from the removal.
    pub(super) fn looked_online(&mut self, list: &OnlineStatusList, at: Duration) {
        let candidates = &mut self.report.candidates;
        self.round.to_remove.retain(|index| {
            let Some(candidate) = candidates.get_mut(*index) else { return false };
            let Some(spared) = spared_by(list, candidate.member.account()) else { return true };
            // An unanswered removal may still be carried out, so do not claim that the member stays.
            if !candidate.outcome.is_unanswered() {
                candidate.outcome = Outcome::Stays(spared);
            }
            false
        });
        self.judged_all(at);
    }

    pub(super) fn judged_all(&mut self, at: Duration) {
        if self.round.to_remove.is_empty() {
            self.begin_round(self.round.end);
        } else if self.disturbed || !is_fresh(self.counted_at, at) {
            self.go(Phase::Count);
        } else {
            self.go(Phase::Delete);
        }
    }

    pub(super) fn recounted(&mut self, info: &GroupInfo) {
        if self.round.to_remove.is_empty() || self.round.looked < self.round.candidates.len() {
            // The round is from before a raise, or from a plan that waited for approval.
            let start = self.round.candidates.first().copied().unwrap_or(0);
            self.begin_round(start);
            return;
        }
        let fell = info.next_msg_seq.filter(|next| Some(*next) < self.next_msg_seq);
        if self.policy.spare_readers.is_some() && fell.is_some() {
            // The look used a number that was too high, or numbering has restarted.
            self.next_msg_seq = fell;
            self.look_again();
            self.retry.too_slow();
            return;
        }
        // All unanswered removals may still be carried out. So they are sent again only if all of them are
        // needed, and others only for the slots missing beyond them.
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
