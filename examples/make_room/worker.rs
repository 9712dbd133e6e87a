use std::sync::PoisonError;
use std::sync::mpsc::Receiver;
use std::time::{Duration, SystemTime};

use im_group_full::rest::{InactivityPolicy, MakeRoom, Outcome, Report, RestApi, RestError, Step};
use indicatif::{ProgressBar, ProgressStyle};

use crate::client::Client;
use crate::receiver::Busy;
use crate::table;

/// Longer than the vendor takes, and shorter than what was read stays fresh.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Makes room in one group after the other.
pub struct Worker {
    pub api: RestApi,
    pub policy: InactivityPolicy,
    pub dry_run: bool,
    pub busy: Busy,
}

impl Worker {
    /// Serves the groups that come, until nobody can send any more or, with `once`, after the first.
    pub fn serve(&self, groups: &Receiver<String>, once: bool) -> Result<(), RestError> {
        let client = Client::new(TIMEOUT);
        for group_id in groups {
            let result = self.make_room(&client, &group_id);
            self.busy.lock().unwrap_or_else(PoisonError::into_inner).remove(&group_id);
            if once {
                return result;
            }
        }
        Ok(())
    }

    fn make_room(&self, client: &Client, group_id: &str) -> Result<(), RestError> {
        let mut run = MakeRoom::new(group_id, self.policy.clone()).reason("inactive");
        if self.dry_run {
            run = run.dry_run();
        }
        // Draws nothing unless the standard error is a terminal.
        let bar = ProgressBar::new(0).with_style(ProgressStyle::default_bar());
        let result = drive(&mut run, client, &self.api, &bar);
        bar.finish_and_clear();

        print!("{}", table::of(run.report(), SystemTime::now()));
        let report = run.report();
        let removed = report.with_outcome(Outcome::Removed).count();
        match &result {
            Ok(()) if self.dry_run => println!("{group_id}: {} would go", report.candidates().len()),
            Ok(()) => println!("{group_id}: {removed} removed"),
            Err(error) => println!("{group_id}: {removed} removed, then: {error}"),
        }
        result
    }
}

fn drive(run: &mut MakeRoom, client: &Client, api: &RestApi, bar: &ProgressBar) -> Result<(), RestError> {
    loop {
        match run.step(api, SystemTime::now()) {
            Step::Send(request) => match client.send(request) {
                Ok((status, body)) => run.response(status, &body, SystemTime::now()),
                Err(error) => {
                    // Shows no URL: see there.
                    bar.suspend(|| eprintln!("no response: {error}"));
                    run.no_response(SystemTime::now());
                }
            },
            Step::Wait(time) => std::thread::sleep(time),
            Step::Done(_) => return Ok(()),
            Step::Failed(error) => return Err(error.clone()),
        }
        show(run.report(), bar);
    }
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
