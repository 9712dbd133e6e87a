//! What the server tells Prometheus.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use metrics::{counter, gauge, histogram};
use metrics_exporter_prometheus::{BuildError, PrometheusBuilder};
use tracing_appender::non_blocking::ErrorCounter;

use crate::rooms::Rooms;

/// The vendor gives up after two seconds.
const SECONDS: [f64; 9] = [0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 2.0];

/// Shows the metrics, on every path of this address.
pub(crate) fn install(address: SocketAddr) -> Result<(), BuildError> {
    PrometheusBuilder::new().with_http_listener(address).set_buckets(&SECONDS)?.install()
}

/// Counts an answer. `kind` is one of a few: a label that anybody can make up costs memory for ever.
pub(crate) fn answered(kind: &'static str) {
    counter!("callback_answers_total", "kind" => kind).increment(1);
}

/// Counts a request, and how long its answer takes.
pub(crate) async fn time(request: Request, next: Next) -> Response {
    counter!("callback_requests_total").increment(1);
    let started = Instant::now();
    let response = next.run(request).await;
    histogram!("callback_answer_seconds").record(started.elapsed());
    response
}

/// Looks once a second at what is not counted where it happens.
pub(crate) async fn observe(rooms: Arc<Rooms>, dropped: ErrorCounter) {
    loop {
        #[expect(clippy::cast_precision_loss, reason = "a queue that is counted in memory")]
        gauge!("callback_queue_length").set(rooms.queue.len() as f64);
        counter!("log_lines_dropped_total").absolute(dropped.dropped_lines() as u64);
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}
