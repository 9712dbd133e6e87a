use std::time::{Duration, SystemTime};

use http::{Request, StatusCode};
use serde::{Deserialize, Serialize};

use super::get_group_member_info::Position;
use super::retry::Pause;
use super::{
    DeleteGroupMembers, GetGroupInfo, GetGroupMemberInfo, GetSpecifiedGroupMemberInfo, InactivityPolicy, Plan, Report,
    RestApi, RestError, Step,
};

/// Makes room in one group: how full is it, read the members, plan, look at the chosen again,
/// remove them.
///
/// A value without IO, clock and sleep: [`step`](Self::step) says what to do next,
/// [`response`](Self::response) and [`no_response`](Self::no_response) tell what came of it. The
/// [module page](super) has the loop around it.
///
/// # What is guaranteed
///
/// * Whoever is removed was an ordinary member, unprotected, inactive for as long as the policy
///   says, and had not spoken since the plan was made: looked up at most 30 seconds before the
///   removal was handed out.
/// * No more are removed than were missing for the policy's free slots: asked first, asked again
///   before the first removal, and then before every one as soon as anything looks as if somebody
///   else were at work (a chosen member is gone, a removal was not answered, the number of members
///   changed during the scan) or the figure is older than 30 seconds. So a run
///   after this one frees what is missing and no more.
/// * Two runs with the same policy choose the same members in the same order. As long as no
///   candidate is active meanwhile, they remove together whom one of them would have removed alone,
///   however their calls interleave.
///
/// # What the vendor's API makes impossible
///
/// There is no "remove if still inactive" and no "remove if still full". Who speaks between the
/// second look and the removal is removed. Who leaves after the number of members was asked makes
/// one slot more free than the policy wants. And two runs that see different candidates, because
/// some of them are active meanwhile, can both be told that slots are missing and both send a
/// removal: then up to 100 members go too many for every further run, each of them inactive. To
/// exclude that, let one worker at a time make room in a group.
///
/// Except in a Community, which pages by a cursor of the vendor's, members are read from the last
/// page to the first: who leaves meanwhile shifts only what was read already. Should a member be
/// missed nevertheless, it is not removed.
///
/// # Failures
///
/// What is worth repeating is repeated, with a growing [`Step::Wait`]; after the fifth failure
/// without progress (a page, a removal), or at once when repeating is hopeless, the step is
/// [`Step::Failed`], until [`resume`](Self::resume). A removal is never repeated blindly: its
/// candidates are looked up again first.
///
/// # Serialisation
///
/// It serialises at any point, and holds no secret, so that a worker can stop and another one go
/// on. Save it after `step` and before the request is sent: then even a removal that nobody saw the
/// answer of is in the report. As trustworthy as where it was kept: who can change it can remove
/// members.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MakeRoom {
    group_id: String,
    pub(super) policy: InactivityPolicy,
    pub(super) options: Options,
    pub(super) phase: Phase,
    /// Whether the request of this phase was handed out and nothing was reported since.
    pub(super) sent: bool,
    /// Since the last progress.
    pub(super) failures: u32,
    pub(super) pause: Option<Pause>,
    pub(super) failure: Option<RestError>,
    pub(super) plan: Plan,
    pub(super) round: Round,
    /// How many slots have still to be freed, as far as is known.
    pub(super) missing: u32,
    /// When the number of members was last asked, since the epoch; `None` if it must not be relied
    /// upon.
    pub(super) counted_at: Option<Duration>,
    /// Somebody else may be at work, so that `missing` is asked before every removal.
    pub(super) disturbed: bool,
    pub(super) report: Report,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Options {
    pub(super) dry_run: bool,
    silent: bool,
    reason: Option<String>,
}

/// Which request comes next, or is on its way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Phase {
    Count,
    Scan(Position),
    Look,
    Recount,
    Delete,
    Done,
}

/// One removal: which candidates of the report it is about, by index.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Round {
    pub(super) start: usize,
    pub(super) end: usize,
    /// Before this one, all were looked at.
    pub(super) looked: usize,
    /// When the first of them was looked at, since the epoch.
    pub(super) looked_at: Option<Duration>,
    pub(super) doomed: Vec<usize>,
}

impl MakeRoom {
    /// Makes room in this group according to `policy`.
    pub fn new(group_id: impl Into<String>, policy: InactivityPolicy) -> Self {
        Self {
            group_id: group_id.into(),
            policy,
            options: Options::default(),
            phase: Phase::Count,
            sent: false,
            failures: 0,
            pause: None,
            failure: None,
            plan: Plan::default(),
            round: Round::default(),
            missing: 0,
            counted_at: None,
            disturbed: false,
            report: Report::default(),
        }
    }

    /// Ends at the plan: removes nobody.
    pub fn dry_run(mut self) -> Self {
        self.options.dry_run = true;
        self
    }

    /// Sends no system notification about who is removed.
    pub fn silent(mut self) -> Self {
        self.options.silent = true;
        self
    }

    /// Gives a reason with each removal.
    pub fn reason(mut self, reason: impl Into<String>) -> Self {
        self.options.reason = Some(reason.into());
        self
    }

    /// The group.
    pub fn group_id(&self) -> &str {
        &self.group_id
    }

    /// What was found and done so far.
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// Says what to do next at `now`.
    ///
    /// After [`Step::Send`], report what came of it first: calling this again instead means that
    /// nothing came.
    pub fn step(&mut self, api: &RestApi, now: SystemTime) -> Step<'_> {
        if self.sent {
            self.no_response(now);
        }
        self.expire(now);
        let waiting = self.waiting(now);
        if let Some(error) = &self.failure {
            return Step::Failed(error);
        }
        if let Some(time) = waiting {
            return Step::Wait(time);
        }
        match self.request(api, now) {
            Some(request) => {
                self.sent = true;
                Step::Send(request)
            }
            None => Step::Done(&self.report),
        }
    }

    /// Takes the response to the request of the last [`Step::Send`], received at `now`: whatever
    /// status and body it has.
    pub fn response(&mut self, status: StatusCode, body: &[u8], now: SystemTime) {
        if !std::mem::take(&mut self.sent) {
            return;
        }
        if let Err(error) = self.advance(status, body, now) {
            self.failed(error, now);
        }
    }

    /// Tells that the request of the last [`Step::Send`] got no response, or none that could be
    /// read to its end.
    pub fn no_response(&mut self, now: SystemTime) {
        if std::mem::take(&mut self.sent) {
            self.failed(RestError::no_response(), now);
        }
    }

    /// Lets a run that failed go on where it stopped; without effect on any other.
    pub fn resume(&mut self) {
        if self.failure.take().is_some() {
            self.failures = 0;
        }
    }

    fn request(&self, api: &RestApi, now: SystemTime) -> Option<Request<Vec<u8>>> {
        Some(match &self.phase {
            Phase::Count | Phase::Recount => self.get_group_info().request(api, now),
            Phase::Scan(position) => self.get_page(position.clone()).request(api, now),
            Phase::Look => self.get_chosen().request(api, now),
            Phase::Delete => self.delete_doomed().request(api, now),
            Phase::Done => return None,
        })
    }

    pub(super) fn get_group_info(&self) -> GetGroupInfo {
        GetGroupInfo::new(self.group_id.as_str())
    }

    pub(super) fn get_page(&self, position: Position) -> GetGroupMemberInfo {
        GetGroupMemberInfo { group_id: self.group_id.clone(), limit: GetGroupMemberInfo::MAX_LIMIT, position }
    }

    pub(super) fn get_chosen(&self) -> GetSpecifiedGroupMemberInfo {
        GetSpecifiedGroupMemberInfo { group_id: self.group_id.clone(), accounts: self.accounts(self.chosen()) }
    }

    pub(super) fn delete_doomed(&self) -> DeleteGroupMembers {
        DeleteGroupMembers {
            group_id: self.group_id.clone(),
            accounts: self.accounts(self.round.doomed.iter().copied()),
            silent: self.options.silent,
            reason: self.options.reason.clone(),
        }
    }

    fn accounts(&self, indices: impl Iterator<Item = usize>) -> Vec<String> {
        indices
            .filter_map(|index| self.report.candidates.get(index))
            .map(|candidate| candidate.member.account.clone())
            .collect()
    }
}
