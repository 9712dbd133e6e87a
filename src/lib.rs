//! Receive, check and answer Tencent Cloud Chat's callback `Group.CallbackAfterGroupFull`.
//!
//! When a chat group reaches its member limit, the vendor's servers call your URL. This crate takes the
//! raw query and the raw body from the HTTP server that you already have, checks them, gives the event
//! to your code, and says what to answer. It performs no IO. The [`guide`] has a section for each task.
//!
//! ```
//! use im_group_full::{SdkAppId, Validator, handle, handler_fn};
//!
//! // Without a token: see Security below.
//! let handler = handler_fn(Validator::unauthenticated(SdkAppId::new(888_888)), |event| {
//!     println!("{:?} is full", event.group_id());
//!     Ok(())
//! });
//!
//! // In the server's own handler:
//! let reply = handle(
//!     "SdkAppid=888888&CallbackCommand=Group.CallbackAfterGroupFull&contenttype=json",
//!     br#"{"CallbackCommand":"Group.CallbackAfterGroupFull","GroupId":"@TGS#2J4SZEAEL"}"#,
//!     &handler,
//! );
//! assert_eq!(reply.status(), 200);
//! assert_eq!(reply.body().as_ref(), br#"{"ActionStatus":"OK","ErrorInfo":"","ErrorCode":0}"#);
//! ```
//!
//! # Security
//!
//! **Without a token, anybody can forge a callback**: the SDKAppID is public, and the handler above checks nothing
//! else. Turn on webhook authentication in the vendor's console, enable the feature `signature`, and use
//! `Validator::signed`. Its documentation says what a signature proves and what it does not.
//!
//! # The steps
//!
//! ```text
//! raw query ──▶ Validator ──▶ CheckedQuery ──┐
//!                  │              │          ├─▶ GroupFull ──▶ GroupFullHandler ──▶ Reply
//! raw body ────────┼──────────────┼──────────┘                     │                 ▲
//!                  │              └── another command ─────────────│──────────── OK ─┤
//!                  └── Rejection ──────────────────────────────────┴── Failure ──────┘
//! ```
//!
//! Each step is public and works alone. These run all of them in a row:
//!
//! | who reads the body | you call | examples |
//! |---|---|---|
//! | the service (axum, hyper, every tower server) | `GroupFullService` | `axum`, `hyper` |
//! | your code, after the query is checked | [`handle_request`] | `tiny-http`, `actix`, `poem` |
//! | your server, before it calls you | [`handle`], [`handle_http`] | `lambda` |
//!
//! `GroupFullService` needs the feature `tower`. Each function has an async twin, for handlers that await:
//! [`handle_request_async`], [`handle_async`], [`handle_http_async`]. [`handle_http`] takes and returns the types of
//! the crate `http`. The others return a [`Reply`], which every HTTP server can send.
//!
//! # Features
//!
//! None is on by default.
//!
//! | feature | adds | dependencies |
//! |---|---|---|
//! | `signature` | `Token`, `Validator::signed`: checks the vendor's signature | `sha2`, `subtle` |
//! | `tower` | `GroupFullService`, for axum, hyper and every other server that takes a tower service | `tower-service`, `http-body`, `bytes` |
//! | `testing` | `testing::Callback`, for the app's own unit tests | |
//! | `rest` | `rest`, the calls that make room in a full group, without IO | `base64`, `flate2`, `hmac`, `sha2` |
//!
//! # Versions
//!
//! Rust 1.85 or later.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]
#![warn(missing_docs)]
#![allow(
    clippy::must_use_candidate,
    clippy::return_self_not_must_use,
    reason = "what is dropped is harmless, be it an accessor's value or a setter's; `Reply`, which is not, says so itself"
)]

use std::time::Duration;

mod async_handler;
mod body;
mod checked_query;
mod event;
mod excerpt;
mod failure;
mod handle;
mod handler;
mod hooks;
mod opt_platform;
mod parameters;
mod query;
mod rejection;
mod rejection_kind;
mod reply;
#[cfg(feature = "tower")]
mod reply_body;
mod response;
mod sdk_app_id;
#[cfg(feature = "tower")]
mod service;
#[cfg(feature = "signature")]
mod signature;
mod urlencoded;
mod validator;

#[cfg(feature = "rest")]
pub mod rest;

#[cfg(feature = "testing")]
pub mod testing;

pub use http;

pub use crate::async_handler::{AsyncGroupFullHandler, AsyncHandlerFn, Immediate, async_handler_fn};
pub use crate::body::CallbackBody;
pub use crate::checked_query::CheckedQuery;
pub use crate::event::GroupFull;
pub use crate::failure::Failure;
pub use crate::handle::{handle, handle_async, handle_http, handle_http_async, handle_request, handle_request_async};
pub use crate::handler::{GroupFullHandler, HandlerFn, handler_fn};
pub use crate::opt_platform::OptPlatform;
pub use crate::query::CallbackQuery;
pub use crate::rejection::Rejection;
pub use crate::rejection_kind::RejectionKind;
pub use crate::reply::Reply;
#[cfg(feature = "tower")]
pub use crate::reply_body::{NoOther, ReplyBody};
pub use crate::response::{ActionStatus, CallbackResponse};
pub use crate::sdk_app_id::{InvalidSdkAppId, SdkAppId};
#[cfg(feature = "tower")]
pub use crate::service::{GroupFullService, ResponseFuture};
#[cfg(feature = "signature")]
pub use crate::signature::{InvalidToken, Token};
pub use crate::validator::Validator;

/// `main() -> Result<(), Box<dyn Error>>` prints `Debug`: it has to say what went wrong.
macro_rules! debug_as_display {
    ($error:ident) => {
        impl fmt::Debug for $error {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    };
}

pub(crate) use debug_as_display;

/// Defines an enum whose variants have names for the labels of metrics.
macro_rules! labelled {
    (
        $(#[$of_enum:meta])*
        pub enum $kind:ident {
            $($(#[$of_variant:meta])* $variant:ident = $label:literal,)*
        }
        $(#[$of_as_str:meta])*
        as_str
    ) => {
        $(#[$of_enum])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $kind {
            $($(#[$of_variant])* $variant,)*
        }

        impl $kind {
            $(#[$of_as_str])*
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $label,)*
                }
            }
        }

        impl std::fmt::Display for $kind {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
}

pub(crate) use labelled;

/// The `CallbackCommand` of the callback that this crate handles.
pub const GROUP_FULL_COMMAND: &str = "Group.CallbackAfterGroupFull";

/// How long the vendor waits for an answer ("Webhook Overview").
pub const CALLBACK_TIMEOUT: Duration = Duration::from_secs(2);

#[cfg(any(doc, doctest))]
// Of two definitions of a link Markdown takes the first: these lead to pages of the documentation, those in the files to
// files.
#[doc = "[zh]: crate::guide::zh_cn\n[readme]: crate\n[operate]: crate::guide::operate\n\n"]
#[doc = include_str!("../docs/guide.md")]
pub mod guide {
    #[doc = "[zh]: crate::guide::zh_cn::operate\n[guide]: crate::guide\n"]
    #[doc = "[commands]: crate::guide#serve-several-commands-on-one-url\n"]
    #[doc = "[work]: crate::guide#work-after-the-answer\n[room]: crate::guide#make-room-in-a-full-group\n\n"]
    #[doc = include_str!("../docs/operate.md")]
    pub mod operate {}

    #[doc = "[en]: crate::guide\n[readme]: crate::guide::zh_cn::readme\n[operate]: crate::guide::zh_cn::operate\n\n"]
    #[doc = include_str!("../docs/guide.zh-CN.md")]
    pub mod zh_cn {
        #[doc = "[en]: crate::guide::operate\n[guide]: crate::guide::zh_cn\n"]
        #[doc = "[commands]: crate::guide::zh_cn#在同一个-url-上处理多种回调\n"]
        #[doc = "[work]: crate::guide::zh_cn#先应答后处理\n[room]: crate::guide::zh_cn#为满员的群腾出名额\n\n"]
        #[doc = include_str!("../docs/operate.zh-CN.md")]
        pub mod operate {}

        #[doc = "[en]: crate\n[guide]: crate::guide::zh_cn\n[operate]: crate::guide::zh_cn::operate\n"]
        #[doc = "[changelog]: https://docs.rs/crate/im-group-full/latest/source/CHANGELOG.md\n"]
        #[doc = "[contributing]: https://docs.rs/crate/im-group-full/latest/source/CONTRIBUTING.md\n"]
        #[doc = "[security]: https://docs.rs/crate/im-group-full/latest/source/SECURITY.md\n"]
        #[doc = "[mit]: https://docs.rs/crate/im-group-full/latest/source/LICENSE-MIT\n"]
        #[doc = "[apache]: https://docs.rs/crate/im-group-full/latest/source/LICENSE-APACHE\n\n"]
        #[doc = include_str!("../README.zh-CN.md")]
        pub mod readme {}
    }
}

/// The README's code, compiled.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
