//! The server: axum, and what hyper offers.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{StatusCode, Uri};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum_server::Handle;
use example_support::PATH;
use hyper_util::rt::TokioTimer;
use im_group_full::GroupFullService;
use tower::limit::GlobalConcurrencyLimitLayer;

use crate::lines::Lines;
use crate::metrics::answered;
use crate::receive::{Receiver, other_command};

/// For the whole request, its body included. The vendor gives up after 2 s.
const ANSWERED_WITHIN: Duration = Duration::from_millis(1600);
/// For a head, and for the next callback of a connection.
const HEAD_WITHIN: Duration = Duration::from_secs(60);
/// Requests that are read or answered at once, which bounds the memory that bodies take. Connections that are idle do not count.
const AT_ONCE: usize = 1024;
/// For requests that are being answered when the server is told to stop.
pub(crate) const STOPPED_WITHIN: Duration = Duration::from_secs(3);

pub(crate) async fn serve(
    listener: TcpListener,
    receiver: Receiver,
    lines: Arc<Lines>,
    handle: Handle<std::net::SocketAddr>,
) -> io::Result<()> {
    let app = Router::new()
        .route_service(PATH, GroupFullService::new(receiver).other(post(other_command)))
        .fallback(elsewhere)
        .with_state(Arc::clone(&lines))
        .layer(GlobalConcurrencyLimitLayer::new(AT_ONCE))
        .layer(from_fn_with_state(lines, within));
    let mut server = axum_server::from_tcp(listener)?.handle(handle);
    // A client may end its stream behind a request, and still wants the answer.
    server.http_builder().http1().timer(TokioTimer::new()).header_read_timeout(HEAD_WITHIN).half_close(true);
    server.serve(app.into_make_service()).await
}

/// Gives up a request that takes too long: nobody waits for its answer any more.
async fn within(State(lines): State<Arc<Lines>>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let response = tokio::time::timeout(ANSWERED_WITHIN, next.run(request)).await;
    metrics::histogram!("callback_answer_seconds").record(started.elapsed());
    response.unwrap_or_else(|_| {
        answered("timed_out");
        lines
            .write(|| tracing::warn!("a request took too long, most likely its body: no event, and no answer but 408"));
        StatusCode::REQUEST_TIMEOUT.into_response()
    })
}

/// A callback that comes to a wrong path is a mistake in the console, and would be lost without a word.
async fn elsewhere(State(lines): State<Arc<Lines>>, uri: Uri) -> StatusCode {
    if uri.query().is_some_and(|query| query.contains("CallbackCommand")) {
        answered("not_found");
        lines.write(|| tracing::warn!("a callback came to the path {:?}, and not to {PATH:?}", uri.path()));
    }
    StatusCode::NOT_FOUND
}
