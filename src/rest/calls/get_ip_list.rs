use std::time::SystemTime;

use http::{Request, StatusCode};
use serde::Deserialize;
use serde_json::json;

use super::wire;
use crate::rest::{RestApi, RestError};

/// Asks for the vendor's addresses: `GetIPList` (the vendor's documents 1047/36742 and 269/45438).
///
/// As a proxy's allow list, they are the only protection against a captured URL that is replayed with another body. The
/// list changes, and the vendor does not say how often. An outdated list silently rejects genuine callbacks.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct GetIpList {
    net_type: NetType,
}

impl GetIpList {
    /// Asks for the addresses of this kind.
    pub const fn new(net_type: NetType) -> Self {
        Self { net_type }
    }

    /// Builds the request. Its URL holds a credential: keep it out of logs.
    pub fn request(&self, api: &RestApi, now: SystemTime) -> Request<Vec<u8>> {
        let command = match self.net_type {
            NetType::CallbackChina => "ConfigSvc/GetIPList?nettype=5",
            NetType::CallbackOverseas => "ConfigSvc/GetIPList?nettype=6",
        };
        api.request(command, &json!({}), now)
    }

    /// Reads the response.
    ///
    /// # Errors
    ///
    /// An HTTP status other than 200, anything but the vendor's JSON, what the vendor refused, or an empty
    /// list, which would refuse every callback.
    pub fn response(&self, status: StatusCode, body: &[u8]) -> Result<IpList, RestError> {
        let text = wire::check(status, body)?;
        match wire::parse(&text)? {
            IpList { addresses } if addresses.is_empty() => Err(RestError::malformed(&"an empty `IPList`")),
            list => Ok(list),
        }
    }
}

/// Which addresses a [`GetIpList`] asks for: `nettype`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NetType {
    /// 5: the sources of callbacks in China and Hong Kong.
    CallbackChina,
    /// 6: the sources of callbacks elsewhere.
    CallbackOverseas,
}

/// The vendor's addresses.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize)]
pub struct IpList {
    #[serde(rename = "IPList")]
    addresses: Vec<String>,
}

impl IpList {
    /// Returns the addresses (`127.0.0.2`) and CIDR blocks (`183.192.202.0/25`), as the vendor sends them.
    /// Check that each is one before you write it into a configuration.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.addresses.iter().map(String::as_str)
    }
}
