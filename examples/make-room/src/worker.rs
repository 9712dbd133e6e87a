use std::sync::PoisonError;
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::time::{Duration, SystemTime};

use example_support::rest_client::Client;
use example_support::say;
use im_group_full::rest::{MakeRoom, Outcome, Report, RestApi, RestError, Step};
use indicatif::{ProgressBar, ProgressStyle};

use crate::receiver::Busy;
use crate::table;

/// Longer than the vendor takes, and shorter than what was read stays fresh.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Makes room in one group after the other.
pub(crate) struct Worker {
    pub(crate) api: RestApi,
    pub(crate) dry_run: bool,
    pub(crate) busy: Busy,
}

impl Worker {
    /// Makes the runs that come, until it is stopped by dropping the sender of `stopped` or, with `once`, after the
    /// first.
    pub(crate) fn serve(&self, runs: &Receiver<MakeRoom>, once: bool, stopped: &Receiver<()>) -> Result<(), RestError> {
        let client = Client::new(TIMEOUT);
        for run in runs {
            let group_id = run.group_id().to_owned();
            let result = self.make_room(&client, run.reason("inactive"), stopped);
            self.busy.lock().unwrap_or_else(PoisonError::into_inner).remove(&group_id);
            if once {
                return result;
            }
            if is_stopped(stopped) {
                break;
            }
        }
        Ok(())
    }

    fn make_room(&self, client: &Client, mut run: MakeRoom, stopped: &Receiver<()>) -> Result<(), RestError> {
        if self.dry_run {
            run = run.dry_run();
        }
        // Draws nothing unless the standard error is a terminal.
        let bar = ProgressBar::new(0).with_style(ProgressStyle::default_bar());
        let result = drive(&mut run, client, &self.api, &bar, stopped);
        bar.finish_and_clear();

        let (group_id, report) = (run.group_id(), run.report());
        if !report.candidates().is_empty() {
            say(format_args!("{}", table::of(report, SystemTime::now()).trim_end()));
        }
        let removed = report.with_outcome(Outcome::Removed).count();
        match &result {
            Ok(End::Done) if self.dry_run => {
                say(format_args!("{group_id}: {} would be removed", report.candidates().len()));
            }
            Ok(End::Done) => say(format_args!("{group_id}: {removed} removed")),
            Ok(End::Stopped) => say(format_args!("{group_id}: {removed} removed, then stopped")),
            Err(error) => say(format_args!("{group_id}: {removed} removed, then: {error}")),
        }
        result.map(|_| ())
    }
}

enum End {
    Done,
    Stopped,
}

fn is_stopped(stopped: &Receiver<()>) -> bool {
    stopped.try_recv() == Err(TryRecvError::Disconnected)
}

fn drive(
    run: &mut MakeRoom,
    client: &Client,
    api: &RestApi,
    bar: &ProgressBar,
    stopped: &Receiver<()>,
) -> Result<End, RestError> {
    while !is_stopped(stopped) {
        match run.step(api, SystemTime::now()) {
            Step::Send(request) => match client.send(request) {
                Ok((status, body)) => run.response(status, &body, SystemTime::now()),
                Err(error) => {
                    // Shows no URL: see there.
                    bar.suspend(|| eprintln!("no response: {error}"));
                    run.no_response(SystemTime::now());
                }
            },
            Step::Wait(time) => match stopped.recv_timeout(time) {
                Err(RecvTimeoutError::Timeout) | Ok(()) => (),
                Err(RecvTimeoutError::Disconnected) => break,
            },
            Step::Done(_) => return Ok(End::Done),
            Step::Failed(error) => return Err(error.clone()),
        }
        show(run.report(), bar);
    }
    Ok(End::Stopped)
}

/// First how many members were read, then how many of the plan are settled.
fn show(report: &Report, bar: &ProgressBar) {
    let plan = report.candidates();
    if plan.is_empty() {
        bar.set_length(report.members().into());
        bar.set_position(report.scanned().into());
    } else {
        bar.set_length(plan.len() as u64);
        bar.set_position((plan.len() - report.with_outcome(Outcome::Planned).count()) as u64);
    }
}
