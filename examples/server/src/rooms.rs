//! The app.

use std::collections::HashSet;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Extension;
use axum::body::{Body, Bytes};
use axum::response::Response;
use im_group_full::{CheckedQuery, Failure, GroupFull, GroupFullHandler, Rejection, Reply, Validator};

use crate::metrics::answered;
use crate::queue::Queue;

/// Without a token anybody can make up commands, and each is remembered.
const MAX_COMMANDS: usize = 100;

pub(crate) struct Rooms {
    validator: Validator,
    pub(crate) queue: Queue,
    commands: Mutex<HashSet<String>>,
    accepted: AtomicU64,
    refused: AtomicU64,
    other_commands: AtomicU64,
}

impl Rooms {
    pub(crate) fn new(validator: Validator, max_waiting: usize) -> Self {
        let [accepted, refused, other_commands] = [0; 3].map(AtomicU64::new);
        let queue = Queue::new(max_waiting);
        Self { validator, queue, commands: Mutex::default(), accepted, refused, other_commands }
    }

    /// Takes what was accepted, one after the other, until the queue is closed and empty.
    pub(crate) async fn work(self: Arc<Self>, pretend: Duration) {
        while let Some(event) = self.queue.next().await {
            let group = event.group_id().to_owned();
            // In a task of its own: a panic costs this event and no other.
            if tokio::spawn(make_room(event, pretend)).await.is_err() {
                tracing::error!(group, "the work panicked");
            }
        }
    }

    /// Tells whether a command is seen for the first time.
    fn is_new(&self, command: &str) -> bool {
        let mut commands = self.commands.lock().unwrap_or_else(PoisonError::into_inner);
        !commands.contains(command) && commands.len() < MAX_COMMANDS && commands.insert(command.to_owned())
    }
}

/// The app's own work goes here. An event can come again, so it must be safe to repeat.
async fn make_room(event: GroupFull<'static>, pretend: Duration) {
    // A timer never takes less than a millisecond, and a busy server has more than a thousand events a second.
    if !pretend.is_zero() {
        tokio::time::sleep(pretend).await;
    }
    tracing::info!(group = event.group_id(), "worked on");
}

impl GroupFullHandler for Rooms {
    fn validator(&self) -> &Validator {
        &self.validator
    }

    fn on_group_full(&self, event: &GroupFull<'_>) -> Result<(), Failure> {
        self.queue.push(event)?;
        self.accepted.fetch_add(1, Relaxed);
        answered("ok");
        // `id` has the group, its topic and the time.
        tracing::info!(
            id = event.id(),
            client = event.query().client_ip(),
            platform = event.opt_platform().map(|platform| platform.to_string()),
            "accepted"
        );
        Ok(())
    }

    fn on_failed(&self, event: &GroupFull<'_>, failure: &Failure) {
        self.refused.fetch_add(1, Relaxed);
        answered("failed");
        tracing::error!(id = event.id(), "lost: {failure:#}");
    }

    fn on_other_command(&self, query: &CheckedQuery<'_>) {
        self.other_commands.fetch_add(1, Relaxed);
        answered("other_command");
        // One URL serves every command that is switched on, and some come with every message: no line for each.
        if self.is_new(query.command()) {
            tracing::info!(command = query.command(), "answering another command (logged once per command)");
        }
    }

    fn on_rejected(&self, rejection: &Rejection) {
        self.refused.fetch_add(1, Relaxed);
        answered(rejection.kind().as_str());
        tracing::warn!(kind = rejection.kind().as_str(), "refused: {rejection}");
    }
}

/// The app's own code for the commands of the same URL goes here. It gets what is authenticated, and nothing else.
pub(crate) async fn other_command(Extension(query): Extension<CheckedQuery<'static>>, body: Bytes) -> Response {
    tracing::debug!(command = query.command(), "another command, with a body of {} bytes", body.len());
    // A command named `...Before...` asks for permission, and this gives it.
    Response::<Body>::from(Reply::ok())
}

impl fmt::Display for Rooms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [accepted, refused, other] =
            [&self.accepted, &self.refused, &self.other_commands].map(|count| count.load(Relaxed));
        write!(f, "{accepted} accepted, {refused} refused, {other} of other commands")
    }
}
