//! A bounded queue inside the process, for work that takes longer than the vendor waits.
//!
//! What is in it is gone when the process is killed. `examples/redis` is for those who cannot have
//! that, or who have several machines.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use im_group_full::{Failure, GroupFull};
use tokio::sync::Semaphore;

#[cfg(test)]
mod tests;

pub(crate) struct Queue {
    capacity: usize,
    waiting: Mutex<VecDeque<GroupFull<'static>>>,
    /// Has a permit for each event that waits, and is closed with the queue.
    ready: Semaphore,
}

impl Queue {
    /// Lets at most `capacity` events wait; the ones that are worked on do not count.
    pub(crate) fn new(capacity: usize) -> Self {
        Self { capacity, waiting: Mutex::default(), ready: Semaphore::new(0) }
    }

    /// Adds an event, unless one of the same group and topic waits: that one's work has not begun, so it
    /// will see what this one is about, too.
    ///
    /// # Errors
    ///
    /// At once, when too many events wait or the queue is closed. The vendor does not call again, so
    /// the event is gone.
    pub(crate) fn push(&self, event: &GroupFull<'_>) -> Result<(), Failure> {
        let mut waiting = self.waiting();
        if self.ready.is_closed() {
            return Err(Failure::new("stopping"));
        }
        let place = (event.group_id(), event.topic_id());
        if waiting.iter().any(|waiting| (waiting.group_id(), waiting.topic_id()) == place) {
            return Ok(());
        }
        if waiting.len() >= self.capacity {
            return Err(Failure::new("too many events are waiting"));
        }
        waiting.push_back(event.to_static());
        self.ready.add_permits(1);
        Ok(())
    }

    /// Takes the oldest event, waiting for one if need be; `None` once the queue is closed and empty.
    pub(crate) async fn next(&self) -> Option<GroupFull<'static>> {
        // An error says that the queue is closed: nothing can be added, so there is nothing to wait for.
        if let Ok(permit) = self.ready.acquire().await {
            permit.forget();
        }
        self.waiting().pop_front()
    }

    /// Takes no more events; those that wait are still handed out.
    pub(crate) fn close(&self) {
        // With the lock held, no event can slip in behind a worker that has seen the end.
        let _waiting = self.waiting();
        self.ready.close();
    }

    /// How many events wait.
    pub(crate) fn len(&self) -> usize {
        self.waiting().len()
    }

    fn waiting(&self) -> MutexGuard<'_, VecDeque<GroupFull<'static>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
