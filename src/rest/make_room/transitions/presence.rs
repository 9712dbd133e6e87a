use std::time::Duration;

use super::super::run::Run;
use super::super::scan::Scan;
use super::super::{Outcome, Spared};
use crate::rest::{OnlineStatus, OnlineStatusList, RestError};

impl Run {
    pub(super) fn asked(
        &mut self,
        accounts: &[String],
        rest: Option<Scan>,
        list: &OnlineStatusList,
    ) -> Result<(), RestError> {
        for account in accounts {
            match spared(list, account) {
                None => self.plan.is_offline(account),
                Some(spared) => {
                    self.plan.forget(account);
                    self.report.census.change(account, spared);
                }
            }
        }
        self.retry.progressed();
        self.ask_or_go_on(rest)
    }

    /// Drops the candidates that are online now from the removal.
    pub(super) fn looked_online(&mut self, list: &OnlineStatusList, at: Duration) {
        let candidates = &mut self.report.candidates;
        self.round.to_remove.retain(|index| {
            let Some(candidate) = candidates.get_mut(*index) else { return false };
            let Some(spared) = spared(list, candidate.member.account()) else { return true };
            // An unanswered removal may still be carried out, so do not claim that the member stays.
            if !candidate.outcome.is_unanswered() {
                candidate.outcome = Outcome::Stays(spared);
            }
            false
        });
        self.judged_all(at);
    }
}

/// Returns why the status spares the member. `Offline` spares nobody, and is no evidence of inactivity.
fn spared(list: &OnlineStatusList, account: &str) -> Option<Spared> {
    match list.get(account) {
        Some(OnlineStatus::Offline) => None,
        Some(OnlineStatus::Online | OnlineStatus::PushOnline) => Some(Spared::Online),
        Some(OnlineStatus::Other) | None => Some(Spared::Unclear),
    }
}
