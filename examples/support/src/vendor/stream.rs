use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

/// A stream whose writes do not fail: a server that answers before it has read everything closes the
/// connection, and a client that stopped at the failed write would miss the answer.
pub(super) struct Patient<S> {
    stream: S,
    /// When the next few bytes may be sent, for a sender that is slow from the first byte on.
    slow: Option<Pin<Box<Sleep>>>,
}

impl<S> Patient<S> {
    const FEW: usize = 32;
    const PAUSE: Duration = Duration::from_millis(50);

    pub(super) fn new(stream: S, slow: bool) -> Self {
        Self { stream, slow: slow.then(|| Box::pin(sleep_until(Instant::now()))) }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let mut bytes = bytes;
        if let Some(slow) = &mut self.slow {
            ready!(slow.as_mut().poll(cx));
            slow.as_mut().reset(Instant::now() + Self::PAUSE);
            bytes = &bytes[..bytes.len().min(Self::FEW)];
        }
        Pin::new(&mut self.stream).poll_write(cx, bytes).map(|written| Ok(written.unwrap_or(bytes.len())))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx).map(|_| Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx).map(|_| Ok(()))
    }
}
