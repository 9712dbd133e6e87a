//! Plays the vendor's servers against a URL; shared by the `probe` example and the tests of all servers.
#![allow(dead_code, reason = "each example and test uses a part of it")]

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

pub(crate) use self::cases::{Case, Delivery, Sender};
pub(crate) use self::client::{Target, Unreachable};

mod cases;
mod client;
mod patient;

/// What a server made of a case.
#[derive(Debug, Serialize)]
pub(crate) struct Outcome {
    pub(crate) case: &'static str,
    pub(crate) expected: String,
    pub(crate) got: String,
    pub(crate) milliseconds: u128,
    pub(crate) passed: bool,
}

/// The answer that the vendor reads, whatever crate the server was written with.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Envelope {
    action_status: String,
    error_info: String,
    error_code: i64,
}

/// Sends one case, on a connection of its own, and waits for the answer no longer than `patience`.
pub(crate) async fn play(target: &Target, case: &Case, patience: Duration) -> Result<Outcome, Unreachable> {
    let connection = target.connect(patience).await?;
    let started = Instant::now();
    let got = match tokio::time::timeout(patience, connection.send(case)).await {
        Ok(Ok((status, body))) => judge(status, &body),
        Ok(Err(error)) => format!("no answer: {error}"),
        Err(_) => format!("no answer within {patience:?}"),
    };
    let expected = format!("{} {}", case.status, case.action_status());
    let (milliseconds, passed) = (started.elapsed().as_millis(), got == expected);
    Ok(Outcome { case: case.name, expected, got, milliseconds, passed })
}

/// Says what a status and a body amount to, such as `200 OK`.
pub(crate) fn judge(status: u16, body: &[u8]) -> String {
    match serde_json::from_slice::<Envelope>(body) {
        Ok(Envelope { action_status, error_info, error_code }) => match (action_status.as_str(), error_code) {
            ("OK", 0) => format!("{status} OK"),
            ("FAIL", 1..) => format!("{status} FAIL"),
            _ => format!("{status} {action_status} {error_code} {error_info:?}"),
        },
        Err(_) => format!("{status}, and no answer that the vendor reads"),
    }
}
