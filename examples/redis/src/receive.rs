use std::net::TcpListener;
use std::time::Duration;

use axum::Router;
use example_support::PATH;
use im_group_full::http::StatusCode;
use im_group_full::{
    AsyncGroupFullHandler, CALLBACK_TIMEOUT, CheckedQuery, Failure, GroupFull, GroupFullService, Rejection, Validator,
};
use tokio::sync::watch;
use tokio::time::sleep;
use tower_http::timeout::TimeoutLayer;

use crate::append::{Appended, Appender};
use crate::log::Strangers;
use crate::metrics::METRICS;
use crate::stopped;

/// A client that holds its connection open does not keep the process from stopping.
const STOP_WITHIN: Duration = Duration::from_secs(5);

/// Answers `OK` once Redis has the event, and `FAIL` when it has not in time.
pub struct Receiver {
    pub validator: Validator,
    pub appender: Appender,
    pub strangers: Strangers,
}

impl AsyncGroupFullHandler for Receiver {
    fn validator(&self) -> &Validator {
        &self.validator
    }

    async fn on_group_full(&self, event: &GroupFull<'_>) -> Result<(), Failure> {
        METRICS.received.inc();
        let (reason, failure) = match self.appender.append(event).await {
            Ok(Appended::Added | Appended::Merged) => {
                METRICS.ok.inc();
                return Ok(());
            }
            Ok(Appended::Full) => ("full", Failure::new("too many events are waiting")),
            Ok(Appended::TooLong) => ("too_long", Failure::new("longer than 4 KiB")),
            Ok(Appended::NotReplicated) => ("not_replicated", Failure::new("not replicated")),
            Err(error) => ("not_stored", Failure::new("not stored").with_source(error)),
        };
        METRICS.failed.get_or_create(&[("reason", reason)]).inc();
        Err(failure)
    }

    fn on_failed(&self, event: &GroupFull<'_>, failure: &Failure) {
        let id = event.id();
        // As long as a body, perhaps; and a line has a bound.
        let id: String = id.chars().take(200).collect();
        tracing::error!("answered FAIL for {id:?}: {failure:#}");
    }

    fn on_other_command(&self, _query: &CheckedQuery<'_>) {
        METRICS.other_commands.inc();
    }

    fn on_rejected(&self, rejection: &Rejection) {
        let kind = rejection.kind().as_str();
        METRICS.refused.get_or_create(&[("kind", kind)]).inc();
        if self.strangers.may_cause_a_line() {
            tracing::warn!("refused {kind}: {rejection}");
        }
    }
}

/// Serves callbacks until it is told to stop, and then answers those that have come.
pub async fn serve(listener: TcpListener, receiver: Receiver, stop: watch::Receiver<bool>) -> std::io::Result<()> {
    listener.set_nonblocking(true)?;
    let listener = tokio::net::TcpListener::from_std(listener)?;
    receiver.appender.warn().await;
    let app = Router::new()
        .route_service(PATH, GroupFullService::new(receiver))
        // A client that sends slower than that is not the vendor, or is not waiting any more.
        .layer(TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, CALLBACK_TIMEOUT));
    tokio::select! {
        served = axum::serve(listener, app).with_graceful_shutdown(stopped(stop.clone())) => served,
        () = async { stopped(stop).await; sleep(STOP_WITHIN).await } => Ok(()),
    }
}
