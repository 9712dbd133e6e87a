use std::time::SystemTime;

use http::{Request, StatusCode};
use serde::de::IgnoredAny;
use serde_json::json;

use super::wire;
use super::{LimitExceeded, RestApi, RestError};

/// Removes members from a group: `delete_group_member` (the vendor's document 34949).
///
/// Removing somebody who is not a member succeeds, so sending it twice does no harm; but the answer
/// does not tell who was one. The vendor refuses an `AVChatRoom` with 10004.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DeleteGroupMembers {
    pub(super) group_id: String,
    pub(super) accounts: Vec<String>,
    pub(super) silent: bool,
    pub(super) reason: Option<String>,
}

impl DeleteGroupMembers {
    /// The most accounts that one call can remove.
    pub const MAX_ACCOUNTS: usize = 100;

    /// Removes these accounts; the members are told, and no reason is given.
    ///
    /// # Errors
    ///
    /// No account, or more than 100, which the vendor refuses.
    pub fn new<A: Into<String>>(
        group_id: impl Into<String>,
        accounts: impl IntoIterator<Item = A>,
    ) -> Result<Self, LimitExceeded> {
        let accounts: Vec<_> = accounts.into_iter().map(Into::into).collect();
        LimitExceeded::check("accounts to remove", accounts.len(), Self::MAX_ACCOUNTS)?;
        Ok(Self { group_id: group_id.into(), accounts, silent: false, reason: None })
    }

    /// Sends no system notification: `Silence`.
    pub fn silent(mut self) -> Self {
        self.silent = true;
        self
    }

    /// Gives a reason: `Reason`.
    pub fn reason(mut self, reason: impl Into<String>) -> Self {
        self.reason = Some(reason.into());
        self
    }

    /// Builds the request. Its URL holds a credential: keep it out of logs.
    pub fn request(&self, api: &RestApi, now: SystemTime) -> Request<Vec<u8>> {
        let mut body = json!({
            "GroupId": self.group_id,
            "MemberToDel_Account": self.accounts,
        });
        if self.silent {
            body["Silence"] = json!(1);
        }
        if let Some(reason) = &self.reason {
            body["Reason"] = json!(reason);
        }
        api.request("delete_group_member", &body, now)
    }

    /// Reads the response.
    ///
    /// # Errors
    ///
    /// An HTTP status other than 200, anything but the vendor's JSON, or what the vendor refused.
    /// Only in the last case it is known that nobody was removed.
    pub fn response(&self, status: StatusCode, body: &[u8]) -> Result<(), RestError> {
        wire::parse::<IgnoredAny>(status, body)?;
        Ok(())
    }
}
