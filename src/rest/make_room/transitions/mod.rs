//! The transitions between the phases of a run. Only code in this folder sets the phase.

mod approval;
mod count;
mod plan;
mod removal;
mod rounds;

use std::time::{Duration, SystemTime};

use http::StatusCode;
use serde::{Deserialize, Serialize};

use super::call::Call;
use super::run::Run;
use super::scan::Scan;
use crate::rest::RestError;

/// The request that is next or in flight.
///
/// A run counts, may raise the limit and count again, reads the members, and meanwhile asks which candidates
/// are online. The phases from `Look` on repeat for each removal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) enum Phase {
    /// How full is the group?
    Count,
    /// Raise its limit. Handed out only while the count is fresh.
    Raise { to: u32 },
    /// Who are its members? The count is known, and the plan grows.
    Scan(Scan),
    /// Which of these are online? Then the rest is read, if there is any.
    Ask { accounts: Vec<String>, rest: Option<Scan> },
    /// What is the current state of the candidates of this round?
    Look,
    /// Which of those who may be removed are online now?
    LookOnline,
    /// Remove them. Handed out only while the look and the count are fresh.
    Delete,
    /// Nothing more is sent.
    Done,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Current(Phase);

impl Current {
    pub(super) fn get(&self) -> &Phase {
        &self.0
    }
}

impl Default for Current {
    fn default() -> Self {
        Self(Phase::Count)
    }
}

impl Run {
    fn go(&mut self, phase: Phase) {
        self.phase = Current(phase);
    }

    /// Handles the response received at `now`, which is `at` by the run's clock.
    pub(super) fn advance(
        &mut self,
        status: StatusCode,
        body: &[u8],
        now: SystemTime,
        at: Duration,
    ) -> Result<(), RestError> {
        match (self.call(), self.phase.get().clone()) {
            (Some(Call::Count(call)), _) => self.counted(&call.response(status, body)?, now)?,
            (Some(Call::Raise(call)), Phase::Raise { to }) => {
                call.response(status, body).map_err(|error| error.of_raise(to))?;
                self.raised();
            }
            (Some(Call::Page(call)), Phase::Scan(scan)) => {
                self.read_page(scan, call.response(status, body)?, now)?;
            }
            (Some(Call::Look(call)), _) => self.looked(&call.response(status, body)?, now, at),
            (Some(Call::Presence(call)), phase) => {
                let list = call.response(status, body).map_err(RestError::of_presence)?;
                match phase {
                    Phase::Ask { accounts, rest } => self.asked(&accounts, rest, &list)?,
                    _ => self.looked_online(&list, at),
                }
            }
            (Some(Call::Delete(call)), _) => {
                call.response(status, body)?;
                self.deleted();
            }
            _ => {}
        }
        Ok(())
    }
}
