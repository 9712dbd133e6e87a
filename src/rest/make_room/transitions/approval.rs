use super::super::round::Round;
use super::super::run::Run;
use super::super::{LimitRaise, Outcome, Spared};
use super::Phase;

impl Run {
    /// With `plan_only`, takes a run that is past its plan back to it: candidates whose removal was not sent
    /// are planned again.
    pub(in super::super) fn back_to_the_plan(&mut self) {
        if !self.stops_at_plan() {
            return;
        }
        if self.sent {
            // Its answer would meet another phase, so whether it was carried out is unknown.
            self.unanswered(self.clock.last());
        }
        if !self.planned {
            if matches!(self.phase.get(), Phase::Raise { .. }) {
                self.go(Phase::Count);
            }
            return;
        }
        for candidate in &mut self.report.candidates {
            if candidate.outcome == Outcome::Stays(Spared::NotNeeded) {
                candidate.outcome = Outcome::Planned;
            }
        }
        self.go(Phase::Done);
    }

    /// Carries out a finished plan: counts first, and raises the limit if that is planned.
    pub(in super::super) fn carry_out(&mut self) {
        let mut outcomes = self.report.candidates.iter().map(|one| one.outcome);
        let open = outcomes.any(|outcome| matches!(outcome, Outcome::Planned | Outcome::Unconfirmed));
        let planned_raise = self.report.limit_raise == Some(LimitRaise::Planned);
        let finished = *self.phase.get() == Phase::Done && open;
        if !finished && !planned_raise {
            return;
        }
        self.report.limit_raise = self.report.limit_raise.filter(|_| !planned_raise);
        self.round = Round::default();
        self.counted_at = None;
        self.resume();
        self.go(Phase::Count);
    }
}
