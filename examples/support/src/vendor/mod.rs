//! Plays the vendor's servers against a URL, for the probe and the tests of all servers.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

pub use self::cases::{Case, Delivery, Sender};
pub use self::client::{Connection, Response, Target, Unreachable};
pub use self::diagnosis::Diagnosis;

mod cases;
mod client;
mod diagnosis;
mod stream;
mod tls;

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

/// Sends one case on a new connection, and waits for the answer for at most `patience`.
pub async fn play(target: &Target, case: &Case, patience: Duration) -> Result<Outcome, Unreachable> {
    play_on(target, &mut None, case, patience).await
}

/// Does the same on the kept connection, if any, and keeps the connection if it can be reused.
pub async fn play_on(
    target: &Target,
    kept: &mut Option<Connection>,
    case: &Case,
    patience: Duration,
) -> Result<Outcome, Unreachable> {
    let mut connection = match kept.take() {
        Some(connection) if connection.is_open() => connection,
        _ => target.connect(case.delivery, patience).await?,
    };
    let started = Instant::now();
    let answer = tokio::time::timeout(patience, connection.send(target, case)).await;
    let milliseconds = started.elapsed().as_millis();
    let (got, error_info, passed) = match answer {
        Ok(Ok(Response { status, body, keep_alive })) => {
            if keep_alive {
                *kept = Some(connection);
            }
            let got = judge(status, &body);
            let passed =
                if case.is_answered_by_routers() { (400..500).contains(&status) } else { got == case.expected() };
            (got, error_info(&body), passed)
        }
        Ok(Err(error)) => (format!("no answer: {error}"), String::new(), false),
        Err(_) => (format!("no answer within {patience:?}"), String::new(), false),
    };
    Ok(Outcome { case: case.name, expected: case.expected(), got, error_info, milliseconds, passed })
}

/// Summarises a status and a body, such as `200 OK`.
pub fn judge(status: u16, body: &[u8]) -> String {
    match serde_json::from_slice::<Envelope>(body) {
        Ok(Envelope { action_status, error_code, .. }) => match (action_status.as_str(), error_code) {
            ("OK", 0) => format!("{status} OK"),
            ("FAIL", 1..) => format!("{status} FAIL"),
            _ => format!("{status} {action_status} {error_code}"),
        },
        Err(_) => format!("{status}, and no answer that the vendor reads"),
    }
}

fn error_info(body: &[u8]) -> String {
    serde_json::from_slice::<Envelope>(body).map_or_else(|_| String::new(), |envelope| envelope.error_info)
}

/// Returns the current time in seconds since the Unix epoch.
pub fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs())
}
