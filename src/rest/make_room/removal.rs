use std::time::Duration;

use super::MakeRoom;
use super::clock::is_fresh;
use super::phase::Phase;
use super::report::Outcome;
use crate::rest::{GroupInfo, RestError};

/// How a run comes to remove, and how it goes on when there was no answer, or not in time.
impl MakeRoom {
    pub(super) fn recounted(&mut self, info: &GroupInfo) {
        let aim = self.policy.aim(info.limit);
        self.report.counted(info, aim);
        self.counted_at = self.asked_at;
        self.missing = aim.saturating_sub(info.free());
        if self.missing == 0 {
            self.finish();
            return;
        }
        let fell = info.next_msg_seq.filter(|next| Some(*next) < self.next_msg_seq);
        if self.policy.spares_readers() && fell.is_some() {
            // The look judged by a number that was too high, or the numbers have begun anew.
            self.next_msg_seq = fell;
            self.look_again(self.round.start, self.round.end);
            self.retry.too_slow();
            return;
        }
        // All that got no answer may still be carried out. So they are sent again only if every one of them is missing, and
        // others only for what is missing beside them.
        let (again, mut anew) = (self.report.unanswered() <= self.missing, self.budget());
        let candidates = &self.report.candidates;
        self.round.doomed.retain(|index| {
            let sent_before = candidates.get(*index).is_some_and(|candidate| candidate.outcome.is_unanswered());
            let may_go = if sent_before { again } else { anew > 0 };
            anew = anew.saturating_sub(u32::from(!sent_before));
            may_go
        });
        if self.round.doomed.is_empty() {
            self.begin_round(self.round.end);
        } else {
            self.phase = Phase::Delete;
        }
    }

    pub(super) fn deleted(&mut self) {
        let removed = self.mark_doomed(Outcome::Removed);
        self.missing = self.missing.saturating_sub(removed);
        self.begin_round(self.round.end);
    }

    pub(super) fn failed(&mut self, error: RestError, at: Duration) {
        if self.phase == Phase::Delete {
            if error.may_have_been_done() {
                self.mark_doomed(Outcome::Unconfirmed);
                self.disturbed = true;
            }
            self.counted_at = None;
            self.look_again(self.round.start, self.round.end);
        }
        self.retry.failed(error, at);
    }

    /// Gives up what was asked for too long ago to remove anybody because of it: the answers were
    /// slow, or this run was stopped meanwhile.
    pub(super) fn expire(&mut self, at: Duration) {
        if self.phase != Phase::Delete {
            return;
        }
        if !is_fresh(self.round.looked_at, at) {
            self.counted_at = None;
            self.look_again(self.round.start, self.round.end);
            self.retry.too_slow();
        } else if !is_fresh(self.counted_at, at) {
            self.phase = Phase::Recount;
            self.retry.too_slow();
        }
    }

    fn mark_doomed(&mut self, outcome: Outcome) -> u32 {
        let mut marked = 0;
        for index in std::mem::take(&mut self.round.doomed) {
            if let Some(candidate) = self.report.candidates.get_mut(index) {
                candidate.outcome = outcome;
                marked += 1;
            }
        }
        marked
    }
}
