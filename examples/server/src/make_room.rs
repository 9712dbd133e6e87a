//! Makes room in a group with the library's `MakeRoom`.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::http::{Request, StatusCode};
use example_support::rest_client::{Client, SendError};
use im_group_full::GroupFull;
use im_group_full::rest::{
    InactivityPolicy, MakeRoom, Outcome, Report, RestApi, RestError, RestErrorKind, SavedRun, Step,
};
use metrics::counter;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep};

use crate::Failed;
use crate::database::Error;
use crate::options::Room;
use crate::rooms::{End, Taken};
use crate::work::Worker;

/// Besides before each change.
const SAVE_EVERY: Duration = Duration::from_secs(5);

pub(crate) struct MakingRoom {
    pub(crate) api: RestApi,
    pub(crate) policy: InactivityPolicy,
    pub(crate) client: Arc<Client>,
}

impl MakingRoom {
    /// Begins a run, or goes on with the saved one.
    pub(crate) fn run(&self, room: &Room, taken: &Taken, event: &GroupFull<'_>) -> Result<MakeRoom, Failed> {
        let mut new = MakeRoom::for_event(event, self.policy.clone())?;
        if let Some(reason) = &room.reason {
            new = new.reason(reason);
        }
        if room.no_notification {
            new = new.no_notification();
        }
        // Where a part was approved, the rest must not go with it.
        if !room.remove || taken.approved().is_some() {
            new = new.plan_only();
        }
        // A plan that nobody approved in time is forgotten.
        let Some(saved) = taken.run.as_deref().filter(|_| !taken.is_only_planned()) else { return Ok(new) };
        match serde_json::from_str::<SavedRun>(saved) {
            Ok(saved) => Ok(new.continue_from(saved)?),
            Err(error) => {
                tracing::warn!(group = new.group_id(), "begins anew, the saved run cannot be read: {error}");
                Ok(new)
            }
        }
    }

    /// Makes room, and writes how it ended.
    pub(crate) async fn work_on(&self, worker: &Worker, taken: &Taken, mut run: MakeRoom) -> Result<End, Error> {
        if let Some(accounts) = taken.approved() {
            match run.approve(&accounts) {
                Ok(()) => tracing::info!(group = run.group_id(), "carries out the plan, as approved: {accounts:?}"),
                Err(error) => {
                    tracing::warn!(group = run.group_id(), "the approval is void, and a new plan is made: {error}");
                }
            }
            // From here on the run has it, and the row no longer.
            save(worker, taken, &run).await?;
        }
        let told: Vec<_> = gone(run.report()).map(str::to_owned).collect();
        let end = self.drive(worker, taken, &mut run).await?;
        let report = run.report();
        for account in gone(report).filter(|account| !told.iter().any(|told| told == account)) {
            counter!("rooms_members_removed_total").increment(1);
            tracing::info!(group = report.group_id(), account, "removed");
        }
        // Such a run is over. The next one begins anew, but must not forget a removal that is on its way.
        let over = matches!(end, End::Done | End::Rest(_) | End::Dead(_)) && unanswered(report) == 0;
        let saved = if over { None } else { Some(to_json(&run)?) };
        worker.rooms.end(taken, &end, saved, Some(report)).await?;
        Ok(end)
    }

    async fn drive(&self, worker: &Worker, taken: &Taken, run: &mut MakeRoom) -> Result<End, Error> {
        let mut stopping = worker.stopping.clone();
        let mut saved = Instant::now();
        while !*stopping.borrow() {
            match run.step(&self.api, SystemTime::now()) {
                Step::Send(request) => {
                    // Before a change is sent: it is in the table, whatever happens then. And only who still has the lease sends one.
                    if saved.elapsed() >= SAVE_EVERY || changes(&request) {
                        save(worker, taken, run).await?;
                        saved = Instant::now();
                    }
                    match self.send(request).await {
                        Ok((status, body)) => run.response(status, &body, SystemTime::now()),
                        Err(error) => {
                            tracing::warn!(group = run.group_id(), "no response from the vendor: {error}");
                            run.no_response(SystemTime::now());
                        }
                    }
                }
                Step::Wait(time) => {
                    tokio::select! {
                        () = sleep(time) => (),
                        _ = stopping.changed() => (),
                    }
                }
                Step::Done(_) => return Ok(done(run)),
                Step::Failed(error) => return Ok(failed(worker, taken, error)),
            }
        }
        Ok(End::Released)
    }

    async fn send(&self, request: Request<Vec<u8>>) -> Result<(StatusCode, Vec<u8>), SendError> {
        let client = Arc::clone(&self.client);
        spawn_blocking(move || client.send(request)).await.unwrap_or(Err(SendError::Other))
    }
}

async fn save(worker: &Worker, taken: &Taken, run: &MakeRoom) -> Result<(), Error> {
    worker.rooms.save(taken, worker.options.lease(), &to_json(run)?, run.report()).await
}

/// A run that cannot be written must not go on: nobody would know of its removals.
fn to_json(run: &MakeRoom) -> Result<String, Error> {
    serde_json::to_string(run).map_err(|error| Error::Unavailable(format!("cannot write the run: {error}")))
}

/// Returns whether a request changes the group.
fn changes(request: &Request<Vec<u8>>) -> bool {
    let path = request.uri().path();
    ["/delete_group_member", "/modify_group_base_info"].iter().any(|change| path.ends_with(change))
}

fn gone(report: &Report) -> impl Iterator<Item = &str> {
    report.with_outcome(Outcome::Removed).map(|candidate| candidate.member().account())
}

fn unanswered(report: &Report) -> usize {
    report.with_outcome(Outcome::Unconfirmed).count() + report.with_outcome(Outcome::Rejoined).count()
}

fn done(run: &MakeRoom) -> End {
    let report = run.report();
    let unanswered = unanswered(report);
    if run.awaits_approval() {
        End::Planned
    } else if unanswered > 0 {
        End::Rest(format!("{unanswered} removals got no answer"))
    } else if report.free() < report.aim() {
        let spared: Vec<_> = report.spared().map(|(why, count)| format!("{why:?} {count}")).collect();
        End::Rest(format!("{} of {} slots are free; who stays: {}", report.free(), report.aim(), spared.join(", ")))
    } else {
        End::Done
    }
}

fn failed(worker: &Worker, taken: &Taken, error: &RestError) -> End {
    match error.retry_after() {
        _ if error.kind() == RestErrorKind::GroupGone => End::Done,
        Some(after) => worker.again(taken, after, error.to_string()),
        None => End::Dead(with_flags(&error.to_string())),
    }
}

/// Names the flag, where the library names the method that it sets.
fn with_flags(text: &str) -> String {
    let Some((before, rest)) = text.split_once("InactivityPolicy::") else { return text.to_owned() };
    let (method, after) = rest.split_once('`').unwrap_or((rest, ""));
    format!("{before}--{}`{after}", method.replace('_', "-"))
}
