//! The run that makes room, and what it is made of.

mod clock;
mod evidence;
mod look;
mod pace;
mod phase;
mod plan;
mod policy;
mod progress;
mod removal;
mod report;
mod retry;
mod saved;
mod scan;
mod setup;
mod step;

use std::time::{Duration, SystemTime};

use http::StatusCode;
use serde::{Deserialize, Serialize};

use self::clock::Clock;
use self::evidence::Evidence;
use self::pace::Pace;
use self::phase::{Phase, Round};
use self::plan::Plan;
pub use self::policy::InactivityPolicy;
pub use self::report::{Candidate, Outcome, Report};
use self::retry::Retry;
use self::saved::Version;
use self::setup::Options;
pub use self::setup::TopicIsFull;
pub use self::step::Step;
use super::{RestApi, RestError};

/// Makes room in one group: asks how full it is, reads the members, plans, looks at the candidates
/// again, and removes them.
///
/// A sans-IO state machine: it never performs IO, reads a clock or sleeps. [`step`](Self::step) says
/// what to do next; tell [`response`](Self::response) or [`no_response`](Self::no_response) how it went.
/// The [module page](super) has the loop around it.
///
/// # What is guaranteed
///
/// * Everybody who is removed was an ordinary member, unprotected, inactive for as long as the policy
///   says, and had neither spoken nor joined again since the plan was made. The run saw that in a look
///   that it asked for at most 30 seconds before it handed out the removal. What an answer says is as
///   old as its request.
/// * In doubt a member stays: if its entry cannot be understood, contradicts another one in the same
///   answer, or has no time of joining, or a time after `now`.
/// * Silence counts only where it is shown to mean something; see
///   [`InactivityPolicy::trust_silence`]. With [`InactivityPolicy::spare_readers`], nobody is removed
///   who counted as a reader in that look.
/// * No more are removed than were missing for the aim ([`Report::aim`]). The run asks how many are
///   missing first, again before the first removal, and then before every one as soon as anything
///   looks as if somebody else were at work (a candidate is gone, a removal was not answered, the
///   number of members changed during the scan), or the figure is older than 30 seconds. A removal
///   that got no answer counts as done until the run ends.
/// * Two runs with the same policy rank the members in the same order. As long as no candidate speaks,
///   reads or joins again meanwhile, two runs for the same event together remove the members that one
///   of them would have removed alone, however their calls interleave.
/// * It sends at most [`MAX_CALLS`](Self::MAX_CALLS) calls, and as many again after each
///   [`resume`](Self::resume). No answer and no clock can make it send more.
/// * An [`Outcome`] never claims more than the run can know.
///
/// # What the vendor's API makes impossible
///
/// There is no "remove if still inactive" and no "remove if still full". A member who speaks or reads
/// between the second look and the removal is removed. A member who leaves after the run asked for the
/// number of members makes one slot more free than the policy wants. A removal that got no answer can
/// be carried out later, when the member may be active again. A later run knows nothing of it: if it is
/// carried out after that run has counted, more slots become free than the policy wants. And two runs
/// that see different candidates, because some are active meanwhile, can both be told that slots are
/// missing and both send a removal. Then each further run can remove up to 100 inactive members too
/// many. To exclude that, let one worker at a time make room in a group.
///
/// A clock that is ahead makes everybody look more inactive. A run that is made
/// [from an event](Self::for_event) measures inactivity at the earlier of `now` and the event's time.
/// Without an event, or if the event has no time, keep the clock right.
///
/// In a Community it is not known whether the vendor keeps `LastSendMsgTime`, nor whether a message
/// in a topic counts. Moderators by permission groups are ordinary members to this API:
/// [protect](InactivityPolicy::protect) them. When a private topic is full, its Community usually is
/// not, and this API cannot make room in a topic.
///
/// Members of a Community are read by the vendor's cursor. Those of every other group are read from
/// the end of the list to its beginning, so a member who leaves cannot move another one out of the part
/// that is still to be read. If the number of members grows, or a page is shorter than asked for, the
/// run reads again what it may have missed. It does not notice a newcomer whom a leaver makes up for;
/// a member that is missed for that simply stays.
///
/// # Failures
///
/// The run tries again where that can help, with a growing [`Step::Wait`]. After the fifth failure
/// without progress (a page, a removal), or at once if trying again cannot help, the step is
/// [`Step::Failed`], until you call [`resume`](Self::resume). It never repeats a removal blindly: it
/// looks at the candidates again first, and sends no others in their place. If fewer slots are missing
/// by then than removals got no answer, it sends none of them again, and they stay
/// [`Unconfirmed`](Outcome::Unconfirmed).
///
/// # Serialisation
///
/// It serialises at any point, and holds no secret, so that one worker can stop and another one go
/// on. Save it after `step` and before you send the request: then even a removal that nobody saw the
/// answer of is in the report. It is as trustworthy as the place where you keep it: anybody who can
/// change it there can remove members.
///
/// A saved run has a `version`, and is read strictly. A later version of this crate either goes on
/// with it as this one would, or refuses it with an error that names both versions; then begin a new
/// run, which frees what is still missing. Only JSON and other formats with named fields are read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, remote = "Self")]
pub struct MakeRoom {
    version: Version,
    group_id: String,
    policy: InactivityPolicy,
    options: Options,
    /// When the group was full, since the epoch: inactivity is measured no later than then.
    full_at: Option<Duration>,
    clock: Clock,
    #[serde(skip)]
    pace: Pace,
    /// Handed out since the run began or was resumed; never above [`MAX_CALLS`](Self::MAX_CALLS).
    calls: u32,
    phase: Phase,
    /// Whether the request of this phase was handed out and nothing was reported since.
    sent: bool,
    /// When it was handed out, by the run's clock; `None` if that clock was set back since.
    asked_at: Option<Duration>,
    retry: Retry,
    evidence: Evidence,
    /// Grows during the scan, and is empty before and after.
    plan: Plan,
    round: Round,
    /// How many slots have still to be freed, as far as is known. What is unanswered is not
    /// subtracted.
    missing: u32,
    /// The smallest that the vendor told: the smaller it is, the more count as readers.
    next_msg_seq: Option<u64>,
    /// When the number of members was last asked; `None` if it must not be relied upon.
    counted_at: Option<Duration>,
    /// Somebody else may be at work, so that `missing` is asked before every removal.
    disturbed: bool,
    /// Invariant: a candidate whose removal got no answer never gets an outcome that says that it
    /// stayed.
    report: Report,
}

impl MakeRoom {
    /// The most calls that a run sends. A Community of 1,000,000 members, read 100 at a time, takes
    /// 10,000.
    pub const MAX_CALLS: u32 = 20_000;

    /// Says what to do next at `now`.
    ///
    /// After [`Step::Send`], report what came of it first. If you call this instead, the run counts
    /// that as no response.
    pub fn step(&mut self, api: &RestApi, now: SystemTime) -> Step<'_> {
        let at = self.tick(now);
        if self.sent {
            self.unanswered(at);
        }
        self.expire(at);
        if self.retry.failure().is_none() && self.phase != Phase::Done && self.calls >= Self::MAX_CALLS {
            self.retry.give_up(RestError::too_many_calls(Self::MAX_CALLS));
        }
        if let Some(error) = self.retry.failure() {
            return Step::Failed(error);
        }
        let past_plan = matches!(self.phase, Phase::Look | Phase::Recount | Phase::Delete);
        let call = self.call().filter(|_| !(self.options.dry_run && past_plan));
        let Some(call) = call else { return Step::Done(&self.report) };
        let waiting = self.retry.waiting(at).max(self.pace.waiting(at));
        if let Some(time) = waiting.filter(|_| self.pace.may_wait(at)) {
            return Step::Wait(time);
        }
        self.sent = true;
        self.asked_at = Some(at);
        self.calls = self.calls.saturating_add(1);
        self.pace.sent(at);
        Step::Send(call.request(api, now))
    }

    /// Takes the response to the request of the last [`Step::Send`], received at `now`. Give it every
    /// response, also one with an error status.
    pub fn response(&mut self, status: StatusCode, body: &[u8], now: SystemTime) {
        if !self.sent {
            return;
        }
        let at = self.tick(now);
        self.sent = false;
        if let Err(error) = self.advance(status, body, now, at) {
            self.failed(error, at);
        }
    }

    /// Reports that the request of the last [`Step::Send`] got no response, or none that could be
    /// read to its end.
    pub fn no_response(&mut self, now: SystemTime) {
        if self.sent {
            let at = self.tick(now);
            self.unanswered(at);
        }
    }

    /// Lets a run that failed go on where it stopped, at once. Wait for as long as
    /// [`RestError::retry_after`] says first, and mend the cause if that is `None`. Without effect on any
    /// other run.
    pub fn resume(&mut self) {
        if self.retry.resume() {
            self.calls = 0;
        }
    }

    fn unanswered(&mut self, at: Duration) {
        self.sent = false;
        self.failed(RestError::no_response(), at);
    }

    /// Returns the time by the run's own clock. After the caller's was set back, nobody knows how old
    /// anything is that was read before.
    fn tick(&mut self, now: SystemTime) -> Duration {
        let (at, ages_known) = self.clock.read(now);
        if !ages_known {
            self.asked_at = None;
            self.counted_at = None;
            self.round.looked_at = None;
        }
        at
    }

    /// Returns the time at which inactivity is measured.
    fn measured_at(&self, now: SystemTime) -> SystemTime {
        let full_at = self.full_at.and_then(|full_at| SystemTime::UNIX_EPOCH.checked_add(full_at));
        full_at.map_or(now, |full_at| full_at.min(now))
    }
}
