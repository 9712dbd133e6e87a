use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::clock::Clock;
use super::evidence::Evidence;
use super::pace::Pace;
use super::phase::{Phase, Round};
use super::plan::Plan;
use super::retry::Retry;
use super::saved::Version;
use super::{InactivityPolicy, MakeRoom, Report};
use crate::GroupFull;
use crate::rest::since_epoch;

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Options {
    pub(super) dry_run: bool,
    pub(super) silent: bool,
    pub(super) reason: Option<String>,
}

/// The error of [`MakeRoom::for_event`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a topic is full, and not its Community: removing members of the Community makes no room in it")]
#[non_exhaustive]
pub struct TopicIsFull;

impl MakeRoom {
    /// Makes room in this group according to `policy`.
    ///
    /// With the event at hand, [`for_event`](Self::for_event) is safer.
    pub fn new(group_id: impl Into<String>, policy: InactivityPolicy) -> Self {
        Self {
            version: Version,
            group_id: group_id.into(),
            policy,
            options: Options::default(),
            full_at: None,
            clock: Clock::default(),
            pace: Pace::default(),
            calls: 0,
            phase: Phase::Count,
            sent: false,
            asked_at: None,
            retry: Retry::default(),
            evidence: Evidence::default(),
            plan: Plan::default(),
            round: Round::default(),
            missing: 0,
            next_msg_seq: None,
            counted_at: None,
            disturbed: false,
            report: Report::default(),
        }
    }

    /// Makes room in the group that is full, according to `policy`.
    ///
    /// If the event has a time, inactivity is measured no later than that, so a clock that is ahead
    /// makes nobody look more inactive. Without one, the run relies on your clock.
    ///
    /// The [`RestApi`](crate::rest::RestApi) that you give to [`step`](Self::step) must be that of the
    /// event's app. This is not checked.
    ///
    /// # Errors
    ///
    /// A [topic](GroupFull::topic_id) is full. To remove members of its Community would not help.
    pub fn for_event(event: &GroupFull<'_>, policy: InactivityPolicy) -> Result<Self, TopicIsFull> {
        if event.topic_id().is_some() {
            return Err(TopicIsFull);
        }
        let full_at = event.event_time().map(since_epoch);
        Ok(Self { full_at, ..Self::new(event.group_id(), policy) })
    }

    /// Ends at the plan. No removal is handed out from now on, also if the run was past its plan.
    pub fn dry_run(mut self) -> Self {
        self.options.dry_run = true;
        self
    }

    /// Asks the vendor to send no system notification about a removal. The vendor's page contradicts
    /// itself on whether the removed member is told all the same.
    pub fn silent(mut self) -> Self {
        self.options.silent = true;
        self
    }

    /// Gives a reason with each removal.
    pub fn reason(mut self, reason: impl Into<String>) -> Self {
        self.options.reason = Some(reason.into());
        self
    }

    /// Sets the least time between two calls (default 10 ms). It is not saved: set it again after you
    /// restore a run.
    ///
    /// The vendor allows 200 calls of each kind in a second, to all workers of an app together. Stay
    /// well below 10 seconds. Otherwise what the run has read is more than 30 seconds old before it can
    /// remove anybody, and it fails as [`TooSlow`](crate::rest::RestErrorKind::TooSlow).
    pub fn pace(mut self, between: Duration) -> Self {
        self.pace.between = between;
        self
    }

    /// Returns the group.
    pub fn group_id(&self) -> &str {
        &self.group_id
    }

    /// Returns what was found and done so far.
    pub fn report(&self) -> &Report {
        &self.report
    }
}
