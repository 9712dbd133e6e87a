//! The tower service without a server.

use std::borrow::Cow;
use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame};
use im_group_full::http::{Request, Response, Version};
use im_group_full::{GroupFullService, Immediate};
use tower_service::Service;

use super::{Recorder, ready};

/// A body in one piece, as a server hands it over.
pub struct Whole(pub Option<Bytes>);

impl Body for Whole {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.take().map(|data| Ok(Frame::data(data))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_none()
    }
}

/// Returns the answer of the service, without the `Connection` that HTTP/1 needs.
pub fn serve(request: Request<&[u8]>, handler: Immediate<Recorder>) -> Response<Cow<'static, [u8]>> {
    let mut request = request.map(|body| Whole(Some(Bytes::copy_from_slice(body))));
    *request.version_mut() = Version::HTTP_2;
    let response = ready(GroupFullService::new(handler).call(request)).unwrap();
    response.map(|mut body| {
        let size = (body.size_hint().exact(), body.is_end_stream());
        let mut next = || ready(poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)));
        let data = next().expect("one frame").unwrap().into_data().unwrap();
        assert_eq!(size, (Some(data.len() as u64), false));
        assert!(next().is_none());
        assert_eq!((body.size_hint().exact(), body.is_end_stream()), (Some(0), true));
        data.to_vec().into()
    })
}
