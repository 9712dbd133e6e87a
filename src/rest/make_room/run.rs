use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use http::StatusCode;
use serde::{Deserialize, Serialize};

use super::clock::Clock;
use super::evidence::Evidence;
use super::pace::Pace;
use super::plan::Plan;
use super::retry::Retry;
use super::round::Round;
use super::saved::VERSION;
use super::transitions::{Current, Phase};
use super::{InactivityPolicy, MakeRoom, Report, Step};
use crate::SdkAppId;
use crate::rest::error::Repr;
use crate::rest::{RestApi, RestError};

/// The state machine behind [`MakeRoom`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts")]
pub(super) struct Run {
    /// [`VERSION`]; reading checks it.
    pub(super) version: u64,
    /// `None` until an event or the first step sets it.
    pub(super) app: Option<SdkAppId>,
    pub(super) policy: InactivityPolicy,
    pub(super) options: Options,
    /// The plan is carried out even with `plan_only`.
    pub(super) approved: bool,
    /// When the group was full, since the epoch: inactivity is measured no later than then.
    pub(super) full_at: Option<Duration>,
    pub(super) clock: Clock,
    #[serde(skip)]
    pub(super) pace: Pace,
    /// Calls handed out since the run began or was resumed; at most [`MakeRoom::MAX_CALLS`].
    pub(super) calls: u32,
    /// The account that made the last call.
    pub(super) admin: String,
    pub(super) phase: Current,
    /// Whether the request of this phase was handed out and its result is still unreported.
    pub(super) sent: bool,
    /// When it was handed out, by the run's clock; `None` if that clock was set back since.
    pub(super) asked_at: Option<Duration>,
    pub(super) retry: Retry,
    pub(super) evidence: Evidence,
    /// Grows during the scan, and is empty before and after.
    pub(super) plan: Plan,
    /// The scan is over: from here on only outcomes change.
    pub(super) planned: bool,
    pub(super) round: Round,
    /// How many slots still have to be freed, as far as known. Unanswered removals are not subtracted.
    pub(super) missing: u32,
    /// The smallest that the vendor sent: the smaller it is, the more members count as readers.
    pub(super) next_msg_seq: Option<u64>,
    /// When the last count was requested; `None` if it must not be relied upon.
    pub(super) counted_at: Option<Duration>,
    /// The limit of the last raise that was handed out.
    pub(super) raised_to: Option<u32>,
    /// How many counts since the vendor accepted a new limit still showed an old one.
    pub(super) unchanged: Option<u32>,
    /// When the vendor last reported the group as muted, in seconds since the epoch.
    pub(super) muted_at: Option<u64>,
    /// The latest end of a mute of each member whose mute is current or recent.
    pub(super) mutes: BTreeMap<String, u64>,
    /// Something else may be changing the group, so the run counts before every removal.
    pub(super) disturbed: bool,
    /// Invariant: a candidate whose removal got no answer never gets an outcome that claims that it stayed.
    pub(super) report: Report,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Options {
    pub(super) plan_only: bool,
    pub(super) no_notification: bool,
    pub(super) reason: Option<String>,
}

impl Run {
    pub(super) fn new(group_id: String, policy: InactivityPolicy) -> Self {
        let report = Report::new(group_id, &policy.protected);
        Self {
            version: VERSION,
            app: None,
            policy,
            options: Options::default(),
            approved: false,
            full_at: None,
            clock: Clock::default(),
            pace: Pace::default(),
            calls: 0,
            admin: String::new(),
            phase: Current::default(),
            sent: false,
            asked_at: None,
            retry: Retry::default(),
            evidence: Evidence::default(),
            plan: Plan::default(),
            planned: false,
            round: Round::default(),
            missing: 0,
            next_msg_seq: None,
            counted_at: None,
            raised_to: None,
            unchanged: None,
            muted_at: None,
            mutes: BTreeMap::new(),
            disturbed: false,
            report,
        }
    }

    /// Returns whether the run ends at its plan.
    pub(super) fn stops_at_plan(&self) -> bool {
        self.options.plan_only && !self.approved
    }

    /// Returns the app of this run, if that is known and not `app`.
    pub(super) fn is_for_another(&self, app: SdkAppId) -> Option<SdkAppId> {
        self.app.filter(|own| *own != app)
    }

    pub(super) fn step(&mut self, api: &RestApi, now: SystemTime) -> Step<'_> {
        let at = self.tick(now);
        if self.sent {
            self.unanswered(at);
        }
        self.expire(at);
        self.called_by(api);
        let done = *self.phase.get() == Phase::Done;
        if self.retry.failure.is_none() && !done && self.calls >= MakeRoom::MAX_CALLS {
            self.retry.failure = Some(RestError(Repr::TooManyCalls(MakeRoom::MAX_CALLS)));
        }
        if let Some(call) = self.call().filter(|_| self.retry.failure.is_none()) {
            let waiting = self.retry.waiting(at).max(self.pace.waiting(at));
            if let Some(time) = waiting.filter(|_| self.pace.may_wait(at)) {
                return Step::Wait(time);
            }
            self.sent = true;
            self.asked_at = Some(at);
            self.calls = self.calls.saturating_add(1);
            self.pace.sent(at);
            self.handed_out(now);
            return Step::Send(call.request(api, now));
        }
        match &self.retry.failure {
            Some(error) => Step::Failed(error),
            None => Step::Done(&self.report),
        }
    }

    pub(super) fn response(&mut self, status: StatusCode, body: &[u8], now: SystemTime) {
        if !self.sent {
            return;
        }
        let at = self.tick(now);
        self.sent = false;
        if let Err(error) = self.advance(status, body, now, at) {
            self.failed(error, at);
        }
    }

    pub(super) fn no_response(&mut self, now: SystemTime) {
        if self.sent {
            let at = self.tick(now);
            self.unanswered(at);
        }
    }

    pub(super) fn resume(&mut self) {
        if self.retry.resume() {
            self.calls = 0;
        }
    }

    pub(super) fn unanswered(&mut self, at: Duration) {
        self.sent = false;
        self.failed(RestError(Repr::NoResponse), at);
    }

    /// Returns the time of the run's clock. If the caller's was set back, the age of everything read before is unknown.
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
    pub(super) fn measured_at(&self, now: SystemTime) -> SystemTime {
        let full_at = self.full_at.and_then(|full_at| SystemTime::UNIX_EPOCH.checked_add(full_at));
        full_at.map_or(now, |full_at| full_at.min(now))
    }
}
