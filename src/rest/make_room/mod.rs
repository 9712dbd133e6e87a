//! The run that makes room, and its parts.

mod approval;
mod call;
mod census;
mod clock;
mod continued;
mod evidence;
mod limits;
mod outcome;
mod pace;
mod plan;
mod policy;
mod report;
mod retry;
mod round;
mod run;
mod saved;
mod scan;
mod second_look;
mod setup;
mod spared;
mod step;
mod transitions;

use std::time::SystemTime;

use http::StatusCode;
use serde::Serialize;

pub use self::approval::NotPlanned;
pub use self::continued::AnotherRun;
pub use self::outcome::Outcome;
pub use self::policy::InactivityPolicy;
pub use self::report::{Candidate, LimitRaise, Report};
use self::run::Run;
pub use self::saved::SavedRun;
pub use self::setup::TopicIsFull;
pub use self::spared::Spared;
pub use self::step::Step;
use super::RestApi;

/// Makes room in one group.
///
/// First it asks how full the group is, and raises the group's limit if the policy says so. If that is not
/// enough, it reads the members, plans whom to remove, looks at each of them again, and removes them.
///
/// It never removes owners, admins, robots, the account that makes the calls, protected accounts, members who
/// are online or were recently active, members who could not speak, and members about whom anything is unclear.
///
/// It can still remove somebody who was active a moment ago: see [below](#what-the-vendors-api-makes-impossible). Start
/// with [`plan_only`](Self::plan_only).
///
/// A sans-IO state machine: it never performs IO, reads a clock or sleeps. [`step`](Self::step) says
/// what to do next; report the result with [`response`](Self::response) or [`no_response`](Self::no_response).
/// The [module page](super) has the loop around it.
///
/// # What is guaranteed
///
/// * Everybody who is removed was an ordinary member, unprotected, not online, inactive for as long as the policy says,
///   and had neither spoken nor joined again since the plan was made. The run saw that in looks that it asked for at
///   most 30 seconds before it handed out the removal. What an answer says is as old as its request.
/// * In doubt a member stays: if its entry cannot be understood, contradicts another one in the same
///   answer, has no time of joining or a time after `now`, or if the vendor does not say that it is offline.
/// * Silence counts only where it is shown to mean something; see [`InactivityPolicy::trust_silence`]. It counts for
///   nothing while the group or the member was muted, as far as the vendor reports it. With
///   [`InactivityPolicy::spare_readers`], nobody is removed who counted as a reader in that look.
/// * No more are removed than were missing for the aim ([`Report::aim`]). The run asks how many are missing first,
///   again before the first removal, and then before every one as soon as anything looks as if something else is
///   changing the group (a candidate is gone, a removal was not answered, the number of members changed during the
///   scan), or the figure is older than 30 seconds. A removal that got no answer counts as done until the run ends.
/// * The limit is only ever raised, and only within 30 seconds of a count that showed a lower limit and too few
///   free slots. If the vendor refuses, or accepts the raise without applying it, nobody is removed.
/// * Two runs with the same policy rank the members in the same order. As long as no candidate speaks, reads, joins
///   again or changes its online status meanwhile, two runs for the same event together remove the members that one of
///   them would have removed alone, however their calls interleave. This does not hold in a Community if the vendor's
///   cursor is a position in the list: a removal by one run then moves members past the other one.
/// * It sends at most [`MAX_CALLS`](Self::MAX_CALLS) calls, and as many again after each
///   [`resume`](Self::resume). No answer and no clock can make it send more.
/// * An [`Outcome`] never claims more than the run can know.
///
/// # What the vendor's API makes impossible
///
/// There is no "remove if still inactive" and no "remove if still full". A member who speaks, reads or
/// comes online between the second look and the removal is removed. A member who leaves after the run asked
/// for the number of members makes one slot more free than the policy wants. A removal that got no answer can
/// be carried out later, when the member may be active again. A later run knows nothing of it, unless it
/// [continues](Self::continue_from) this one: if it is carried out after that run has counted, more slots
/// become free than the policy wants. Two runs that see different candidates, because some become active, can
/// both see that slots are missing and both send a removal. Then each further run can remove up to 100
/// inactive members too many. To rule that out, let one worker at a time make room in a group.
///
/// That a group or a member was muted until shortly before the run began, perhaps an hour ago, cannot be seen. That a
/// member is offline proves little: one who logged out a minute ago is offline, so it never counts as inactivity.
/// In a Community it is not known whether the vendor records who speaks
/// ([`trust_silence`](InactivityPolicy::trust_silence)), and moderators can be ordinary members
/// ([`protect`](InactivityPolicy::protect)).
///
/// A clock that is ahead makes everybody look more inactive: make the run [from an event](Self::for_event), or keep
/// the clock right.
///
/// Members of a Community are read by the vendor's cursor. Those of every other group are read from the end of the list
/// to its beginning, so a member who leaves cannot move another one out of the part that is still to be read. If the
/// number of members grows, or a page is shorter than asked for, the run reads again what it may have missed. It cannot
/// notice one member joining while another leaves; a member missed that way simply stays.
///
/// # Failures
///
/// The run retries if that can help, with a growing [`Step::Wait`]. After the fifth failure without progress (a page, a
/// removal), or at once if a retry cannot help, the step is [`Step::Failed`], until you call [`resume`](Self::resume).
/// It never repeats a removal blindly: it looks at the candidates again first, and sends no others in their place. If
/// more removals are unanswered than slots are missing by then, it sends none of them again, and they stay
/// [`Unconfirmed`](Outcome::Unconfirmed).
///
/// # Serialisation
///
/// It serialises at any point, and holds no secret, so that one worker can stop and another one go on: see
/// [`SavedRun`]. Save it after `step` and before you send the request: then the report lists even a removal whose
/// response was lost. It is as trustworthy as its storage: anyone who can change it there can remove members.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct MakeRoom(Run);

impl MakeRoom {
    /// The maximum number of calls that a run sends. Reading a Community of 100,000 members, 200 at a time, takes 500.
    pub const MAX_CALLS: u32 = 20_000;

    /// Says what to do next at `now`.
    ///
    /// After [`Step::Send`], report the result first. If you call this instead, the run takes it as no response.
    ///
    /// A run is for one app: that of its event, or of its first step. With the [`RestApi`] of another app it fails
    /// with [`AppMismatch`](super::RestErrorKind::AppMismatch), and sends nothing.
    pub fn step(&mut self, api: &RestApi, now: SystemTime) -> Step<'_> {
        self.0.step(api, now)
    }

    /// Handles the response to the request of the last [`Step::Send`], received at `now`. Pass every
    /// response, including one with an error status.
    pub fn response(&mut self, status: StatusCode, body: &[u8], now: SystemTime) {
        self.0.response(status, body, now);
    }

    /// Reports that the request of the last [`Step::Send`] got no response, or none that could be read to its end.
    pub fn no_response(&mut self, now: SystemTime) {
        self.0.no_response(now);
    }

    /// Continues a failed run where it stopped, at once. Wait for as long as
    /// [`RestError::retry_after`](super::RestError::retry_after) says first, and fix the cause if that is
    /// `None`. Does nothing if the run has not failed.
    pub fn resume(&mut self) {
        self.0.resume();
    }
}
