use std::fmt;
use std::time::Duration;

use super::run::Run;
use super::{InactivityPolicy, MakeRoom, Report};
use crate::rest::since_epoch;
use crate::{GroupFull, debug_as_display};

/// The error of [`MakeRoom::for_event`].
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("a topic is full, not its Community: removing members of the Community makes no room in the topic")]
#[non_exhaustive]
pub struct TopicIsFull;

debug_as_display!(TopicIsFull);

impl MakeRoom {
    /// Makes room in this group according to `policy`.
    ///
    /// If you have the event, [`for_event`](Self::for_event) is safer.
    pub fn new(group_id: impl Into<String>, policy: InactivityPolicy) -> Self {
        Self(Run::new(group_id.into(), policy))
    }

    /// Makes room in the group that is full, according to `policy`.
    ///
    /// If the event has a time, inactivity is measured no later than that, so a clock that is ahead does not
    /// make members look more inactive. Without one, the run relies on your clock.
    /// Only a [`RestApi`](crate::rest::RestApi) of the event's app can [step](Self::step) it.
    ///
    /// # Errors
    ///
    /// A [private topic](GroupFull::topic_id) is full. Its Community usually is not, and this API cannot make room in a
    /// topic.
    pub fn for_event(event: &GroupFull<'_>, policy: InactivityPolicy) -> Result<Self, TopicIsFull> {
        if event.topic_id().is_some() {
            return Err(TopicIsFull);
        }
        let (app, full_at) = (Some(event.sdk_app_id()), event.event_time().map(since_epoch));
        Ok(Self(Run { app, full_at, ..Run::new(event.group_id().to_owned(), policy) }))
    }

    /// Stops at the plan: nothing changes until you [approve](Self::approve) it, or
    /// [continue](Self::continue_from) it without this option.
    pub fn plan_only(mut self) -> Self {
        self.0.options.plan_only = true;
        self.0.back_to_the_plan();
        self
    }

    /// Asks the vendor to send no system notification of a removal; see
    /// [`DeleteGroupMembers::no_notification`](crate::rest::DeleteGroupMembers::no_notification).
    pub fn no_notification(mut self) -> Self {
        self.0.options.no_notification = true;
        self
    }

    /// Gives a reason with each removal.
    pub fn reason(mut self, reason: impl Into<String>) -> Self {
        self.0.options.reason = Some(reason.into());
        self
    }

    /// Sets the minimum time between two calls (default 10 ms). It is not saved.
    ///
    /// The vendor allows 200 calls of each kind per second, for all workers of an app together. Stay
    /// well below 10 seconds. Otherwise the run's data is more than 30 seconds old before it can remove a
    /// member, and it fails as [`TooSlow`](crate::rest::RestErrorKind::TooSlow).
    pub fn pace(mut self, between: Duration) -> Self {
        self.0.pace.between = between;
        self
    }

    /// Returns the group.
    pub fn group_id(&self) -> &str {
        self.0.report.group_id()
    }

    /// Returns what the run has found and done so far.
    pub fn report(&self) -> &Report {
        &self.0.report
    }
}
