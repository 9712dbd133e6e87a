use std::collections::BTreeSet;
use std::fmt;

use super::report::{LimitRaise, Outcome};
use super::run::Run;
use super::transitions::Phase;
use super::{MakeRoom, Spared};
use crate::debug_as_display;

/// The error of [`MakeRoom::approve`]: nothing was approved.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotPlanned(Why);

debug_as_display!(NotPlanned);

#[derive(Clone, PartialEq, Eq, thiserror::Error)]
enum Why {
    #[error("`{0}` is not in the plan")]
    Account(String),
    #[error("the run has no finished plan")]
    NoPlan,
    #[error("the plan was approved before")]
    Twice,
    #[error("no account was given, and the plan does not raise the limit")]
    Nothing,
}

debug_as_display!(Why);

impl MakeRoom {
    /// Lets a plan be carried out for these accounts, and for nobody else. Hours and a process may lie
    /// between the plan and this.
    ///
    /// Each of them is looked at again before it is removed, and nobody takes the place of one who stays. If
    /// fewer slots are missing by then, fewer are removed. If the plan raises the limit, that comes first; a plan that
    /// is only a raise is approved with no account.
    ///
    /// # Errors
    ///
    /// All or nothing: an account that is not in the plan; a run without a finished plan; a plan that was
    /// approved before; no account, if the plan has nothing else to do.
    pub fn approve<A: AsRef<str>>(&mut self, accounts: impl IntoIterator<Item = A>) -> Result<(), NotPlanned> {
        let accounts: Vec<_> = accounts.into_iter().collect();
        self.0.approve(&accounts.iter().map(AsRef::as_ref).collect()).map_err(NotPlanned)
    }
}

impl Run {
    fn approve(&mut self, accounts: &BTreeSet<&str>) -> Result<(), Why> {
        if self.approved {
            return Err(Why::Twice);
        }
        if !self.has_finished_plan() {
            return Err(Why::NoPlan);
        }
        let planned = self.report.candidates.iter().filter(|one| one.outcome == Outcome::Planned);
        let planned: BTreeSet<_> = planned.map(|one| one.member.account()).collect();
        if let Some(stranger) = accounts.difference(&planned).next() {
            return Err(Why::Account((*stranger).to_owned()));
        }
        if accounts.is_empty() && self.report.limit_raise != Some(LimitRaise::Planned) {
            return Err(Why::Nothing);
        }
        for candidate in &mut self.report.candidates {
            candidate.approved = accounts.contains(candidate.member.account());
            if candidate.outcome == Outcome::Planned && !candidate.approved {
                candidate.outcome = Outcome::Stays(Spared::NotApproved);
            }
        }
        self.approved = true;
        self.carry_out();
        Ok(())
    }

    fn has_finished_plan(&self) -> bool {
        let raise = self.report.limit_raise == Some(LimitRaise::Planned);
        let done = *self.phase.get() == Phase::Done || (raise && self.retry.failure().is_some());
        done && self.stops_at_plan() && (self.planned || raise)
    }
}
