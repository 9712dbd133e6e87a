use std::collections::HashSet;
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use im_group_full::{Failure, GroupFull, GroupFullHandler, GroupFullService, Immediate, Rejection, Validator};

/// Takes callbacks, and hands the groups over to the worker.
pub struct Receiver {
    validator: Validator,
    worker: SyncSender<String>,
    /// Groups that wait for the worker or that it is at. The callback comes again for every join that fails, and one run at a
    /// time is enough.
    busy: Busy,
}

pub type Busy = Arc<Mutex<HashSet<String>>>;

impl Receiver {
    pub fn new(validator: Validator, worker: SyncSender<String>, busy: Busy) -> Self {
        Self { validator, worker, busy }
    }

    /// Answers on every path, with any method: the crate says which it refuses.
    pub fn router(self) -> Router {
        Router::new().fallback_service(GroupFullService::new(Immediate(self)))
    }
}

impl GroupFullHandler for Receiver {
    fn validator(&self) -> &Validator {
        &self.validator
    }

    /// Never waits, so the vendor has its answer in time whatever the REST side does.
    fn on_group_full(&self, event: &GroupFull<'_>) -> Result<(), Failure> {
        let mut busy = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
        if busy.contains(event.group_id()) {
            return Ok(());
        }
        let group_id = event.group_id().to_owned();
        self.worker.try_send(group_id.clone()).map_err(|_| Failure::new("busy"))?;
        busy.insert(group_id);
        Ok(())
    }

    fn on_rejected(&self, rejection: &Rejection) {
        eprintln!("refused: {rejection}");
    }
}
