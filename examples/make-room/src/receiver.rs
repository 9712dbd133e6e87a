use std::collections::HashSet;
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, PoisonError};

use example_support::say;
use im_group_full::rest::{InactivityPolicy, MakeRoom};
use im_group_full::{Failure, GroupFull, GroupFullHandler, Rejection, Validator};

/// Takes callbacks, and hands a run for each group over to the worker.
pub(crate) struct Receiver {
    validator: Validator,
    policy: InactivityPolicy,
    worker: SyncSender<MakeRoom>,
    /// Groups that wait for the worker or that it is at. The callback comes again for every join that fails, and one run at a
    /// time is enough.
    busy: Busy,
}

pub(crate) type Busy = Arc<Mutex<HashSet<String>>>;

impl Receiver {
    pub(crate) fn new(
        validator: Validator,
        policy: InactivityPolicy,
        worker: SyncSender<MakeRoom>,
        busy: Busy,
    ) -> Self {
        Self { validator, policy, worker, busy }
    }
}

impl GroupFullHandler for Receiver {
    fn validator(&self) -> &Validator {
        &self.validator
    }

    /// Never waits, so the vendor has its answer in time, also when the REST side is slow.
    fn on_group_full(&self, event: &GroupFull<'_>) -> Result<(), Failure> {
        let Ok(run) = MakeRoom::for_event(event, self.policy.clone()) else {
            // Its members are another list than the Community's, and the calls of `rest` do not reach it.
            let topic = event.topic_id().unwrap_or_default();
            say(format_args!("{:?}: only its topic {topic:?} is full", event.group_id()));
            return Ok(());
        };
        let mut busy = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
        if busy.contains(event.group_id()) {
            return Ok(());
        }
        self.worker.try_send(run).map_err(|_| Failure::new("busy"))?;
        busy.insert(event.group_id().to_owned());
        Ok(())
    }

    fn on_rejected(&self, rejection: &Rejection) {
        eprintln!("refused: {rejection}");
    }
}
