//! A limit on connections, and on how long each may be of no use.
//!
//! A connection has a few seconds to bring a valid callback, and then a minute for the next one: the vendor keeps its
//! connections, and strangers only hold them. Over the limit, the oldest one that has not yet brought a valid callback is
//! closed. This stands below HTTP, so that it does not matter where a client stops: before the TLS handshake, in a head
//! or in a body.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

/// How long a connection may take until its first valid callback.
const STRANGER: Duration = Duration::from_secs(5);
/// How long it may take until the next one, give or take [`SLACK`].
const KNOWN: Duration = Duration::from_secs(60);
const SLACK: Duration = Duration::from_secs(1);

/// All connections of a server. A clone is the same ones.
#[derive(Debug, Clone)]
pub struct Connections(Arc<Mutex<Inner>>);

#[derive(Debug)]
struct Inner {
    limit: usize,
    next: u64,
    /// In order of age. Dropping a sender ends its connection.
    open: BTreeMap<u64, Entry>,
    by_peer: HashMap<SocketAddr, u64>,
}

#[derive(Debug)]
struct Entry {
    deadline: watch::Sender<Instant>,
    known: bool,
    peer: SocketAddr,
}

impl Connections {
    /// Lets at most `limit` connections be open; leave file handles for everything else.
    pub fn new(limit: usize) -> Self {
        Self(Arc::new(Mutex::new(Inner { limit, next: 0, open: BTreeMap::new(), by_peer: HashMap::new() })))
    }

    /// Counts a new connection, and closes another one if it is one too many.
    pub fn guard<S>(&self, stream: S, peer: SocketAddr) -> Guarded<S> {
        let (deadline, deadlines) = watch::channel(Instant::now() + STRANGER);
        let mut inner = self.lock();
        let id = inner.next;
        inner.next += 1;
        inner.open.insert(id, Entry { deadline, known: false, peer });
        inner.by_peer.insert(peer, id);
        if inner.open.len() > inner.limit {
            // If all others are known, that is the new one.
            if let Some(stranger) = inner.open.iter().find(|(_, entry)| !entry.known).map(|(id, _)| *id) {
                inner.remove(stranger);
            }
        }
        drop(inner);
        Guarded { stream, end: Box::pin(end(deadlines)), ended: false, id, connections: self.clone() }
    }

    /// Says that the connection with this client brought a valid callback.
    pub fn valid(&self, peer: SocketAddr) {
        let mut inner = self.lock();
        let Some(id) = inner.by_peer.get(&peer).copied() else { return };
        if let Some(entry) = inner.open.get_mut(&id) {
            entry.known = true;
            let deadline = Instant::now() + KNOWN;
            // Moving it wakes the connection, which is too much for every callback of a busy one.
            entry.deadline.send_if_modified(|current| {
                let moves = deadline > *current + SLACK;
                *current = if moves { deadline } else { *current };
                moves
            });
        }
    }

    /// Returns how many are open.
    pub fn len(&self) -> usize {
        self.lock().open.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn remove(&mut self, id: u64) {
        let Some(entry) = self.open.remove(&id) else { return };
        // The system may have given the same address to a newer connection already.
        if self.by_peer.get(&entry.peer) == Some(&id) {
            self.by_peer.remove(&entry.peer);
        }
    }
}

/// Waits until the deadline, which may be moved, or until there is none.
async fn end(mut deadlines: watch::Receiver<Instant>) {
    loop {
        let deadline = *deadlines.borrow_and_update();
        tokio::select! {
            // First, because a deadline that was moved does not count, even if it has passed meanwhile.
            biased;
            moved = deadlines.changed() => if moved.is_err() { return },
            () = sleep_until(deadline) => return,
        }
    }
}

/// A connection that fails once its time is up.
pub struct Guarded<S> {
    stream: S,
    end: Pin<Box<dyn Future<Output = ()> + Send + Sync>>,
    ended: bool,
    id: u64,
    connections: Connections,
}

impl<S> Guarded<S> {
    fn check(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        self.ended = self.ended || self.end.as_mut().poll(cx).is_ready();
        if self.ended { Err(io::ErrorKind::TimedOut.into()) } else { Ok(()) }
    }
}

impl<S> Drop for Guarded<S> {
    fn drop(&mut self) {
        self.connections.lock().remove(self.id);
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Guarded<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.check(cx)?;
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Guarded<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.check(cx)?;
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.check(cx)?;
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check(cx)?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check(cx)?;
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
