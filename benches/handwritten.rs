//! The callback as an honest author handles it by hand, with serde and owned strings.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub(crate) struct App {
    pub(crate) sdk_app_id: u64,
    pub(crate) token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Query {
    sdk_appid: u64,
    callback_command: String,
    #[serde(rename = "contenttype")]
    content_type: Option<String>,
    #[serde(rename = "ClientIP")]
    client_ip: IpAddr,
    opt_platform: String,
    sign: Option<String>,
    request_time: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Body {
    callback_command: String,
    group_id: String,
    event_time: Option<EventTime>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum EventTime {
    Number(u64),
    Text(String),
}

/// What the app is given.
#[expect(dead_code, reason = "the app of a bench only looks at it")]
pub(crate) struct Event {
    group_id: String,
    time: Option<u64>,
    client_ip: IpAddr,
    opt_platform: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Response {
    action_status: &'static str,
    error_info: String,
    error_code: i32,
}

pub(crate) fn handle(
    query: &str,
    body: &[u8],
    app: &App,
    now: u64,
    on_group_full: impl FnOnce(Event),
) -> (u16, Vec<u8>) {
    let (status, response) = match check(query, body, app, now) {
        Ok(event) => {
            on_group_full(event);
            (200, Response { action_status: "OK", error_info: String::new(), error_code: 0 })
        }
        Err((status, error_info)) => (status, Response { action_status: "FAIL", error_info, error_code: 1 }),
    };
    (status, serde_json::to_vec(&response).unwrap_or_default())
}

fn check(query: &str, body: &[u8], app: &App, now: u64) -> Result<Event, (u16, String)> {
    let query: Query = serde_urlencoded::from_str(query).map_err(|error| (400, error.to_string()))?;
    if query.sdk_appid != app.sdk_app_id {
        return Err((403, "wrong SdkAppid".to_owned()));
    }
    if let Some(token) = &app.token {
        let (Some(sign), Some(time)) = (&query.sign, query.request_time) else {
            return Err((403, "not signed".to_owned()));
        };
        if *sign != hex::encode(Sha256::digest(format!("{token}{time}"))) {
            return Err((403, "wrong signature".to_owned()));
        }
        if now.abs_diff(time) > 60 {
            return Err((403, "stale signature".to_owned()));
        }
    }
    if query.callback_command != "Group.CallbackAfterGroupFull" {
        return Err((200, String::new()));
    }
    if query.content_type.is_some_and(|found| !found.eq_ignore_ascii_case("json")) {
        return Err((415, "not JSON".to_owned()));
    }
    let body: Body = serde_json::from_slice(body).map_err(|error| (400, error.to_string()))?;
    if body.callback_command != query.callback_command {
        return Err((400, "commands differ".to_owned()));
    }
    let time = match body.event_time {
        None => None,
        Some(EventTime::Number(millis)) => Some(millis),
        Some(EventTime::Text(digits)) => Some(digits.parse().map_err(|_| (400, "wrong EventTime".to_owned()))?),
    };
    let Query { client_ip, opt_platform, .. } = query;
    Ok(Event { group_id: body.group_id, time, client_ip, opt_platform })
}
