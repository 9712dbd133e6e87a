//! A body that reports how far it was read.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Poll};

use hyper::body::{Body, Frame, SizeHint};
use im_group_full::http;

#[derive(Clone)]
pub enum Step {
    Data(Vec<u8>),
    Trailers,
    Broken,
    Silent,
}

/// A body that follows a script and counts its polls.
#[derive(Clone)]
pub struct Script {
    pub steps: VecDeque<Step>,
    pub size: Option<u64>,
    pub polls: Arc<AtomicUsize>,
}

impl Script {
    pub fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        Self { steps: steps.into_iter().collect(), size: None, polls: Arc::default() }
    }

    pub fn polls(&self) -> usize {
        self.polls.load(SeqCst)
    }
}

impl Body for Script {
    type Data = VecDeque<u8>;
    type Error = &'static str;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<VecDeque<u8>>, &'static str>>> {
        self.polls.fetch_add(1, SeqCst);
        match self.steps.pop_front() {
            Some(Step::Data(data)) => Poll::Ready(Some(Ok(Frame::data(data.into())))),
            Some(Step::Trailers) => Poll::Ready(Some(Ok(Frame::trailers(http::HeaderMap::new())))),
            Some(Step::Broken) => Poll::Ready(Some(Err("connection reset"))),
            Some(Step::Silent) => {
                self.steps.push_front(Step::Silent);
                Poll::Pending
            }
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.steps.is_empty() && self.size.is_some()
    }

    fn size_hint(&self) -> SizeHint {
        self.size.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
