use std::time::Duration;

use super::super::Spared;
use super::super::report::Outcome;
use super::super::run::Run;
use super::super::scan::Scan;
use crate::rest::{OnlineStatus, OnlineStatusList, RestError};

/// How a run goes on when it knows who is online.
impl Run {
    /// Takes who of the plan's members is online, while the others are still to be read.
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

    /// Takes who of those who may be removed is online now.
    pub(super) fn looked_online(&mut self, list: &OnlineStatusList, at: Duration) {
        let candidates = &mut self.report.candidates;
        self.round.to_remove.retain(|index| {
            let Some(candidate) = candidates.get_mut(*index) else { return false };
            let Some(spared) = spared(list, candidate.member.account()) else { return true };
            // A removal without an answer may still be carried out: nobody can say that this one stays.
            if !candidate.outcome.is_unanswered() {
                candidate.outcome = Outcome::Stays(spared);
            }
            false
        });
        self.judged_all(at);
    }
}

/// Whether the status spares. `Offline` proves little, so it proves nothing but that nobody is disturbed.
fn spared(list: &OnlineStatusList, account: &str) -> Option<Spared> {
    match list.get(account) {
        Some(OnlineStatus::Offline) => None,
        Some(OnlineStatus::Online | OnlineStatus::PushOnline) => Some(Spared::Online),
        Some(OnlineStatus::Other) | None => Some(Spared::Unclear),
    }
}
