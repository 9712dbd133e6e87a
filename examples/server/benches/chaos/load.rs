//! Sends signed callbacks as the vendor does, and times the answers.

use std::error::Error;
use std::iter::successors;
use std::sync::Arc;
use std::time::{Duration, Instant};

use example_support::PATH;
use example_support::testing::TOKEN;
use example_support::vendor::unix_seconds;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use im_group_full::http::{Method, Request};
use im_group_full::testing::Callback;
use im_group_full::{SdkAppId, Token};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep_until, timeout};

use crate::ledger::{Answer, Outcome};

/// Longer than the vendor waits, to see how late an answer is.
const GIVE_UP: Duration = Duration::from_secs(10);

pub struct Load {
    pub events: u32,
    /// Events a second, whether or not they are answered. Without it, they are sent as fast as answers come.
    pub rate: Option<u32>,
    /// Requests without an answer at most.
    pub in_flight: usize,
    /// Whether the event with this number is of the hot group. The others have a group of their own.
    pub is_hot: fn(u32) -> bool,
    /// Of the receivers, which get events in turns.
    pub addresses: Vec<String>,
}

impl Load {
    pub async fn run(&self) -> Vec<Answer> {
        let client = Arc::new(Client::builder(TokioExecutor::new()).build_http());
        let slots = Arc::new(Semaphore::new(self.in_flight));
        let (begin, mut sent) = (Instant::now(), JoinSet::new());
        for number in 0..self.events {
            let due = self.rate.map(|rate| begin + Duration::from_secs(1) * number / rate);
            if let Some(due) = due {
                sleep_until(due.into()).await;
            }
            let slot = Arc::clone(&slots).acquire_owned().await.unwrap();
            let start = due.unwrap_or_else(Instant::now);
            let receiver = number as usize % self.addresses.len();
            let group = if (self.is_hot)(number) { "@TGS#hot".into() } else { format!("@TGS#{number}") };
            let (client, address) = (Arc::clone(&client), self.addresses[receiver].clone());
            sent.spawn(async move {
                let outcome = match timeout(GIVE_UP, send(&client, &address, &group)).await {
                    Ok(Ok(outcome)) => outcome,
                    Ok(Err(error)) => Outcome::None(causes(&*error)),
                    Err(elapsed) => Outcome::None(elapsed.to_string()),
                };
                drop(slot);
                Answer { receiver, group, start, end: Instant::now(), outcome }
            });
        }
        sent.join_all().await
    }
}

async fn send(
    client: &Client<HttpConnector, Full<axum::body::Bytes>>,
    address: &str,
    group: &str,
) -> Result<Outcome, Box<dyn Error>> {
    let token = Token::new(TOKEN)?;
    let callback = Callback::new(SdkAppId::new(888_888)).group_id(group).signed(&token, unix_seconds());
    let uri = format!("http://{address}{PATH}?{}", callback.raw_query());
    let request = Request::builder().method(Method::POST).uri(uri).body(Full::from(callback.raw_body()))?;
    let body = client.request(request).await?.into_body().collect().await?.to_bytes();
    let body: serde_json::Value = serde_json::from_slice(&body)?;
    Ok(match body["ActionStatus"].as_str() {
        Some("OK") => Outcome::Ok,
        _ => Outcome::Fail(body["ErrorInfo"].to_string()),
    })
}

/// The message of an error, and those of its sources.
fn causes(error: &dyn Error) -> String {
    let sources = successors(error.source(), |&error| error.source());
    sources.fold(error.to_string(), |text, source| format!("{text}: {source}"))
}
