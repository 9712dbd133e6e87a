//! A callback server on poem, which has HTTP types of its own.
//!
//! poem sets no limit on connections and no time limit for a head, so run this behind a reverse proxy, as
//! `docs/operate.md` describes. It also speaks HTTP/2 with clients that start with it.

use std::error::Error;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use example_support::{PATH, start};
use im_group_full::{AsyncGroupFullHandler, CALLBACK_TIMEOUT, Immediate, Rejection, handle_request_async, handler_fn};
use poem::endpoint::make;
use poem::listener::TcpAcceptor;
use poem::{Request, Response, Route, Server};
use tokio::io::AsyncReadExt;
use tokio::time::timeout;

/// The glue between poem's types and the crate.
async fn callback(mut request: Request, handler: &impl AsyncGroupFullHandler) -> Response {
    let body = request.take_body().into_async_read();
    let read = |most: usize| async move {
        let mut raw_body = Vec::new();
        let mut body = pin!(body.take(most as u64));
        match timeout(CALLBACK_TIMEOUT, body.read_to_end(&mut raw_body)).await {
            Ok(Ok(_)) => Ok(raw_body),
            Ok(Err(_)) | Err(_) => Err(Rejection::incomplete_body()),
        }
    };
    let query = request.uri().query().unwrap_or_default();
    let reply = handle_request_async(request.method().as_str(), query, read, handler).await;
    let response = Response::builder().status(reply.status());
    let response = reply.headers().fold(response, |response, (name, value)| response.header(name, value));
    response.body(reply.body().into_owned())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let (listener, validator) = start()?;
    let handler = handler_fn(validator, |event| {
        println!("{:?} is full", event.group_id());
        Ok(())
    })
    .when_rejected(|rejection| eprintln!("rejected: {rejection}"))
    .when_failed(|event, failure| eprintln!("lost {:?}: {failure:#}", event.id()));
    let handler = Arc::new(Immediate(handler));
    let endpoint = make(move |request| {
        let handler = Arc::clone(&handler);
        async move { callback(request, &*handler).await }
    });
    Server::new_with_acceptor(TcpAcceptor::from_std(listener)?)
        .idle_timeout(Duration::from_secs(60))
        // One connection holds a body for each of its streams, and poem's own limit is 200 streams.
        .http2_max_concurrent_streams(4)
        .http2_max_header_list_size(16 * 1024)
        .run(Route::new().at(PATH, endpoint))
        .await?;
    Ok(())
}
