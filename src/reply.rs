use std::borrow::Cow;

use http::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use http::{Response, StatusCode};

use crate::{CallbackResponse, Failure, Rejection, RejectionKind};

const JSON: &str = "application/json";
const POST: &str = "POST";

/// What to answer: status, headers and bytes, and why.
///
/// Every HTTP server can send it: take the parts, or convert it into an `http::Response` of any
/// body that can be made from bytes.
///
/// ```
/// use im_group_full::{Rejection, Reply, http};
///
/// let reply = Reply::from(Rejection::method_not_allowed());
/// assert_eq!(reply.status(), 405);
/// assert!(reply.headers().any(|header| header == ("allow", "POST")));
/// let response: http::Response<Vec<u8>> = reply.into();
/// # assert_eq!(response.headers()["content-type"], "application/json");
/// ```
///
/// If your server has its own types, or uses `http` 0.2:
///
/// ```
/// # let reply = im_group_full::Reply::ok();
/// let status: u16 = reply.status().as_u16();
/// let headers: Vec<(&str, &str)> = reply.headers().collect();
/// let body: Vec<u8> = reply.body().into_owned();
/// ```
#[must_use = "the vendor counts a callback without an answer as failed"]
#[derive(Debug)]
pub struct Reply {
    response: CallbackResponse<'static>,
    cause: Cause,
}

#[derive(Debug)]
enum Cause {
    Handled,
    Failed(Failure),
    Rejected(Rejection),
}

impl Reply {
    /// Returns the answer to a callback that was handled, or to another command: 200 and `OK`.
    pub const fn ok() -> Self {
        Self { response: CallbackResponse::ok(), cause: Cause::Handled }
    }

    /// Returns the HTTP status.
    #[inline]
    pub fn status(&self) -> StatusCode {
        self.rejection().map_or(StatusCode::OK, Rejection::status)
    }

    /// Returns the JSON to send; a static slice on success.
    #[inline]
    pub fn body(&self) -> Cow<'static, [u8]> {
        match self.rejection().and_then(Rejection::fixed) {
            Some((_, json)) => Cow::Borrowed(json.as_bytes()),
            None => self.response.to_json(),
        }
    }

    /// Returns the headers to send, names in lower case: `content-type`, and `allow` with status 405.
    pub fn headers(&self) -> impl Iterator<Item = (&'static str, &'static str)> + use<> {
        let allow = (self.status() == StatusCode::METHOD_NOT_ALLOWED).then_some(("allow", POST));
        std::iter::once(("content-type", JSON)).chain(allow)
    }

    /// Returns the envelope that [`body`](Self::body) writes.
    pub fn response(&self) -> &CallbackResponse<'static> {
        &self.response
    }

    /// Returns why the callback was rejected, if it was. A genuine callback of another command is not rejected.
    #[inline]
    pub fn rejection(&self) -> Option<&Rejection> {
        match &self.cause {
            Cause::Rejected(rejection) => Some(rejection),
            Cause::Handled | Cause::Failed(_) => None,
        }
    }

    /// Returns why the app's own code failed, if it did.
    pub fn failure(&self) -> Option<&Failure> {
        match &self.cause {
            Cause::Failed(failure) => Some(failure),
            Cause::Handled | Cause::Rejected(_) => None,
        }
    }
}

/// For other commands, which your own code answers: status 200 with this envelope.
impl From<CallbackResponse<'static>> for Reply {
    fn from(response: CallbackResponse<'static>) -> Self {
        Self { response, cause: Cause::Handled }
    }
}

impl From<Rejection> for Reply {
    fn from(rejection: Rejection) -> Self {
        if rejection.kind() == RejectionKind::OtherCommand {
            // A non-zero code would block the users of a `...Before...` command.
            return Self::ok();
        }
        let response = CallbackResponse::fail(1, rejection.public_info());
        Self { response, cause: Cause::Rejected(rejection) }
    }
}

impl From<Failure> for Reply {
    fn from(failure: Failure) -> Self {
        let response = CallbackResponse::fail(failure.code(), failure.info.clone());
        Self { response, cause: Cause::Failed(failure) }
    }
}

impl From<Result<(), Failure>> for Reply {
    #[inline]
    fn from(result: Result<(), Failure>) -> Self {
        result.map_or_else(Self::from, |()| Self::ok())
    }
}

impl<B: From<Cow<'static, [u8]>>> From<Reply> for Response<B> {
    fn from(reply: Reply) -> Self {
        let mut response = Response::new(reply.body().into());
        *response.status_mut() = reply.status();
        response.headers_mut().insert(CONTENT_TYPE, const { HeaderValue::from_static(JSON) });
        if reply.status() == StatusCode::METHOD_NOT_ALLOWED {
            response.headers_mut().insert(ALLOW, const { HeaderValue::from_static(POST) });
        }
        response
    }
}
