use std::borrow::Cow;
use std::time::{SystemTime, UNIX_EPOCH};

use http::{Method, Request, Response};

use crate::{AsyncGroupFullHandler, Failure, GroupFull, GroupFullHandler, Rejection, Reply, Validator};

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
    match check(raw_query, raw_body, handler.validator(), || handler.now()) {
        Ok(event) => {
            let result = handler.on_group_full(&event);
            settle(result, |failure| handler.on_failed(&event, failure))
        }
        Err(rejection) => reject(rejection, |rejection| {
            handler.on_rejected(rejection, raw_query);
        }),
    }
}

/// Does what [`handle`] does, for a handler that awaits.
///
/// The checks run before the first await. Nothing is left behind if the future is dropped.
#[expect(clippy::manual_async_fn, reason = "the signature promises `Send`")]
pub fn handle_async<H: AsyncGroupFullHandler + ?Sized>(
    raw_query: &str,
    raw_body: &[u8],
    handler: &H,
) -> impl Future<Output = Reply> + Send {
    async move {
        match check(raw_query, raw_body, handler.validator(), || handler.now()) {
            Ok(event) => {
                let result = handler.on_group_full(&event).await;
                settle(result, |failure| handler.on_failed(&event, failure))
            }
            Err(rejection) => reject(rejection, |rejection| {
                handler.on_rejected(rejection, raw_query);
            }),
        }
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
    let raw_query = request.uri().query().unwrap_or_default();
    let reply = if request.method() == Method::POST {
        handle(raw_query, request.body().as_ref(), handler)
    } else {
        reject(Rejection::method_not_allowed(), |rejection| {
            handler.on_rejected(rejection, raw_query);
        })
    };
    reply.into()
}

/// Does what [`handle_http`] does, for a handler that awaits.
#[expect(clippy::manual_async_fn, reason = "the signature promises `Send`")]
pub fn handle_http_async<B: AsRef<[u8]> + Sync, H: AsyncGroupFullHandler + ?Sized>(
    request: &Request<B>,
    handler: &H,
) -> impl Future<Output = Response<Cow<'static, [u8]>>> + Send {
    async move {
        let raw_query = request.uri().query().unwrap_or_default();
        let reply = if request.method() == Method::POST {
            handle_async(raw_query, request.body().as_ref(), handler).await
        } else {
            reject(Rejection::method_not_allowed(), |rejection| {
                handler.on_rejected(rejection, raw_query);
            })
        };
        reply.into()
    }
}

fn check<'a>(
    raw_query: &'a str,
    raw_body: &'a [u8],
    validator: &Validator,
    now: impl FnOnce() -> SystemTime,
) -> Result<GroupFull<'a>, Rejection> {
    let now = if validator.requires_signature() { now() } else { UNIX_EPOCH };
    validator.validate(raw_query, raw_body, now)
}

fn settle(result: Result<(), Failure>, on_failed: impl FnOnce(&Failure)) -> Reply {
    if let Err(failure) = &result {
        on_failed(failure);
    }
    result.into()
}

fn reject(rejection: Rejection, on_rejected: impl FnOnce(&Rejection)) -> Reply {
    on_rejected(&rejection);
    rejection.into()
}
