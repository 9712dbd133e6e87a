use std::borrow::Cow;
use std::time::{SystemTime, UNIX_EPOCH};

use http::{Method, Request, Response, Uri};

use crate::{AsyncGroupFullHandler, GroupFull, GroupFullHandler, Rejection, Reply, Validator};

/// Checks a callback, gives it to the app, and says what to answer.
///
/// `raw_query` (with or without a leading `?`) and `raw_body` are untrusted, and are taken as they
/// came: nothing may decode, reorder or re-encode them on the way. Exactly one of
/// [`on_group_full`](GroupFullHandler::on_group_full) and
/// [`on_rejected`](GroupFullHandler::on_rejected) is called.
///
/// ```
/// use im_group_full::{SdkAppId, Validator, handle, handler_fn};
///
/// let handler = handler_fn(Validator::new(SdkAppId::new(888_888)), |event| {
///     println!("{} is full", event.group_id());
///     Ok(())
/// });
/// let reply = handle(
///     "SdkAppid=888888&CallbackCommand=Group.CallbackAfterGroupFull&contenttype=json",
///     br#"{"CallbackCommand":"Group.CallbackAfterGroupFull","GroupId":"@TGS#2J4SZEAEL"}"#,
///     &handler,
/// );
/// assert_eq!(reply.status(), 200);
/// ```
pub fn handle<H: GroupFullHandler + ?Sized>(raw_query: &str, raw_body: &[u8], handler: &H) -> Reply {
    let checked = check(raw_query, raw_body, handler.validator(), || handler.now());
    answer(checked, raw_query, handler)
}

/// Does what [`handle`] does, for a handler that awaits.
///
/// The checks run before the first await. Dropping the future drops the handler's, and `on_failed`
/// is then not called.
#[expect(clippy::manual_async_fn, reason = "the signature promises `Send`")]
pub fn handle_async<H: AsyncGroupFullHandler + ?Sized>(
    raw_query: &str,
    raw_body: &[u8],
    handler: &H,
) -> impl Future<Output = Reply> + Send {
    async move {
        let checked = check(raw_query, raw_body, handler.validator(), || handler.now());
        answer_async(checked, raw_query, handler).await
    }
}

/// Does what [`handle`] does, for servers that speak the types of the crate `http` and have read
/// the body.
///
/// Any method but `POST` is answered 405. No `Content-Type` header is required: the vendor's sample
/// request has none, and an extractor that insists on one loses events. Read the body up to
/// [`Validator::body_limit`] and no further.
pub fn handle_http<B: AsRef<[u8]>, H: GroupFullHandler + ?Sized>(
    request: &Request<B>,
    handler: &H,
) -> Response<Cow<'static, [u8]>> {
    let checked = check_http(request, handler.validator(), || handler.now());
    answer(checked, raw_query(request.uri()), handler).into()
}

/// Does what [`handle_http`] does, for a handler that awaits.
#[expect(clippy::manual_async_fn, reason = "the signature promises `Send`")]
pub fn handle_http_async<B: AsRef<[u8]> + Sync, H: AsyncGroupFullHandler + ?Sized>(
    request: &Request<B>,
    handler: &H,
) -> impl Future<Output = Response<Cow<'static, [u8]>>> + Send {
    async move {
        let checked = check_http(request, handler.validator(), || handler.now());
        answer_async(checked, raw_query(request.uri()), handler).await.into()
    }
}

fn check<'a>(
    raw_query: &'a str,
    raw_body: &'a [u8],
    validator: &Validator,
    now: impl FnOnce() -> SystemTime,
) -> Result<GroupFull<'a>, Rejection> {
    validator.validate(raw_query, raw_body, time_that_counts(validator, now))
}

fn check_http<'a, B: AsRef<[u8]>>(
    request: &'a Request<B>,
    validator: &Validator,
    now: impl FnOnce() -> SystemTime,
) -> Result<GroupFull<'a>, Rejection> {
    check_method(request.method())?;
    check(raw_query(request.uri()), request.body().as_ref(), validator, now)
}

pub(crate) fn check_method(method: &Method) -> Result<(), Rejection> {
    if method == Method::POST { Ok(()) } else { Err(Rejection::method_not_allowed()) }
}

pub(crate) fn raw_query(uri: &Uri) -> &str {
    uri.query().unwrap_or_default()
}

/// Asks for the time only when it counts.
pub(crate) fn time_that_counts(validator: &Validator, now: impl FnOnce() -> SystemTime) -> SystemTime {
    if validator.requires_signature() { now() } else { UNIX_EPOCH }
}

fn answer<H: GroupFullHandler + ?Sized>(
    checked: Result<GroupFull<'_>, Rejection>,
    raw_query: &str,
    handler: &H,
) -> Reply {
    match checked {
        Ok(ref event) => {
            let result = handler.on_group_full(event);
            if let Err(failure) = &result {
                handler.on_failed(event, failure);
            }
            result.into()
        }
        Err(rejection) => {
            handler.on_rejected(&rejection, raw_query);
            rejection.into()
        }
    }
}

pub(crate) async fn answer_async<H: AsyncGroupFullHandler + ?Sized>(
    checked: Result<GroupFull<'_>, Rejection>,
    raw_query: &str,
    handler: &H,
) -> Reply {
    match checked {
        Ok(event) => {
            let result = handler.on_group_full(&event).await;
            if let Err(failure) = &result {
                handler.on_failed(&event, failure);
            }
            result.into()
        }
        Err(rejection) => {
            handler.on_rejected(&rejection, raw_query);
            rejection.into()
        }
    }
}
