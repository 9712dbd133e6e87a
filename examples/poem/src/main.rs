//! A callback server on poem, which has HTTP types of its own.
//!
//! poem has no limit on connections and no time-out for a head, so both stand below it, in the acceptor. It also speaks
//! HTTP/2 with a client that begins with it, and has no setting against that; the limits hold there, too.

use std::io;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use example_support::connections::{Connections, Guarded};
use example_support::flags::{Flags, PATH};
use example_support::{log, serve::interrupted};
use im_group_full::{AsyncGroupFullHandler, CALLBACK_TIMEOUT, Immediate, Rejection, handle_request_async, handler_fn};
use poem::endpoint::make;
use poem::http::uri::Scheme;
use poem::listener::{Acceptor, TcpAcceptor};
use poem::web::{LocalAddr, RemoteAddr};
use poem::{Request, Response, Route, Server};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Receives Group.CallbackAfterGroupFull over HTTP
#[derive(Parser)]
struct Options {
    #[command(flatten)]
    flags: Flags,
    /// How many connections may be open
    #[arg(long, value_name = "CONNECTIONS", default_value = "128")]
    max_connections: usize,
}

/// The glue between poem's types and the crate.
async fn callback(mut request: Request, handler: &impl AsyncGroupFullHandler) -> Response {
    let body = request.take_body().into_async_read();
    let read = |most: usize| async move {
        let mut raw_body = Vec::new();
        // One byte more than is taken shows that there is more.
        let mut body = std::pin::pin!(body.take(most as u64));
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

/// poem's own acceptor, with a limit on its connections.
struct Limited {
    acceptor: TcpAcceptor,
    connections: Connections,
}

impl Acceptor for Limited {
    type Io = Guarded<TcpStream>;

    fn local_addr(&self) -> Vec<LocalAddr> {
        self.acceptor.local_addr()
    }

    async fn accept(&mut self) -> io::Result<(Self::Io, LocalAddr, RemoteAddr, Scheme)> {
        let (stream, local, remote, scheme) = self.acceptor.accept().await?;
        let peer = stream.peer_addr()?;
        Ok((self.connections.guard(stream, peer), local, remote, scheme))
    }
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("poem: {error}");
            ExitCode::FAILURE
        }
    }
}

#[tokio::main]
async fn run(options: &Options) -> Result<(), Box<dyn std::error::Error>> {
    let handler = Arc::new(Immediate(handler_fn(options.flags.validator()?, |event| {
        tracing::info!(group = event.group_id(), "accepted");
        Ok(())
    })));
    let connections = Connections::new(options.max_connections);
    let listener = options.flags.listen()?;
    listener.set_nonblocking(true)?;
    let acceptor = TcpAcceptor::from_std(listener)?;
    let (_guard, _dropped) = log::init(log::LevelFilter::INFO);
    let known = connections.clone();
    let endpoint = make(move |request| {
        let (handler, known) = (Arc::clone(&handler), known.clone());
        async move {
            let peer = request.remote_addr().as_socket_addr().copied();
            let response = callback(request, &*handler).await;
            // Every rejected callback has another status.
            if let (Some(peer), true) = (peer, response.is_success()) {
                known.valid(peer);
            }
            response
        }
    });
    let server = Server::new_with_acceptor(Limited { acceptor, connections });
    let app = Route::new().at(PATH, endpoint);
    server.run_with_graceful_shutdown(app, interrupted(), Some(Duration::from_secs(5))).await?;
    Ok(())
}
