use super::super::Spared;
use super::super::report::{LimitRaise, Outcome};
use super::super::round::Round;
use super::super::run::Run;
use super::Phase;

/// How a run goes back to its plan, and on from it.
impl Run {
    /// Under `plan_only`, a run that is past its plan ends at it: whom it has not sent is planned again.
    pub(in super::super) fn back_to_the_plan(&mut self) {
        if !self.stops_at_plan() {
            return;
        }
        if self.sent {
            // Its answer would find another phase. What changes something is then not known.
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

    /// Carries a plan out that was finished: it counts first, and raises if that is planned.
    pub(in super::super) fn carry_out(&mut self) {
        let open = self.report.candidates.iter().any(|one| one.outcome.is_open());
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
