use std::time::SystemTime;

use http::{Request, StatusCode};
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::wire::{self, MEMBER_INFO_FILTER};
use super::{InvalidCount, MemberList};
use crate::rest::{RestApi, RestError};

/// Looks up members by account: `get_specified_group_member_info` (the vendor's document 64897). Not
/// for an `AVChatRoom`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct GetSpecifiedGroupMemberInfo {
    group_id: String,
    accounts: Vec<String>,
}

impl GetSpecifiedGroupMemberInfo {
    /// The most accounts that one call can look up.
    pub const MAX_ACCOUNTS: usize = 50;

    /// Looks these accounts up.
    ///
    /// # Errors
    ///
    /// No account, or more than 50, which the vendor refuses.
    pub fn new<A: Into<String>>(
        group_id: impl Into<String>,
        accounts: impl IntoIterator<Item = A>,
    ) -> Result<Self, InvalidCount> {
        let accounts: Vec<_> = accounts.into_iter().map(Into::into).collect();
        InvalidCount::check("accounts to look up", accounts.len(), Self::MAX_ACCOUNTS)?;
        let group_id = group_id.into();
        Ok(Self { group_id, accounts })
    }

    /// Builds the request. Its URL holds a credential: keep it out of logs.
    pub fn request(&self, api: &RestApi, now: SystemTime) -> Request<Vec<u8>> {
        let body = json!({
            "GroupId": self.group_id,
            "Member_List_Account": self.accounts,
            "MemberInfoFilter": MEMBER_INFO_FILTER,
        });
        api.request("group_open_http_svc/get_specified_group_member_info", &body, now)
    }

    /// Reads the response: the accounts that are members.
    ///
    /// # Errors
    ///
    /// An HTTP status other than 200, anything but the vendor's JSON, what the vendor refused, or a list in
    /// which no account can be read. A missing list is not an empty one: it does not mean that all have left.
    pub fn response(&self, status: StatusCode, body: &[u8]) -> Result<MemberList, RestError> {
        let text = wire::check(status, body)?;
        let response: Response<'_> = wire::parse(&text)?;
        let list = MemberList::read(&response.member_list);
        if list.unnamed > 0 && list.unnamed == list.entries {
            return Err(RestError::malformed(&format!("none of {} members can be understood", list.entries)));
        }
        Ok(list)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Response<'a> {
    #[serde(borrow)]
    member_list: Vec<&'a RawValue>,
}
