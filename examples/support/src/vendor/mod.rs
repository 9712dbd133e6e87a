//! Plays the vendor's servers against a URL, for the probe and the tests of all servers.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use tokio::time::timeout;

pub use self::cases::{Case, Delivery, Sender};
pub use self::client::{Connection, Target, tls_config};
pub use self::diagnosis::Diagnosis;

mod cases;
mod client;
mod diagnosis;

/// The result of a case.
#[derive(Debug, Serialize)]
pub struct Outcome {
    pub case: &'static str,
    pub expected: String,
    pub got: String,
    /// The server's `ErrorInfo`, if any.
    pub error_info: String,
    pub milliseconds: u128,
    pub passed: bool,
}

/// The answer that the vendor reads, from a server of any kind.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Envelope {
    action_status: String,
    error_info: String,
    error_code: i64,
}

/// Sends one case, and waits for the answer for at most `patience`. A case that is to be sent on the kept connection keeps
/// its own, and any other case gets a new one.
pub async fn play(
    target: &Target,
    kept: &mut Option<Connection>,
    case: &Case,
    patience: Duration,
) -> Result<Outcome, String> {
    let is_open = match kept {
        // One that is not ready in time is used, and is no better then.
        Some(kept) => !matches!(timeout(patience, kept.ready()).await, Ok(Err(_))),
        None => false,
    };
    let mut connection = match kept.take() {
        Some(kept) if case.kept_alive && is_open => kept,
        _ => target.connect(case.delivery, patience).await?,
    };
    let started = Instant::now();
    let answer = timeout(patience, target.send(&mut connection, case)).await;
    let milliseconds = started.elapsed().as_millis();
    let (got, error_info, passed) = match answer {
        Ok(Ok((status, body))) => {
            *kept = case.kept_alive.then_some(connection);
            let (got, error_info) = judge(status, &body);
            let passed =
                if case.is_answered_by_routers() { (400..500).contains(&status) } else { got == case.expected() };
            (got, error_info, passed)
        }
        Ok(Err(error)) => (format!("no answer: {error}"), String::new(), false),
        Err(_) => (format!("no answer within {patience:?}"), String::new(), false),
    };
    Ok(Outcome { case: case.name, expected: case.expected(), got, error_info, milliseconds, passed })
}

/// Summarises a status and a body, such as `200 OK`, and returns the `ErrorInfo`, if any.
pub fn judge(status: u16, body: &[u8]) -> (String, String) {
    let Ok(Envelope { action_status, error_info, error_code }) = serde_json::from_slice(body) else {
        return (format!("{status}, and no answer that the vendor reads"), String::new());
    };
    let got = match (action_status.as_str(), error_code) {
        ("OK", 0) => format!("{status} OK"),
        ("FAIL", 1..) => format!("{status} FAIL"),
        _ => format!("{status} {action_status} {error_code}"),
    };
    (got, error_info)
}

/// Returns the current time in seconds since the Unix epoch.
pub fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs())
}
