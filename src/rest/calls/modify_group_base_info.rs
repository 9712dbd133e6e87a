use std::time::SystemTime;

use http::{Request, StatusCode};
use serde_json::json;

use super::wire;
use crate::rest::{RestApi, RestError};

/// Changes a group: `modify_group_base_info` (the vendor's document 34962). Fields that you do not set stay unchanged.
///
/// A group that was created without `MaxMemberNum` has the limit of the package at that time, and keeps it after the
/// app buys a larger package, until this call changes it. Clients cannot set it. Not for an `AVChatRoom`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ModifyGroupBaseInfo {
    group_id: String,
    max_member_num: Option<u32>,
}

impl ModifyGroupBaseInfo {
    /// Makes a call for this group that changes nothing yet.
    pub fn new(group_id: impl Into<String>) -> Self {
        Self { group_id: group_id.into(), max_member_num: None }
    }

    /// Sets how many members the group can have: `MaxMemberNum`.
    ///
    /// The vendor does not say what happens if it is below the number of members.
    pub fn max_member_num(mut self, members: u32) -> Self {
        self.max_member_num = Some(members);
        self
    }

    /// Builds the request. Its URL holds a credential: keep it out of logs.
    pub fn request(&self, api: &RestApi, now: SystemTime) -> Request<Vec<u8>> {
        let mut body = json!({ "GroupId": self.group_id });
        if let Some(members) = self.max_member_num {
            body["MaxMemberNum"] = json!(members);
        }
        api.request("group_open_http_svc/modify_group_base_info", &body, now)
    }

    /// Reads the response.
    ///
    /// # Errors
    ///
    /// An HTTP status other than 200, anything but the vendor's JSON, or what the vendor refused: 10038
    /// if `MaxMemberNum` is above what the app's package allows.
    pub fn response(&self, status: StatusCode, body: &[u8]) -> Result<(), RestError> {
        wire::check(status, body).map(drop)
    }
}
