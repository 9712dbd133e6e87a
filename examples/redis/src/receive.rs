use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, RawQuery};
use axum::http::Response;
use axum::{Router, routing};
use im_group_full::{AsyncGroupFullHandler, Failure, GroupFull, Rejection, Validator, handle_async};

use crate::append::{Appended, Appender};

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

    fn on_rejected(&self, rejection: &Rejection, _raw_query: &str) {
        eprintln!("{}: {rejection}", rejection.kind().as_str());
    }
}

/// Serves the callback on every path; the path is the app's own choice in the console.
pub fn router(receiver: Receiver) -> Router {
    let limit = DefaultBodyLimit::max(receiver.validator.body_limit());
    let receiver = Arc::new(receiver);
    let callback = async move |RawQuery(query): RawQuery, body: Bytes| -> Response<Body> {
        handle_async(&query.unwrap_or_default(), &body, &*receiver).await.into()
    };
    Router::new().fallback(routing::post(callback)).layer(limit)
}
