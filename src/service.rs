use std::convert::Infallible;
use std::fmt;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Buf, BufMut, Bytes};
use http::header::{CONNECTION, CONTENT_LENGTH};
use http::{HeaderValue, Request, Response, Version, request};
use http_body::Body;
use tower_service::Service;

use crate::handle::{answer, check_head, raw_query, reject};
use crate::reply_body::{NoOther, ReplyBody};
use crate::{AsyncGroupFullHandler, Rejection, Reply};

/// A tower service that answers the callback. It does what
/// [`handle_request_async`](crate::handle_request_async) does, and reads the body itself.
///
/// It works in axum (`Router::route_service`), hyper and every other server that takes a tower service, with any
/// [`http_body::Body`], and under any layer. Wrap a handler that does not await in an [`Immediate`](crate::Immediate).
///
/// ```
/// use im_group_full::{GroupFullService, Immediate, SdkAppId, Validator, handler_fn};
///
/// let handler = Immediate(handler_fn(Validator::unauthenticated(SdkAppId::new(888_888)), |event| {
///     println!("{:?} is full", event.group_id());
///     Ok(())
/// }));
/// let app: axum::Router = axum::Router::new().route_service("/im/callback", GroupFullService::new(handler));
/// ```
///
/// # What it reads
///
/// - The query is checked before the body is polled. A client that sent `Expect: 100-continue` is
///   therefore told to go on only if there is a reason to read.
/// - A `Content-Length` above [`Validator::body_limit`](crate::Validator::body_limit) is answered
///   413 unread, and a body without one as soon as it passes the limit.
/// - A body that breaks off is answered 400.
/// - A genuine callback of another command is answered `OK`. Its body is read and dropped, up to the limit, so that the
///   vendor can use the connection again. To handle it, give your own service to [`other`](Self::other).
/// - Every answer that leaves a part of the body unread says `Connection: close` over HTTP/1, so
///   that the rest is never taken for the next request. HTTP/2 has no such header, and needs none.
///
/// It sets no time limit for the client. Use a time-out layer, or your server's own settings.
///
/// # No `Content-Type`
///
/// Do not put an extractor such as axum's `Json` in front: it insists on a `Content-Type` header,
/// the vendor's sample request has none, and every event would be lost. The service ignores that
/// header and reads the query's `contenttype`.
///
/// # It is not an axum handler
///
/// ```text
/// Router::new().route("/im/callback", post(service))        // the trait `Handler` is not implemented
/// Router::new().route_service("/im/callback", service)      // works
/// ```
pub struct GroupFullService<H, S = NoOther> {
    handler: Arc<H>,
    other: Option<S>,
}

impl<H: AsyncGroupFullHandler + 'static> GroupFullService<H> {
    /// Makes a service from a handler.
    pub fn new(handler: H) -> Self {
        Self { handler: Arc::new(handler), other: None }
    }

    /// Sends the genuine callbacks of other commands to a service of your own.
    ///
    /// One URL serves every command that is switched on in the vendor's console. A callback that is rejected (another
    /// app, a wrong signature) never reaches that service. The others do, with their body unread, and with a
    /// [`CheckedQuery<'static>`](crate::CheckedQuery) among the request's extensions. What it answers is sent
    /// unchanged. For a command named `...Before...`, an `ErrorCode` other than 0 blocks what the user wants to do.
    ///
    /// In axum it can be a handler with a method filter, as [in the
    /// guide](crate::guide#serve-several-commands-on-one-url), or a whole `Router`.
    ///
    /// The body of its answers has to be [`Unpin`], as those of axum and hyper are. Box any other.
    pub fn other<S>(self, service: S) -> GroupFullService<H, S> {
        GroupFullService { handler: self.handler, other: Some(service) }
    }
}

/// Clones a pointer to the handler, and the service for other commands.
impl<H, S: Clone> Clone for GroupFullService<H, S> {
    fn clone(&self) -> Self {
        Self { handler: Arc::clone(&self.handler), other: self.other.clone() }
    }
}

impl<H: fmt::Debug, S: fmt::Debug> fmt::Debug for GroupFullService<H, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GroupFullService").field("handler", &self.handler).field("other", &self.other).finish()
    }
}

impl<H, S, B, R> Service<Request<B>> for GroupFullService<H, S>
where
    H: AsyncGroupFullHandler + 'static,
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Send,
    B: Body + Send + 'static,
    R: Send + 'static,
{
    type Response = Response<ReplyBody<R>>;
    type Error = S::Error;
    type Future = ResponseFuture<R, S::Error>;

    /// Always ready: the service for other commands is polled when it is needed.
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let Self { handler, other } = self.clone();
        let (mut head, body) = request.into_parts();
        ResponseFuture(Box::pin(async move {
            let raw_query = raw_query(&head.uri);
            let query = match check_head(head.method.as_str(), raw_query, handler.validator(), || handler.now()) {
                Ok(query) => query,
                Err(rejection) => {
                    return Ok(response(reject!(rejection, handler), !body.is_end_stream(), head.version));
                }
            };
            if let Some(mut service) = other.filter(|_| !query.is_group_full()) {
                handler.on_other_command(&query);
                let query = query.into_owned();
                head.extensions.insert(query);
                poll_fn(|cx| service.poll_ready(cx)).await?;
                return Ok(service.call(Request::from_parts(head, body)).await?.map(ReplyBody::other));
            }
            let mut body = pin!(body);
            let too_long = declared_len(&head, &*body) > query.body_limit() as u64;
            let mut unread = false;
            let noted = &mut unread;
            let read = move |most| async move {
                let raw_body =
                    if too_long { Err(Rejection::body_too_large()) } else { read(body.as_mut(), most).await };
                *noted = raw_body.is_err() && !body.is_end_stream();
                raw_body
            };
            let reply = answer!(query, read, handler, await);
            Ok(response(reply, unread, head.version))
        }))
    }
}

fn response<R>(reply: Reply, unread: bool, version: Version) -> Response<ReplyBody<R>> {
    let mut response = Response::from(reply);
    if unread && version <= Version::HTTP_11 {
        // The server would take the rest of the body for the next request.
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// Returns the minimum length of the body, as far as it is known before reading.
fn declared_len<B: Body>(head: &request::Parts, body: &B) -> u64 {
    // If a layer has replaced the body, only the header still has the length.
    let declared = head.headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    body.size_hint().lower().max(declared.unwrap_or_default())
}

/// Reads the body, which is too long if it has `most` bytes or more.
async fn read<B: Body>(mut body: Pin<&mut B>, most: usize) -> Result<Bytes, Rejection> {
    let mut raw_body = Vec::new();
    while let Some(frame) = poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
        let frame = frame.map_err(|_| Rejection::incomplete_body())?;
        // Frames without data are trailers, which have no meaning here.
        let Ok(mut data) = frame.into_data() else { continue };
        if data.remaining() >= most - raw_body.len() {
            return Err(Rejection::body_too_large());
        }
        if raw_body.is_empty() && body.is_end_stream() {
            // A body in one piece, like the vendor's, needs no copy.
            return Ok(data.copy_to_bytes(data.remaining()));
        }
        raw_body.put(data);
    }
    Ok(raw_body.into())
}

/// The future of [`GroupFullService`]. Dropping it leaves nothing behind.
///
/// It is boxed once for each request, because the future of a handler has no name.
#[must_use = "futures do nothing unless polled"]
pub struct ResponseFuture<R = NoOther, E = Infallible>(Pin<Box<dyn Future<Output = Answer<R, E>> + Send>>);

type Answer<R, E> = Result<Response<ReplyBody<R>>, E>;

impl<R, E> Future for ResponseFuture<R, E> {
    type Output = Answer<R, E>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(cx)
    }
}

impl<R, E> fmt::Debug for ResponseFuture<R, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
