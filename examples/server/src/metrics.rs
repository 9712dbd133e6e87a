//! What the server tells Prometheus.

use std::net::SocketAddr;
use std::time::Duration;

use example_support::log::ErrorCounter;
use metrics::{counter, gauge};
use metrics_exporter_prometheus::{BuildError, PrometheusBuilder};

use crate::rooms::Rooms;

/// The vendor gives up after two seconds.
const SECONDS: [f64; 9] = [0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 2.0];

/// Shows the metrics, on every path of this address.
pub(crate) fn install(address: SocketAddr) -> Result<(), BuildError> {
    PrometheusBuilder::new().with_http_listener(address).set_buckets(&SECONDS)?.install()?;
    // What appears as 1 never grows, for those who look at the growth.
    for kind in ["ok", "failed", "other_command", "timed_out", "not_found"] {
        counter!("callback_answers_total", "kind" => kind).increment(0);
    }
    for end in ["done", "rests", "planned", "failed", "dead", "released", "lost"] {
        counter!("rooms_work_total", "end" => end).increment(0);
    }
    counter!("rooms_members_removed_total").increment(0);
    Ok(())
}

/// Counts an answer. `kind` is one of a few: a label that anybody can make up costs memory for ever.
pub(crate) fn answered(kind: &'static str) {
    counter!("callback_answers_total", "kind" => kind).increment(1);
}

/// Looks once a second at what is not counted where it happens.
#[expect(clippy::cast_precision_loss, reason = "a chart needs no more")]
pub(crate) async fn observe(rooms: Rooms, dropped: ErrorCounter) {
    loop {
        let counts = rooms.count().await;
        gauge!("database_up").set(f64::from(u8::from(counts.is_ok())));
        if let Ok(counts) = counts {
            for state in ["waiting", "working", "planned", "resting", "dead"] {
                let found = counts.iter().find(|(name, ..)| name == state);
                let (_, count, due_for) = found.cloned().unwrap_or_default();
                gauge!("rooms", "state" => state).set(count as f64);
                if state == "waiting" {
                    gauge!("rooms_oldest_waiting_seconds").set((due_for.max(0) as f64) / 1000.0);
                }
            }
        }
        counter!("log_lines_dropped_total").absolute(dropped.dropped_lines() as u64);
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}
