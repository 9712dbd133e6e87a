use std::time::{Duration, SystemTime};

use super::super::clock::is_fresh;
use super::super::run::Run;
use super::super::{LimitRaise, Outcome};
use super::Phase;
use crate::rest::error::Repr;
use crate::rest::{RestApi, RestError, since_epoch};

/// The requests that change something, and what follows if their answer is late or missing.
impl Run {
    pub(in super::super) fn handed_out(&mut self, now: SystemTime) {
        match self.phase.get() {
            Phase::Raise { to } => {
                self.raised_to = Some(*to);
                self.report.limit_raise = Some(LimitRaise::Unconfirmed);
            }
            Phase::Delete => {
                for index in &self.round.to_remove {
                    if let Some(candidate) = self.report.candidates.get_mut(*index) {
                        candidate.removal_sent = Some(since_epoch(now).as_secs());
                    }
                }
            }
            _ => {}
        }
    }

    pub(super) fn deleted(&mut self) {
        let removed = self.mark(Outcome::Removed);
        self.missing = self.missing.saturating_sub(removed);
        self.report.removed(removed);
        self.begin_round(self.round.end);
    }

    pub(in super::super) fn failed(&mut self, error: RestError, at: Duration) {
        match self.phase.get() {
            Phase::Delete => {
                if error.may_have_been_done() {
                    self.mark(Outcome::Unconfirmed);
                    self.disturbed = true;
                }
                self.look_again();
            }
            Phase::Raise { .. } => {
                if !error.may_have_been_done() {
                    self.report.limit_raise = None;
                }
                // Another client may have set a higher limit meanwhile.
                self.counted_at = None;
                self.go(Phase::Count);
            }
            _ => {}
        }
        self.retry.failed(error, at);
    }

    /// Notes who makes the calls: a new admin may itself be in the plan. Fails if they are for another app.
    pub(in super::super) fn called_by(&mut self, api: &RestApi) {
        if let Some(app) = self.is_for_another(api.sdk_app_id()) {
            self.retry.failure = Some(RestError(Repr::AppMismatch { run: app, api: api.sdk_app_id() }));
            return;
        }
        self.app = Some(api.sdk_app_id());
        if self.admin != api.admin() {
            api.admin().clone_into(&mut self.admin);
            self.plan.forget(&self.admin);
            // Also between the looks, and at the count that follows them.
            if self.round.looked > 0 && *self.phase.get() != Phase::Done {
                self.look_again();
            }
        }
    }

    /// Discards data that is too old to act on, because responses were slow or the run was stopped meanwhile.
    pub(in super::super) fn expire(&mut self, at: Duration) {
        let counted = is_fresh(self.counted_at, at);
        match self.phase.get() {
            Phase::Delete if !is_fresh(self.round.looked_at, at) => {
                self.look_again();
                self.retry.too_slow();
            }
            Phase::Raise { .. } | Phase::Delete if !counted => {
                self.go(Phase::Count);
                self.retry.too_slow();
            }
            _ => {}
        }
    }

    fn mark(&mut self, outcome: Outcome) -> u32 {
        let mut marked = 0;
        for index in std::mem::take(&mut self.round.to_remove) {
            if let Some(candidate) = self.report.candidates.get_mut(index) {
                candidate.outcome = outcome;
                marked += 1;
            }
        }
        marked
    }
}
