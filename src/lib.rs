//! Receive, check and answer Tencent Cloud Chat's callback `Group.CallbackAfterGroupFull`.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

use std::time::Duration;

mod async_handler;
mod body;
mod event;
mod failure;
mod handle;
mod handler;
mod opt_platform;
mod query;
mod rejection;
mod reply;
mod response;
mod sdk_app_id;
#[cfg(feature = "signature")]
mod signature;
mod urlencoded;
mod validator;

#[cfg(feature = "rest")]
#[cfg_attr(docsrs, doc(cfg(feature = "rest")))]
pub mod rest;

pub use http;

pub use crate::async_handler::{AsyncGroupFullHandler, AsyncHandlerFn, Immediate, async_handler_fn};
pub use crate::body::CallbackBody;
pub use crate::event::GroupFull;
pub use crate::failure::Failure;
pub use crate::handle::{handle, handle_async, handle_http, handle_http_async};
pub use crate::handler::{GroupFullHandler, HandlerFn, handler_fn};
pub use crate::opt_platform::OptPlatform;
pub use crate::query::CallbackQuery;
pub use crate::rejection::{Rejection, RejectionKind};
pub use crate::reply::Reply;
pub use crate::response::{ActionStatus, CallbackResponse};
pub use crate::sdk_app_id::{InvalidSdkAppId, SdkAppId};
#[cfg(feature = "signature")]
#[cfg_attr(docsrs, doc(cfg(feature = "signature")))]
pub use crate::signature::{InvalidToken, Token};
pub use crate::validator::{CheckedQuery, Validator};

/// The `CallbackCommand` of the callback that this crate handles.
pub const GROUP_FULL_COMMAND: &str = "Group.CallbackAfterGroupFull";

/// How long the vendor waits for an answer ("Webhook Overview").
pub const CALLBACK_TIMEOUT: Duration = Duration::from_secs(2);
