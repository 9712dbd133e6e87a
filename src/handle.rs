use std::borrow::Cow;
use std::future::ready;
use std::time::{SystemTime, UNIX_EPOCH};

use http::{Method, Request, Response, Uri};

use crate::{AsyncGroupFullHandler, CheckedQuery, GroupFullHandler, Rejection, Reply, Validator};

macro_rules! reject {
    ($rejection:expr, $handler:ident) => {{
        let rejection = $rejection;
        $handler.on_rejected(&rejection);
        Reply::from(rejection)
    }};
}

#[cfg(feature = "tower")]
pub(crate) use reject;

/// The steps after the query, shared by sync and async code. It is a macro because the future of a function
/// would be copied into the future of each caller.
macro_rules! answer {
    ($query:ident, $read:ident, $handler:ident $(, $await:tt)?) => {
        'reply: {
            if !$query.is_group_full() {
                $handler.on_other_command(&$query);
                // The server would take an unread body for the next request.
                drop($read($query.read_limit())$(.$await)?);
                break 'reply Reply::ok();
            }
            let raw_body = match $read($query.read_limit())$(.$await)? {
                Ok(raw_body) => raw_body,
                Err(rejection) => break 'reply reject!(rejection.of($query.query().sdk_app_id()), $handler),
            };
            match $query.with_body(raw_body.as_ref()) {
                Ok(ref event) => {
                    let result = $handler.on_group_full(event)$(.$await)?;
                    if let Err(failure) = &result {
                        $handler.on_failed(event, failure);
                    }
                    Reply::from(result)
                }
                Err(rejection) => reject!(rejection, $handler),
            }
        }
    };
}

#[cfg(feature = "tower")]
pub(crate) use answer;

/// Checks a callback whose body has been read, gives it to your app, and says what to answer.
///
/// `raw_query` (everything after the `?` of the URL) and `raw_body` are untrusted. Pass them on
/// undecoded. If your gateway only has a map of decoded parameters, encode it again, for example with
/// the crate `form_urlencoded`: the signature covers only the token and the time. A map that keeps one of
/// two equal names hides a duplicate that would have been rejected.
///
/// The [front page](crate) has an example. If your own code reads the body, use [`handle_request`], which also says
/// when to read it.
pub fn handle<H: GroupFullHandler + ?Sized>(raw_query: &str, raw_body: &[u8], handler: &H) -> Reply {
    handle_request("POST", raw_query, |_| Ok(raw_body), handler)
}

/// Does what [`handle`] does, for a handler that awaits.
///
/// The checks run before the first await. If you drop the future, the handler's future is dropped too,
/// and `on_failed` is not called.
pub fn handle_async<H: AsyncGroupFullHandler + ?Sized>(
    raw_query: &str,
    raw_body: &[u8],
    handler: &H,
) -> impl Future<Output = Reply> + Send {
    handle_request_async("POST", raw_query, move |_| ready(Ok(raw_body)), handler)
}

/// Checks a request, reads its body when it is time to, gives the callback to your app, and says what
/// to answer. Use it in a server where your own code reads the body.
///
/// `method` is the request's method as text, such as `http::Method::as_str` returns it. `raw_query` is
/// everything after the `?` of the URL.
///
/// `read` is called only after the query has passed, with the number of bytes to read at most: one more than the
/// [limit](Validator::body_limit), so that a body above the limit shows, and is answered 413. It returns the body, or
/// what went wrong: [`Rejection::incomplete_body`] or [`Rejection::body_too_large`].
///
/// `read` is also called for a genuine callback of another command, so that the connection can be used
/// again. What it returns is ignored: the answer is `OK`, also if that body is too long.
///
/// If the server can tell that the body is too long (from `Content-Length`), return
/// [`Rejection::body_too_large`] without waiting for it. Where a part of a body stays unread, the
/// connection cannot be used again. Most servers close it themselves; if yours does not, close it.
///
/// ```
/// use std::io::Read;
///
/// use im_group_full::{GroupFullHandler, Rejection, Reply, handle_request};
///
/// fn receive(method: &str, raw_query: &str, body: impl Read, handler: &impl GroupFullHandler) -> Reply {
///     let read = |most: usize| {
///         let mut raw_body = Vec::new();
///         body.take(most as u64).read_to_end(&mut raw_body).map_err(|_| Rejection::incomplete_body())?;
///         Ok(raw_body)
///     };
///     handle_request(method, raw_query, read, handler)
/// }
/// # use im_group_full::{SdkAppId, Validator, handler_fn};
/// # let handler = handler_fn(Validator::unauthenticated(SdkAppId::new(888_888)), |_| Ok(()));
/// # let query = "SdkAppid=888888&CallbackCommand=Group.CallbackAfterGroupFull";
/// # assert_eq!(receive("GET", query, std::io::empty(), &handler).status(), 405);
/// # assert_eq!(receive("POST", query, std::io::repeat(b' '), &handler).status(), 413);
/// ```
#[inline]
pub fn handle_request<B: AsRef<[u8]>, H: GroupFullHandler + ?Sized>(
    method: &str,
    raw_query: &str,
    read: impl FnOnce(usize) -> Result<B, Rejection>,
    handler: &H,
) -> Reply {
    match check_head(method, raw_query, handler.validator(), || handler.now()) {
        Ok(query) => answer!(query, read, handler),
        Err(rejection) => reject!(rejection, handler),
    }
}

/// Does what [`handle_request`] does, for a handler and a body that await.
///
/// If you drop the future, the handler's future is dropped too, and `on_failed` is not called.
///
/// ```
/// use im_group_full::{AsyncGroupFullHandler, Rejection, Reply, handle_request_async};
/// use tokio::io::{AsyncRead, AsyncReadExt};
///
/// async fn receive(
///     method: &str,
///     raw_query: &str,
///     body: impl AsyncRead + Send + Unpin,
///     handler: &impl AsyncGroupFullHandler,
/// ) -> Reply {
///     let read = |most: usize| async move {
///         let mut raw_body = Vec::new();
///         let read = body.take(most as u64).read_to_end(&mut raw_body).await;
///         read.map(|_| raw_body).map_err(|_| Rejection::incomplete_body())
///     };
///     handle_request_async(method, raw_query, read, handler).await
/// }
/// ```
#[expect(clippy::manual_async_fn, reason = "the signature promises `Send`")]
pub fn handle_request_async<B, H, Fut>(
    method: &str,
    raw_query: &str,
    read: impl FnOnce(usize) -> Fut + Send,
    handler: &H,
) -> impl Future<Output = Reply> + Send
where
    B: AsRef<[u8]> + Send,
    H: AsyncGroupFullHandler + ?Sized,
    Fut: Future<Output = Result<B, Rejection>> + Send,
{
    async move {
        match check_head(method, raw_query, handler.validator(), || handler.now()) {
            Ok(query) => answer!(query, read, handler, await),
            Err(rejection) => reject!(rejection, handler),
        }
    }
}

/// Does what [`handle`] does, for a server that uses the types of the crate `http` and has read the body.
///
/// Any method but `POST` is answered 405. No `Content-Type` header is required: the vendor's sample request has none,
/// and an extractor that insists on one loses events. Read the body up to [`Validator::body_limit`] and no further. If
/// your own code does that, use [`handle_request`] instead.
pub fn handle_http<B: AsRef<[u8]>, H: GroupFullHandler + ?Sized>(
    request: &Request<B>,
    handler: &H,
) -> Response<Cow<'static, [u8]>> {
    handle_request(request.method().as_str(), raw_query(request.uri()), |_| Ok(request.body()), handler).into()
}

/// Does what [`handle_http`] does, for a handler that awaits.
#[expect(clippy::manual_async_fn, reason = "the signature promises `Send`")]
pub fn handle_http_async<B: AsRef<[u8]> + Sync, H: AsyncGroupFullHandler + ?Sized>(
    request: &Request<B>,
    handler: &H,
) -> impl Future<Output = Response<Cow<'static, [u8]>>> + Send {
    async move {
        let read = |_| ready(Ok(request.body()));
        handle_request_async(request.method().as_str(), raw_query(request.uri()), read, handler).await.into()
    }
}

/// Checks everything that can be checked before the body is read.
#[inline]
pub(crate) fn check_head<'a>(
    method: &str,
    raw_query: &'a str,
    validator: &Validator,
    now: impl FnOnce() -> SystemTime,
) -> Result<CheckedQuery<'a>, Rejection> {
    if method != Method::POST.as_str() {
        return Err(Rejection::method_not_allowed());
    }
    // Only a signature needs the time.
    let now = if validator.requires_signature() { now() } else { UNIX_EPOCH };
    validator.check_query(raw_query, now)
}

pub(crate) fn raw_query(uri: &Uri) -> &str {
    uri.query().unwrap_or_default()
}
