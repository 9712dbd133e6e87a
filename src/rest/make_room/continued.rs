use std::fmt;

use super::run::Run;
use super::{LimitRaise, MakeRoom, Outcome, SavedRun};
use crate::debug_as_display;

/// The error of [`MakeRoom::continue_from`]: the saved run is of another group or app.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("the saved run is of {0}")]
pub struct AnotherRun(String);

debug_as_display!(AnotherRun);

impl MakeRoom {
    /// Continues a saved run with the policy and the options of this one.
    ///
    /// With the same policy it continues where the saved run stopped, even if that had failed, and measures
    /// inactivity at the earlier time of the two events. With another policy it starts over, but keeps the
    /// removals that were sent and got no answer: they count as done and are
    /// [`Unconfirmed`](Outcome::Unconfirmed) until a look shows that those members are gone.
    ///
    /// **Without [`plan_only`](Self::plan_only), a saved plan is carried out, even if nobody approved it.** With
    /// `plan_only` it keeps waiting, and a run that was past its plan goes back to it. An
    /// [approved](Self::approve) plan is carried out in both cases.
    ///
    /// # Errors
    ///
    /// The saved run is of another group or of another app.
    pub fn continue_from(self, saved: SavedRun) -> Result<Self, AnotherRun> {
        let (mut new, mut old) = (self.0, saved.0);
        if new.report.group_id() != old.report.group_id() {
            return Err(AnotherRun(format!("the group `{}`", old.report.group_id())));
        }
        if let Some(app) = new.app.and_then(|app| old.is_for_another(app)) {
            return Err(AnotherRun(format!("the app {app}")));
        }
        if old.sent {
            // Its outcome is unknown.
            old.unanswered(old.clock.last());
        }
        new.app = new.app.or(old.app);
        new.full_at = new.full_at.into_iter().chain(old.full_at).min();
        Ok(Self(if new.policy == old.policy { new.goes_on(old) } else { new.begins_anew(old) }))
    }
}

impl Run {
    fn goes_on(self, old: Self) -> Self {
        let mut run = Self { app: self.app, options: self.options, full_at: self.full_at, pace: self.pace, ..old };
        run.resume();
        if run.stops_at_plan() {
            run.back_to_the_plan();
        } else {
            run.carry_out();
        }
        run
    }

    fn begins_anew(mut self, old: Self) -> Self {
        for mut candidate in old.report.candidates {
            if candidate.outcome.is_unanswered() {
                candidate.outcome = Outcome::Unconfirmed;
                self.report.candidates.push(candidate);
                self.disturbed = true;
            }
        }
        self.report.limit_raise = old.report.limit_raise.filter(|raise| *raise == LimitRaise::Unconfirmed);
        self.raised_to = old.raised_to;
        self.muted_at = old.muted_at;
        self.mutes = old.mutes;
        self
    }
}
