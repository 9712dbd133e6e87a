use std::net::TcpListener;

use axum::Router;
use im_group_full::http::StatusCode;
use im_group_full::{
    AsyncGroupFullHandler, CALLBACK_TIMEOUT, Failure, GroupFull, GroupFullService, Rejection, Validator,
};
use tower_http::timeout::TimeoutLayer;

use crate::append::{Appended, Appender};
use crate::flags::PATH;

/// Answers `OK` once Redis has the event, and `FAIL` when it has not in time.
pub struct Receiver {
    pub validator: Validator,
    pub appender: Appender,
}

impl AsyncGroupFullHandler for Receiver {
    fn validator(&self) -> &Validator {
        &self.validator
    }

    async fn on_group_full(&self, event: &GroupFull<'_>) -> Result<(), Failure> {
        match self.appender.append(event).await {
            Ok(Appended::Stored) => Ok(()),
            Ok(Appended::Full) => Err(Failure::new("too many events are waiting")),
            Err(error) => Err(Failure::new("not stored").with_source(error)),
        }
    }

    fn on_failed(&self, event: &GroupFull<'_>, failure: &Failure) {
        eprintln!("answered FAIL for {:?}: {failure:#}", event.id());
    }

    fn on_rejected(&self, rejection: &Rejection) {
        eprintln!("refused {}: {rejection}", rejection.kind().as_str());
    }
}

/// Serves callbacks until it is told to stop, and then answers those that have come.
pub async fn serve(
    listener: TcpListener,
    receiver: Receiver,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    listener.set_nonblocking(true)?;
    let listener = tokio::net::TcpListener::from_std(listener)?;
    receiver.appender.warn().await;
    let app = Router::new()
        .route_service(PATH, GroupFullService::new(receiver))
        // Whoever sends slower than that is not the vendor, or is not waiting any more.
        .layer(TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, CALLBACK_TIMEOUT));
    axum::serve(listener, app).with_graceful_shutdown(stop).await
}
