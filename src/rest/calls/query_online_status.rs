use std::collections::HashMap;
use std::time::SystemTime;

use http::{Request, StatusCode};
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::{InvalidCount, wire};
use crate::rest::{RestApi, RestError};

/// Asks who is online: `query_online_status` (the vendor's documents 1047/35477 and 269/2566).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct QueryOnlineStatus {
    accounts: Vec<String>,
}

impl QueryOnlineStatus {
    /// The most accounts that one call can ask about.
    pub const MAX_ACCOUNTS: usize = 500;

    /// Asks about these accounts.
    ///
    /// # Errors
    ///
    /// No account, or more than 500, which the vendor refuses.
    pub fn new<A: Into<String>>(accounts: impl IntoIterator<Item = A>) -> Result<Self, InvalidCount> {
        let accounts: Vec<_> = accounts.into_iter().map(Into::into).collect();
        InvalidCount::check("accounts to ask about", accounts.len(), Self::MAX_ACCOUNTS)?;
        Ok(Self { accounts })
    }

    /// Builds the request. Its URL holds a credential: keep it out of logs.
    pub fn request(&self, api: &RestApi, now: SystemTime) -> Request<Vec<u8>> {
        api.request("openim/query_online_status", &json!({ "To_Account": self.accounts }), now)
    }

    /// Reads the response.
    ///
    /// # Errors
    ///
    /// An HTTP status other than 200, anything but the vendor's JSON, or what the vendor refused: 72001 if
    /// the feature is not switched on.
    pub fn response(&self, status: StatusCode, body: &[u8]) -> Result<OnlineStatusList, RestError> {
        let text = wire::check(status, body)?;
        let Response { query_result, error_list } = wire::parse(&text)?;
        let mut list = OnlineStatusList::default();
        for entry in query_result {
            let Some(account) = account(entry) else { continue };
            let found = match serde_json::from_str::<Status>(entry.get()) {
                Ok(Status { state: Some(state), status: None } | Status { state: None, status: Some(state) }) => {
                    OnlineStatus::of(&state)
                }
                Ok(Status { state: Some(state), status: Some(status) }) if state == status => OnlineStatus::of(&state),
                _ => OnlineStatus::Other,
            };
            // If two contradict each other, either may be wrong.
            let known = list.statuses.entry(account).or_insert(found);
            if *known != found {
                *known = OnlineStatus::Other;
            }
        }
        for entry in error_list {
            let code = serde_json::from_str(entry.get()).map_or(0, |Code { error_code }| error_code);
            if let Some(account) = account(entry) {
                list.errors.insert(account, code);
            }
        }
        Ok(list)
    }
}

/// Who is online, according to the vendor.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OnlineStatusList {
    statuses: HashMap<String, OnlineStatus>,
    errors: HashMap<String, i32>,
}

impl OnlineStatusList {
    /// Returns the status of an account. `None` if the vendor omits it or returns an [error](Self::error_code).
    pub fn get(&self, account: &str) -> Option<OnlineStatus> {
        self.statuses.get(account).copied().filter(|_| !self.errors.contains_key(account))
    }

    /// Returns the code in `ErrorList`, such as 70107 for an account that does not exist; 0 if it cannot be read.
    pub fn error_code(&self, account: &str) -> Option<i32> {
        self.errors.get(account).copied()
    }
}

/// Whether an account is online.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OnlineStatus {
    /// Connected.
    Online,
    /// The app was closed or is in the background, and can be reached by a push.
    PushOnline,
    /// Logged out, perhaps a minute ago, or no login for 7 days.
    Offline,
    /// A newer status, an unreadable one, or two that contradict each other.
    Other,
}

impl OnlineStatus {
    fn of(state: &str) -> Self {
        match state {
            "Online" => Self::Online,
            "PushOnline" => Self::PushOnline,
            "Offline" => Self::Offline,
            _ => Self::Other,
        }
    }
}

fn account(entry: &RawValue) -> Option<String> {
    serde_json::from_str(entry.get()).ok().map(|Account { account }| account)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Response<'a> {
    #[serde(borrow)]
    query_result: Vec<&'a RawValue>,
    #[serde(borrow, default)]
    error_list: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct Account {
    #[serde(rename = "To_Account")]
    account: String,
}

/// One of the vendor's pages says `State`, another `Status`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Status {
    state: Option<String>,
    status: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Code {
    error_code: i32,
}
