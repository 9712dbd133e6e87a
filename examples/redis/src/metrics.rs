//! What is going on, for Prometheus.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header::CONTENT_TYPE};
use axum::response::IntoResponse;
use axum::routing::get;
use im_group_full::RejectionKind;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;
use redis::RedisResult;
use redis::streams::{StreamPendingReply, StreamRangeReply};
use tower_http::timeout::TimeoutLayer;

use crate::keys::Keys;
use crate::link::Link;
use crate::log;

pub static METRICS: LazyLock<Metrics> = LazyLock::new(Metrics::new);

type By = Family<[(&'static str, &'static str); 1], Counter>;
type Number = Gauge<f64, AtomicU64>;

pub struct Metrics {
    registry: Registry,
    pub received: Counter,
    pub ok: Counter,
    pub failed: By,
    pub refused: By,
    pub other_commands: Counter,
    pub merged: Counter,
    pub worked: By,
    pub claimed: Counter,
    pub buried: Counter,
    pub work_seconds: Histogram,
    pub reconnects: Counter,
    pub lines_held_back: Counter,
    lines_dropped: Counter,
    up: Number,
    waiting: Number,
    oldest: Number,
    pending: Number,
    dead: Number,
}

/// Why an event is answered `FAIL`.
const REASONS: [&str; 4] = ["full", "too_long", "not_replicated", "not_stored"];
/// How a try ends.
const OUTCOMES: [&str; 4] = ["done", "busy", "failed", "lost"];
/// Why a request is refused. `OtherCommand` is none of them: it is answered OK.
const KINDS: [RejectionKind; 14] = [
    RejectionKind::QueryTooLong,
    RejectionKind::BodyTooLarge,
    RejectionKind::IncompleteBody,
    RejectionKind::MissingParameter,
    RejectionKind::DuplicateParameter,
    RejectionKind::InvalidParameter,
    RejectionKind::UnsupportedContentType,
    RejectionKind::SdkAppIdMismatch,
    RejectionKind::MissingSignature,
    RejectionKind::InvalidSignature,
    RejectionKind::StaleSignature,
    RejectionKind::MalformedBody,
    RejectionKind::CommandMismatch,
    RejectionKind::MethodNotAllowed,
];

/// Counters that are there from the start: `increase()` does not see a series that begins with 1.
fn by(label: &'static str, values: impl IntoIterator<Item = &'static str>) -> By {
    let by = By::default();
    for value in values {
        drop(by.get_or_create(&[(label, value)]));
    }
    by
}

impl Metrics {
    fn new() -> Self {
        let mut all = Self {
            registry: Registry::with_prefix("group_full"),
            received: Counter::default(),
            ok: Counter::default(),
            failed: by("reason", REASONS),
            refused: by("kind", KINDS.map(RejectionKind::as_str)),
            other_commands: Counter::default(),
            merged: Counter::default(),
            worked: by("outcome", OUTCOMES),
            claimed: Counter::default(),
            buried: Counter::default(),
            // From 10 ms to almost three hours.
            work_seconds: Histogram::new(exponential_buckets(0.01, 4.0, 11)),
            reconnects: Counter::default(),
            lines_held_back: Counter::default(),
            lines_dropped: Counter::default(),
            up: Number::default(),
            waiting: Number::default(),
            oldest: Number::default(),
            pending: Number::default(),
            dead: Number::default(),
        };
        let registry = &mut all.registry;
        registry.register("received", "Events that passed the checks", all.received.clone());
        registry.register("answered_ok", "Events answered OK", all.ok.clone());
        registry.register("answered_fail", "Events answered FAIL", all.failed.clone());
        registry.register("refused", "Requests that did not pass the checks", all.refused.clone());
        registry.register("other_commands", "Callbacks of other commands", all.other_commands.clone());
        registry.register("merged", "Events that were known already", all.merged.clone());
        registry.register("worked", "Tries at an event, by outcome", all.worked.clone());
        registry.register("claimed", "Entries taken over or tried again", all.claimed.clone());
        registry.register("buried", "Entries moved to the dead", all.buried.clone());
        registry.register("work_seconds", "How long the work took", all.work_seconds.clone());
        registry.register("reconnects", "Connections to Redis that were given up", all.reconnects.clone());
        registry.register("log_lines_held_back", "Lines above the limit for strangers", all.lines_held_back.clone());
        registry.register("log_lines_dropped", "Lines that nobody read in time", all.lines_dropped.clone());
        registry.register("redis_up", "1 if Redis answered just now", all.up.clone());
        registry.register("waiting", "Entries in the stream", all.waiting.clone());
        registry.register("oldest_waiting_seconds", "Age of the oldest entry", all.oldest.clone());
        registry.register("pending", "Entries that a worker has taken", all.pending.clone());
        registry.register("dead", "Entries among the dead", all.dead.clone());
        all
    }

    /// What Redis does not tell is not a number: an old figure would look like a good one.
    fn look(&self, found: RedisResult<Backlog>) {
        self.up.set(f64::from(u8::from(found.is_ok())));
        let found = found.unwrap_or([f64::NAN; 4]);
        for (gauge, value) in [&self.waiting, &self.oldest, &self.pending, &self.dead].into_iter().zip(found) {
            gauge.set(value);
        }
    }
}

/// Waiting, age of the oldest in seconds, pending, dead.
type Backlog = [f64; 4];

/// Where the figures come from that only Redis knows.
pub struct Watch {
    pub link: Link,
    pub keys: Keys,
    pub group: String,
}

impl Watch {
    async fn backlog(&self) -> RedisResult<Backlog> {
        let mut look = redis::pipe();
        look.cmd("XLEN").arg(&self.keys.stream);
        look.cmd("XRANGE").arg(&self.keys.stream).arg("-").arg("+").arg("COUNT").arg(1);
        look.cmd("XLEN").arg(&self.keys.dead);
        let run = self.link.run(async |mut connection| look.query_async(&mut connection).await);
        let (waiting, first, dead): (f64, StreamRangeReply, f64) = run.await?;
        let oldest = match first.ids.first() {
            Some(entry) => self.age(&entry.id).await?,
            None => 0.0,
        };
        Ok([waiting, oldest, self.pending().await?, dead])
    }

    /// By the clock of Redis, which also made the ID.
    async fn age(&self, entry: &str) -> RedisResult<f64> {
        let age = "return redis.call('TIME')[1] - math.floor(ARGV[1] / 1000)";
        let mut eval = redis::cmd("EVAL");
        eval.arg(age).arg(1).arg(&self.keys.stream).arg(entry.split('-').next());
        let run = self.link.run(async |mut connection| eval.query_async(&mut connection).await);
        run.await
    }

    async fn pending(&self) -> RedisResult<f64> {
        let mut pending = redis::cmd("XPENDING");
        pending.arg(&self.keys.stream).arg(&self.group);
        let run =
            self.link.run(async |mut connection| pending.query_async::<StreamPendingReply>(&mut connection).await);
        match run.await {
            // No worker has been here yet.
            Err(error) if error.code() == Some("NOGROUP") => Ok(0.0),
            Err(error) => Err(error),
            Ok(found) => Ok(f64::from(u32::try_from(found.count()).unwrap_or(u32::MAX))),
        }
    }
}

/// Serves the figures at `/metrics` until the process ends.
pub async fn serve(address: SocketAddr, watch: Watch) -> std::io::Result<()> {
    let listener = tokio::net::TcpListener::bind(address).await?;
    tracing::info!("metrics at http://{}/metrics", listener.local_addr()?);
    let app = Router::new()
        .route("/metrics", get(render))
        .layer(TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, Duration::from_secs(5)))
        .with_state(Arc::new(watch));
    tokio::spawn(async move { axum::serve(listener, app).await });
    Ok(())
}

async fn render(State(watch): State<Arc<Watch>>) -> impl IntoResponse {
    METRICS.look(watch.backlog().await);
    METRICS.lines_dropped.inner().store(log::dropped() as u64, Relaxed);
    let mut text = String::new();
    // Into memory, which does not fail.
    let _ = encode(&mut text, &METRICS.registry);
    ([(CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], text)
}
