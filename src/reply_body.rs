use std::borrow::Cow;
use std::convert::Infallible;
use std::future::Ready;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use tower_service::Service;

/// The body of the answers of [`GroupFullService`](crate::GroupFullService): one frame in memory, or the
/// body of the service that is given to [`other`](crate::GroupFullService::other).
#[derive(Debug, Clone)]
pub struct ReplyBody<R = NoOther>(Content<R>);

#[derive(Debug, Clone)]
enum Content<R> {
    Json(Bytes),
    Other(R),
}

impl<R> ReplyBody<R> {
    pub(crate) const fn other(body: R) -> Self {
        Self(Content::Other(body))
    }
}

/// An empty body.
impl<R> Default for ReplyBody<R> {
    fn default() -> Self {
        Self(Content::Json(Bytes::new()))
    }
}

impl<R> From<Cow<'static, [u8]>> for ReplyBody<R> {
    fn from(json: Cow<'static, [u8]>) -> Self {
        Self(Content::Json(match json {
            Cow::Borrowed(json) => Bytes::from_static(json),
            Cow::Owned(json) => Bytes::from(json),
        }))
    }
}

impl<R: Body<Data = Bytes> + Unpin> Body for ReplyBody<R> {
    type Data = Bytes;
    type Error = R::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, R::Error>>> {
        match &mut self.0 {
            Content::Json(json) => {
                let json = std::mem::take(json);
                Poll::Ready((!json.is_empty()).then(|| Ok(Frame::data(json))))
            }
            Content::Other(body) => Pin::new(body).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Content::Json(json) => json.is_empty(),
            Content::Other(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Content::Json(json) => SizeHint::with_exact(json.len() as u64),
            Content::Other(body) => body.size_hint(),
        }
    }
}

/// The type of the service for other commands, and of its body, when none is set. It has no values.
#[derive(Debug, Clone, Copy)]
pub enum NoOther {}

impl<B> Service<Request<B>> for NoOther {
    type Response = Response<NoOther>;
    type Error = Infallible;
    type Future = Ready<Result<Response<NoOther>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        match *self {}
    }

    fn call(&mut self, _: Request<B>) -> Self::Future {
        match *self {}
    }
}

impl Body for NoOther {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match *self {}
    }
}
