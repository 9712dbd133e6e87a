//! The loop around hyper's connections, for the servers that are tower services.
//!
//! `axum::serve` has no time-outs and no limit on connections. This has both, speaks HTTP/1.1 and nothing else (the
//! vendor does not ask for HTTP/2), and finishes what it is at when it is told to stop.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use http::{Request, Response, StatusCode};
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tower_service::Service;

use crate::connections::{Connections, Guarded};

/// How long a client that does not go away keeps the server from stopping.
const FAREWELL: Duration = Duration::from_secs(5);

/// Serves until `stop` is ready. `accept` is where a TLS handshake goes; [`plain`] has none.
///
/// The service needs no time-out for a client that sends slowly, and is always ready, as `GroupFullService` and
/// axum's `Router` are.
pub async fn serve<S, B, A, F, Io>(
    listener: std::net::TcpListener,
    connections: Connections,
    accept: A,
    service: S,
    stop: impl Future<Output = ()>,
) -> io::Result<()>
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
    B: Body<Error: std::error::Error + Send + Sync> + Send + 'static,
    B::Data: Send,
    A: Fn(Guarded<TcpStream>) -> F,
    F: Future<Output = io::Result<Io>> + Send + 'static,
    Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    listener.set_nonblocking(true)?;
    let listener = TcpListener::from_std(listener)?;
    let graceful = GracefulShutdown::new();
    let mut stop = std::pin::pin!(stop);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut stop => break,
        };
        let Ok((stream, peer)) = accepted else {
            // Out of file handles, for example. The connections that there are go on.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        // Small answers leave at once. Where it fails, so will the connection.
        let _ = stream.set_nodelay(true);
        let stream = accept(connections.guard(stream, peer));
        let (service, connections, watcher) = (service.clone(), connections.clone(), graceful.watcher());
        tokio::spawn(async move {
            let Ok(stream) = stream.await else { return };
            let service = service_fn(move |request| answer(request, service.clone(), connections.clone(), peer));
            // What fails here is the client's connection, and nobody is left to tell.
            let _ = watcher.watch(http1::Builder::new().serve_connection(TokioIo::new(stream), service)).await;
        });
    }
    drop(listener);
    // A time-out here is a client that holds its connection open.
    let _ = tokio::time::timeout(FAREWELL, graceful.shutdown()).await;
    Ok(())
}

async fn answer<S, B>(
    request: Request<Incoming>,
    mut service: S,
    connections: Connections,
    peer: SocketAddr,
) -> Result<Response<B>, Infallible>
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>,
{
    let response = service.call(request).await?;
    // Every rejected callback has another status.
    if response.status() == StatusCode::OK {
        connections.valid(peer);
    }
    Ok(response)
}

/// No TLS, because a reverse proxy speaks it.
pub fn plain(stream: Guarded<TcpStream>) -> Ready<io::Result<Guarded<TcpStream>>> {
    ready(Ok(stream))
}

/// Waits for Ctrl-C or for a service manager's SIGTERM. A signal that cannot be waited for ends the process by itself.
pub async fn interrupted() {
    tokio::select! {
        Ok(()) = tokio::signal::ctrl_c() => (),
        () = terminated() => (),
    }
}

async fn terminated() {
    #[cfg(unix)]
    if let Ok(mut signals) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        signals.recv().await;
        return;
    }
    std::future::pending::<()>().await;
}
