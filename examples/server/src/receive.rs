//! Takes callbacks, and answers once they are stored.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Extension;
use axum::body::{Body, Bytes};
use axum::extract::rejection::BytesRejection;
use axum::response::Response;
use im_group_full::{AsyncGroupFullHandler, CheckedQuery, Failure, GroupFull, Rejection, Reply, Validator};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::timeout;

use crate::lines::Lines;
use crate::metrics::answered;
use crate::rooms::{Key, Rooms};

/// The vendor gives up after 2 s.
const STORED_WITHIN: Duration = Duration::from_millis(1500);
/// Events that are stored together at most, and those that may wait for it.
const TOGETHER: usize = 512;
const WAITING: usize = 8192;
/// Without a token anybody can make up commands, and each is remembered.
const MAX_COMMANDS: usize = 100;

pub(crate) struct Receiver {
    validator: Validator,
    puts: mpsc::Sender<Put>,
    lines: Arc<Lines>,
    commands: Mutex<HashSet<String>>,
}

/// An event that is to be stored.
pub(crate) struct Put {
    key: Key,
    event: String,
    answer: oneshot::Sender<Result<(), Failure>>,
}

impl Receiver {
    pub(crate) fn new(validator: Validator, lines: Arc<Lines>) -> (Self, mpsc::Receiver<Put>) {
        let (puts, waiting) = mpsc::channel(WAITING);
        (Self { validator, puts, lines, commands: Mutex::default() }, waiting)
    }
}

impl AsyncGroupFullHandler for Receiver {
    fn validator(&self) -> &Validator {
        &self.validator
    }

    async fn on_group_full(&self, event: &GroupFull<'_>) -> Result<(), Failure> {
        let key = Rooms::key(event).map_err(Failure::new)?;
        let (answer, stored) = oneshot::channel();
        let put = Put { key, event: serde_json::to_string(event)?, answer };
        self.puts.try_send(put).map_err(|_| Failure::new("too many events are being stored"))?;
        let stored = timeout(STORED_WITHIN, stored).await.map_err(|_| Failure::new("the database does not answer"))?;
        stored.map_err(|_| Failure::new("stopping"))??;
        answered("ok");
        tracing::info!(
            id = event.id(),
            client = event.query().client_ip(),
            platform = event.opt_platform().map(|platform| platform.to_string()),
            "stored"
        );
        Ok(())
    }

    fn on_failed(&self, event: &GroupFull<'_>, failure: &Failure) {
        answered("failed");
        self.lines.write(|| tracing::error!(id = event.id(), "answered FAIL, so the event is lost: {failure:#}"));
    }

    fn on_other_command(&self, query: &CheckedQuery<'_>) {
        answered("other_command");
        // One URL serves every command that is switched on, and some come with every message: no line for each.
        let (command, mut seen) = (query.command(), self.commands.lock().unwrap_or_else(PoisonError::into_inner));
        if !seen.contains(command) && seen.len() < MAX_COMMANDS && seen.insert(command.to_owned()) {
            tracing::info!(command, "answering another command (logged once per command)");
        }
    }

    fn on_rejected(&self, rejection: &Rejection) {
        let kind = rejection.kind().as_str();
        answered(kind);
        let app = rejection.sdk_app_id().map(|app| app.to_string());
        self.lines.write(|| tracing::warn!(kind, app, "refused: {rejection}"));
    }
}

/// Stores what waits, until no receiver is left. What arrives while the database is busy is stored together.
pub(crate) async fn store(mut waiting: mpsc::Receiver<Put>, rooms: Rooms, max_rooms: u32, stored: Arc<Notify>) {
    let mut puts = Vec::new();
    while waiting.recv_many(&mut puts, TOGETHER).await > 0 {
        // The others have been answered `FAIL`.
        puts.retain(|put| !put.answer.is_closed());
        // Each group once, with its latest event.
        let events: BTreeMap<_, _> = puts.iter().map(|put| (&put.key, &*put.event)).collect();
        let result = rooms.put(&events, max_rooms).await;
        stored.notify_one();
        for put in puts.drain(..) {
            let answer = match &result {
                Ok(there) if there.contains(&put.key) => Ok(()),
                Ok(_) => Err(Failure::new("too many groups are in the table")),
                Err(error) => Err(Failure::new("the database does not take the event").with_source(error.clone())),
            };
            let _ = put.answer.send(answer);
        }
    }
}

/// The app's own code for the commands of the same URL goes here. It gets what is authenticated, and nothing else.
pub(crate) async fn other_command(
    Extension(query): Extension<CheckedQuery<'static>>,
    // A body that cannot be read must not block anybody.
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let length = body.map(|body| body.len());
    tracing::debug!(command = query.command(), ?length, "another command");
    // A command named `...Before...` asks for permission, and this gives it.
    Response::<Body>::from(Reply::ok())
}
