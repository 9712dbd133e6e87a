//! Receive, check and answer Tencent Cloud Chat's callback `Group.CallbackAfterGroupFull`.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

mod sdk_app_id;

#[cfg(feature = "rest")]
#[cfg_attr(docsrs, doc(cfg(feature = "rest")))]
pub mod rest;

pub use http;

pub use crate::sdk_app_id::{InvalidSdkAppId, SdkAppId};
