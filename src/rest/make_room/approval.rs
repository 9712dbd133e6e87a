use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

use super::run::Run;
use super::transitions::Phase;
use super::{LimitRaise, MakeRoom, Outcome, Spared};
use crate::debug_as_display;

/// The error of [`MakeRoom::approve`]: nothing was approved.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotPlanned(Cow<'static, str>);

debug_as_display!(NotPlanned);

impl MakeRoom {
    /// Approves the removal of these accounts, and of no others. It may happen hours after the plan, in
    /// another process: [continue](Self::continue_from) the saved plan with [`plan_only`](Self::plan_only), because
    /// without it the whole plan is carried out unapproved.
    ///
    /// Collect the accounts first: this borrows the run mutably, and the report belongs to it.
    ///
    /// ```
    /// # use im_group_full::rest::{MakeRoom, NotPlanned, Outcome};
    /// fn approve_all_but(run: &mut MakeRoom, keep: &str) -> Result<(), NotPlanned> {
    ///     let planned = run.report().with_outcome(Outcome::Planned).map(|one| one.member().account().to_owned());
    ///     let accounts: Vec<_> = planned.filter(|account| account != keep).collect();
    ///     run.approve(&accounts)
    /// }
    /// ```
    ///
    /// The run looks at each account again before it removes it, and does not replace those who stay. If
    /// fewer slots are missing by then, it removes fewer. If the plan raises the limit, that happens first;
    /// approve a plan that only raises the limit with no account.
    ///
    /// # Errors
    ///
    /// An account is not in the plan; the run has no finished plan; the plan is already approved; no account
    /// is given and the plan does not raise the limit. Then nothing is approved.
    pub fn approve<A: AsRef<str>>(&mut self, accounts: impl IntoIterator<Item = A>) -> Result<(), NotPlanned> {
        let accounts: Vec<_> = accounts.into_iter().collect();
        self.0.approve(&accounts.iter().map(AsRef::as_ref).collect())
    }

    /// Returns whether the run has ended at a plan that you can [approve](Self::approve). Keep it saved until then.
    pub fn awaits_approval(&self) -> bool {
        self.0.has_finished_plan() && (self.0.raise_is_planned() || self.0.planned().next().is_some())
    }
}

impl Run {
    fn approve(&mut self, accounts: &BTreeSet<&str>) -> Result<(), NotPlanned> {
        if self.approved {
            return Err(NotPlanned("the plan is already approved".into()));
        }
        if !self.has_finished_plan() {
            return Err(NotPlanned("the run has no finished plan".into()));
        }
        let planned: BTreeSet<_> = self.planned().collect();
        if let Some(unplanned) = accounts.difference(&planned).next() {
            return Err(NotPlanned(format!("`{unplanned}` is not in the plan").into()));
        }
        if accounts.is_empty() && !self.raise_is_planned() {
            return Err(NotPlanned("no account was given, and the plan does not raise the limit".into()));
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
        let raise = self.raise_is_planned();
        let done = *self.phase.get() == Phase::Done || (raise && self.retry.failure.is_some());
        done && self.stops_at_plan() && (self.planned || raise)
    }

    fn raise_is_planned(&self) -> bool {
        self.report.limit_raise == Some(LimitRaise::Planned)
    }

    fn planned(&self) -> impl Iterator<Item = &str> {
        self.report.with_outcome(Outcome::Planned).map(|one| one.member.account())
    }
}
