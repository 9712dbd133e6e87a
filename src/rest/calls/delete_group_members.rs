use std::time::SystemTime;

use http::{Request, StatusCode};
use serde_json::json;

use super::{InvalidCount, wire};
use crate::rest::{RestApi, RestError};

/// Removes members from a group: `delete_group_member` (the vendor's document 34949).
///
/// Removing an account that is not a member also succeeds, so the response does not say who was one. Look the
/// accounts up before you send it again: some may have joined again or become active. The vendor refuses
/// an `AVChatRoom` with 10004.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DeleteGroupMembers {
    group_id: String,
    accounts: Vec<String>,
    no_notification: bool,
    reason: Option<String>,
}

impl DeleteGroupMembers {
    /// The most accounts that one call can remove.
    pub const MAX_ACCOUNTS: usize = 100;

    /// Makes a call that removes these accounts, with a system notification and without a reason.
    ///
    /// # Errors
    ///
    /// No account, or more than 100, which the vendor refuses.
    pub fn new<A: Into<String>>(
        group_id: impl Into<String>,
        accounts: impl IntoIterator<Item = A>,
    ) -> Result<Self, InvalidCount> {
        let accounts: Vec<_> = accounts.into_iter().map(Into::into).collect();
        InvalidCount::check("accounts to remove", accounts.len(), Self::MAX_ACCOUNTS)?;
        Ok(Self { group_id: group_id.into(), accounts, no_notification: false, reason: None })
    }

    /// Asks the vendor to send no system notification: `Silence`. The vendor's page contradicts itself on
    /// whether the removed member is still notified.
    pub fn no_notification(mut self) -> Self {
        self.no_notification = true;
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
        if self.no_notification {
            body["Silence"] = json!(1);
        }
        if let Some(reason) = &self.reason {
            body["Reason"] = json!(reason);
        }
        api.request("group_open_http_svc/delete_group_member", &body, now)
    }

    /// Reads the response.
    ///
    /// # Errors
    ///
    /// An HTTP status other than 200, anything but the vendor's JSON, or what the vendor refused. If
    /// [`RestError::code`] is `Some` and the kind is not [`Server`](crate::rest::RestErrorKind::Server), nobody was
    /// removed. After every other error the members may have been removed.
    pub fn response(&self, status: StatusCode, body: &[u8]) -> Result<(), RestError> {
        wire::check(status, body).map(drop)
    }
}
