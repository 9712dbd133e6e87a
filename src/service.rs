use std::borrow::Cow;
use std::convert::Infallible;
use std::fmt;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use bytes::{Buf, BufMut, Bytes};
use http::header::{CONNECTION, CONTENT_LENGTH};
use http::{HeaderValue, Request, Response, Version, request};
use http_body::{Body, Frame, SizeHint};
use tower_service::Service;

use crate::handle::{answer_async, check_method, raw_query, time_that_counts};
use crate::{AsyncGroupFullHandler, CheckedQuery, Rejection};

/// The callback as a tower service: [`handle_http_async`](crate::handle_http_async), reading the
/// body itself.
///
/// For axum (`Router::route_service`), hyper and every other server that takes a tower service,
/// with any [`http_body::Body`], and under any layer. The handler is cloned for each request: wrap
/// one that is dear to clone in an `Arc`, and one that does not await in an
/// [`Immediate`](crate::Immediate).
///
/// ```
/// use im_group_full::{GroupFullService, Immediate, SdkAppId, Validator, handler_fn};
/// use std::sync::Arc;
///
/// let handler = Immediate(handler_fn(Validator::new(SdkAppId::new(888_888)), |event| {
///     println!("{} is full", event.group_id());
///     Ok(())
/// }));
/// let app: axum::Router =
///     axum::Router::new().route_service("/im/callback", GroupFullService::new(Arc::new(handler)));
/// ```
///
/// # Its duty to a stranger is short
///
/// - The query is authenticated before the body is polled. A client that sent `Expect:
///   100-continue` is therefore told to go on only if there is a reason to read.
/// - Another command is answered `OK` unread, whatever its size.
/// - A `Content-Length` above [`Validator::body_limit`](crate::Validator::body_limit) is answered
///   413 unread, and a body without one as soon as it passes the limit; nothing is drained.
/// - A body that breaks off is answered 400.
/// - Every answer that leaves a part of the body unread says `Connection: close` over HTTP/1, so
///   that the rest is never taken for the next request. HTTP/2 has no such header, and needs none.
///
/// How long a client may take is for a layer to say, or the server: put a timeout around it.
///
/// # No `Content-Type`
///
/// Do not put an extractor such as axum's `Json` in front: it insists on a `Content-Type` header,
/// the vendor's sample request has none, and every event would be lost. The service ignores that
/// header and reads the query's `contenttype`.
#[derive(Debug, Clone)]
pub struct GroupFullService<H> {
    handler: H,
}

impl<H> GroupFullService<H> {
    /// Makes a service of a handler.
    pub const fn new(handler: H) -> Self {
        Self { handler }
    }
}

impl<H, B> Service<Request<B>> for GroupFullService<H>
where
    H: AsyncGroupFullHandler + Clone + 'static,
    B: Body + Send + 'static,
{
    type Response = Response<ReplyBody>;
    type Error = Infallible;
    type Future = ResponseFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> ResponseFuture {
        let handler = self.handler.clone();
        ResponseFuture(Box::pin(async move { respond(request, &handler).await }))
    }
}

async fn respond<B: Body + Send, H: AsyncGroupFullHandler>(request: Request<B>, handler: &H) -> Response<ReplyBody> {
    let (head, body) = request.into_parts();
    let mut body = pin!(body);
    let received = match admit(&head, body.size_hint().lower(), handler) {
        Ok(query) => read(body.as_mut(), handler.validator().body_limit()).await.map(|raw_body| (query, raw_body)),
        Err(rejection) => Err(rejection),
    };
    let unread = received.is_err() && !body.is_end_stream();
    let raw_body;
    let checked = match received {
        Ok((query, bytes)) => {
            raw_body = bytes;
            query.group_full(&raw_body)
        }
        Err(rejection) => Err(rejection),
    };
    let mut response = Response::from(answer_async(checked, raw_query(&head.uri), handler).await);
    if unread && head.version <= Version::HTTP_11 {
        // What is left would be taken for the next request.
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// Everything that can be said before the body is read.
fn admit<'a, H: AsyncGroupFullHandler>(
    head: &'a request::Parts,
    body_len: u64,
    handler: &H,
) -> Result<CheckedQuery<'a>, Rejection> {
    check_method(&head.method)?;
    let now = time_that_counts(handler.validator(), || handler.now());
    let query = handler.validator().authenticate(raw_query(&head.uri), now)?;
    query.query().check_group_full()?;
    // Under a layer that replaces the body, only the header still knows.
    let declared = head.headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    if body_len.max(declared.unwrap_or_default()) > handler.validator().body_limit() as u64 {
        return Err(Rejection::body_too_large());
    }
    Ok(query)
}

async fn read<B: Body + Send>(mut body: Pin<&mut B>, limit: usize) -> Result<Vec<u8>, Rejection> {
    let mut raw_body = Vec::new();
    while let Some(frame) = poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
        let frame = frame.map_err(|_| Rejection::incomplete_body())?;
        // What is not data is trailers, which mean nothing here.
        let Ok(data) = frame.into_data() else { continue };
        if data.remaining() > limit - raw_body.len() {
            return Err(Rejection::body_too_large());
        }
        raw_body.put(data);
    }
    Ok(raw_body)
}

/// The body of [`GroupFullService`]'s answers: one frame, in memory.
#[derive(Debug, Clone, Default)]
pub struct ReplyBody(Bytes);

impl From<Cow<'static, [u8]>> for ReplyBody {
    fn from(json: Cow<'static, [u8]>) -> Self {
        Self(match json {
            Cow::Borrowed(json) => Bytes::from_static(json),
            Cow::Owned(json) => Bytes::from(json),
        })
    }
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let json = std::mem::take(&mut self.0);
        Poll::Ready((!json.is_empty()).then(|| Ok(Frame::data(json))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.len() as u64)
    }
}

/// The future of [`GroupFullService`]; dropping it leaves nothing behind.
///
/// Boxed once for each request: the future of a handler has no name.
#[must_use = "futures do nothing unless polled"]
pub struct ResponseFuture(Pin<Box<dyn Future<Output = Response<ReplyBody>> + Send>>);

impl Future for ResponseFuture {
    type Output = Result<Response<ReplyBody>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let response = ready!(self.0.as_mut().poll(cx));
        Poll::Ready(Ok(response))
    }
}

impl fmt::Debug for ResponseFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
