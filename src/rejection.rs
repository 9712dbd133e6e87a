mod repr;

use std::borrow::Cow;
use std::fmt;

use http::StatusCode;

pub(crate) use self::repr::Repr;
use crate::response::envelope;
use crate::{RejectionKind, SdkAppId, debug_as_display};

/// Why a callback did not reach the app's code.
///
/// Its `Display` is for your log. It quotes what was sent, cut short and escaped, and may say more than the answer
/// does, such as how stale a signature is. It never contains a token or a signature. Branch on [`kind`](Self::kind).
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("{repr}")]
pub struct Rejection {
    repr: Repr,
    sdk_app_id: Option<SdkAppId>,
}

debug_as_display!(Rejection);

/// An `ErrorInfo`, and the whole envelope around it.
macro_rules! fixed {
    ($info:literal) => {
        ($info, envelope!("FAIL", $info, "1"))
    };
}

impl From<Repr> for Rejection {
    fn from(repr: Repr) -> Self {
        Self { repr, sdk_app_id: None }
    }
}

impl Rejection {
    /// Returns what kind of rejection this is.
    pub fn kind(&self) -> RejectionKind {
        match self.repr {
            Repr::QueryTooLong { .. } => RejectionKind::QueryTooLong,
            Repr::BodyTooLarge => RejectionKind::BodyTooLarge,
            Repr::IncompleteBody => RejectionKind::IncompleteBody,
            Repr::MissingParameter(_) => RejectionKind::MissingParameter,
            Repr::DuplicateParameter(_) => RejectionKind::DuplicateParameter,
            Repr::InvalidParameter { .. } => RejectionKind::InvalidParameter,
            Repr::UnsupportedContentType(_) => RejectionKind::UnsupportedContentType,
            Repr::SdkAppIdMismatch { .. } | Repr::UnknownApp(_) => RejectionKind::SdkAppIdMismatch,
            Repr::MissingSignature(_) => RejectionKind::MissingSignature,
            Repr::InvalidSignature => RejectionKind::InvalidSignature,
            Repr::StaleSignature { .. } => RejectionKind::StaleSignature,
            Repr::OtherCommand(_) => RejectionKind::OtherCommand,
            Repr::EmptyBody | Repr::MalformedBody(_) => RejectionKind::MalformedBody,
            Repr::CommandMismatch(_) => RejectionKind::CommandMismatch,
            Repr::MethodNotAllowed => RejectionKind::MethodNotAllowed,
        }
    }

    /// Returns the query parameter at fault, in the vendor's spelling, if it is one.
    pub fn parameter(&self) -> Option<&'static str> {
        match self.repr {
            Repr::MissingParameter(name)
            | Repr::DuplicateParameter(name)
            | Repr::InvalidParameter { name, .. }
            | Repr::MissingSignature(name) => Some(name),
            Repr::UnsupportedContentType(_) => Some("contenttype"),
            Repr::SdkAppIdMismatch { .. } | Repr::UnknownApp(_) => Some("SdkAppid"),
            _ => None,
        }
    }

    /// Returns the command of a valid callback that is for other code ([`RejectionKind::OtherCommand`]).
    pub fn command(&self) -> Option<&str> {
        match &self.repr {
            Repr::OtherCommand(command) => Some(command),
            _ => None,
        }
    }

    /// Returns the app that the request claims to be for. Whether it was right shows in [`kind`](Self::kind).
    ///
    /// It is `None` if the rejection came before `SdkAppid` was read: for a method other than `POST`, a query that is
    /// too long, and an `SdkAppid` that is missing, malformed or given twice. It is also `None` for a rejection that
    /// you make yourself, until [`handle_request`](crate::handle_request) has it from your `read`
    /// ([`unknown_app`](Self::unknown_app) has it at once), and for a body that is parsed alone.
    pub fn sdk_app_id(&self) -> Option<SdkAppId> {
        self.sdk_app_id
    }

    /// Notes the app that the request claims to be for.
    #[cold]
    pub(crate) fn of(self, app: SdkAppId) -> Self {
        Self { sdk_app_id: Some(app), ..self }
    }

    /// Returns the HTTP status of the answer.
    pub fn status(&self) -> StatusCode {
        match self.kind() {
            RejectionKind::OtherCommand => StatusCode::OK,
            RejectionKind::SdkAppIdMismatch
            | RejectionKind::MissingSignature
            | RejectionKind::InvalidSignature
            | RejectionKind::StaleSignature => StatusCode::FORBIDDEN,
            RejectionKind::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            RejectionKind::QueryTooLong => StatusCode::URI_TOO_LONG,
            RejectionKind::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            RejectionKind::UnsupportedContentType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            RejectionKind::IncompleteBody
            | RejectionKind::MissingParameter
            | RejectionKind::DuplicateParameter
            | RejectionKind::InvalidParameter
            | RejectionKind::MalformedBody
            | RejectionKind::CommandMismatch => StatusCode::BAD_REQUEST,
        }
    }

    /// Rejects a request that is not a `POST`. [`handle_request`](crate::handle_request) and
    /// [`handle_http`](crate::handle_http) do so themselves.
    pub fn method_not_allowed() -> Self {
        Repr::MethodNotAllowed.into()
    }

    /// Rejects a body that is longer than the limit. For the `read` that you pass to
    /// [`handle_request`](crate::handle_request).
    pub fn body_too_large() -> Self {
        Repr::BodyTooLarge.into()
    }

    /// Rejects a body that broke off. For the `read` that you pass to [`handle_request`](crate::handle_request).
    pub fn incomplete_body() -> Self {
        Repr::IncompleteBody.into()
    }

    /// Rejects a request for an app that your server does not know. For servers that look the app up by the SDKAppID
    /// that a query claims. Its kind is [`SdkAppIdMismatch`](RejectionKind::SdkAppIdMismatch).
    ///
    /// # Several apps on one URL
    ///
    /// Parse the query, look the app up by the SDKAppID that the sender *claims*, and let a handler
    /// with the validator of that app check everything. An app that is not found is rejected. Never
    /// make up a validator in that case: one for SDKAppID 0 accepts a callback that claims 0.
    ///
    /// If the look-up itself fails, answer with a status of 5xx. The vendor then counts the callback as failed, and
    /// blocks nobody. A non-zero `ErrorCode` would block the users of a `...Before...` command.
    ///
    #[cfg_attr(feature = "signature", doc = "```")]
    #[cfg_attr(not(feature = "signature"), doc = "```ignore")]
    /// use im_group_full::{CallbackQuery, Rejection, Reply, SdkAppId, Token, Validator};
    /// use im_group_full::{async_handler_fn, handle_request_async};
    ///
    /// /// Looks the app's token up, in a database, say.
    /// async fn find_token(app: SdkAppId) -> std::io::Result<Option<Token>> {
    ///     # let _ = app;
    ///     # Ok(None)
    /// }
    ///
    /// /// An error is for your server to answer, with 503.
    /// async fn receive(method: &str, raw_query: &str, raw_body: &[u8]) -> std::io::Result<Reply> {
    ///     let app = match CallbackQuery::parse(raw_query) {
    ///         Ok(query) => query.sdk_app_id(),
    ///         Err(rejection) => return Ok(rejection.into()),
    ///     };
    ///     let Some(token) = find_token(app).await? else {
    ///         return Ok(Rejection::unknown_app(app).into());
    ///     };
    ///     let handler = async_handler_fn(Validator::signed(app, token), async |event| {
    ///         println!("{:?} is full", event.group_id());
    ///         Ok(())
    ///     });
    ///     let read = async |_limit| Ok(raw_body);
    ///     Ok(handle_request_async(method, raw_query, read, &handler).await)
    /// }
    /// ```
    pub fn unknown_app(found: SdkAppId) -> Self {
        Self::from(Repr::UnknownApp(found)).of(found)
    }

    /// The text sent to the client: never the expected SDKAppID, nor what a clock says.
    pub(crate) fn public_info(&self) -> Cow<'static, str> {
        self.fixed().map_or_else(|| self.to_string().into(), |(info, _)| info.into())
    }

    /// Untrusted clients trigger these, so their responses are precomputed: refusing allocates nothing.
    pub(crate) fn fixed(&self) -> Option<(&'static str, &'static str)> {
        Some(match self.repr {
            Repr::SdkAppIdMismatch { .. } | Repr::UnknownApp(_) => {
                fixed!("parameter `SdkAppid`: not an app of this server")
            }
            Repr::MissingSignature(_) => fixed!("signature: missing"),
            Repr::InvalidSignature => fixed!("signature: wrong"),
            Repr::StaleSignature { .. } => fixed!("signature: stale"),
            _ => return None,
        })
    }
}
