use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::debug_as_display;

/// The number that identifies an app at Tencent Cloud Chat, shown in the vendor's console as SDKAppID.
///
/// It is public: every client of the app knows it. Serialises as a number.
///
/// ```
/// use im_group_full::SdkAppId;
///
/// const APP: SdkAppId = SdkAppId::new(1_400_701_118);
/// assert_eq!("1400701118".parse(), Ok(APP));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SdkAppId(u64);

impl SdkAppId {
    /// Wraps the number that the console shows.
    pub const fn new(id: u64) -> Self {
        Self(id)
    }

    /// Returns the number.
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl From<u32> for SdkAppId {
    fn from(id: u32) -> Self {
        Self(id.into())
    }
}

impl From<u64> for SdkAppId {
    fn from(id: u64) -> Self {
        Self(id)
    }
}

impl From<SdkAppId> for u64 {
    fn from(id: SdkAppId) -> Self {
        id.0
    }
}

impl FromStr for SdkAppId {
    type Err = InvalidSdkAppId;

    fn from_str(digits: &str) -> Result<Self, InvalidSdkAppId> {
        decimal(digits).map(Self).ok_or(InvalidSdkAppId(()))
    }
}

impl fmt::Display for SdkAppId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The error of [`SdkAppId`]'s [`FromStr`]: not ASCII decimal digits, or more than fit 64 bits.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected decimal digits that fit 64 bits")]
pub struct InvalidSdkAppId(());

debug_as_display!(InvalidSdkAppId);

/// Reads ASCII decimal digits and nothing else; `str::parse` alone would also take a leading `+`.
#[inline]
pub(crate) fn decimal(digits: &str) -> Option<u64> {
    if digits.starts_with('+') {
        return None;
    }
    digits.parse().ok()
}
