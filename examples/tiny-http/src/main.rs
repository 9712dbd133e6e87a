//! A synchronous callback server on `tiny_http`, without an async runtime. **For behind a reverse proxy only.**
//!
//! `tiny_http` 0.12 has no time-out for heads, bodies and idle connections, and no limit on connections; it owns the
//! sockets, so that none can be set from outside. A connection costs a thread for as long as its client likes, and when
//! file handles run out, it accepts no more: then this program ends, for its service manager to start it again. It also
//! reads the rest of every body before it lets go of a request, even of a refused one, which costs one of the threads
//! below for as long as the client likes.
//!
//! It takes some requests for good ones that other servers refuse or read otherwise: two `Content-Length` that
//! differ, `Content-Length: +5`, `Transfer-Encoding: xchunked`, and a bare carriage return as the end of a line. Behind
//! a proxy that lets those pass, a client can hide a request in another one's body. A proxy that reads the whole
//! request and sends it anew (nginx does) stands between you and both.

use std::error::Error;
use std::io::Read;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use clap::Parser;
use example_support::flags::Flags;
use example_support::log;
use im_group_full::{GroupFullHandler, Rejection, Reply, handle_request, handler_fn};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use tiny_http::{Header, Request, Response, Server};

const THREADS: usize = 8;
/// How long a client keeps the server from stopping.
const FAREWELL: Duration = Duration::from_secs(5);

/// Receives Group.CallbackAfterGroupFull over HTTP, on any path
#[derive(Parser)]
struct Options {
    #[command(flatten)]
    flags: Flags,
}

fn main() -> ExitCode {
    match run(&Options::parse().flags) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tiny-http: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(flags: &Flags) -> Result<(), Box<dyn Error + Send + Sync>> {
    let handler = handler_fn(flags.validator()?, |event| {
        tracing::info!(group = event.group_id(), "accepted");
        Ok(())
    });
    // Without its accepting thread, which panics when file handles run out, or without the threads below, this would be a
    // server that answers nobody.
    let print = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        print(panic);
        std::process::exit(1);
    }));
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    let server = Arc::new(Server::from_listener(flags.listen()?, None)?);
    let (_guard, _dropped) = log::init(log::LevelFilter::INFO);
    let handler = Arc::new(handler);
    let (sender, ends) = channel();
    for _ in 0..THREADS {
        let (server, handler, sender) = (Arc::clone(&server), Arc::clone(&handler), sender.clone());
        std::thread::spawn(move || {
            let error = loop {
                match server.recv() {
                    Ok(mut request) => {
                        let reply = answer(&mut request, &*handler);
                        // What fails here is the client's connection, and nobody is left to tell.
                        let _ = request.respond(response(&reply));
                    }
                    Err(error) => break error,
                }
            };
            let _ = sender.send(Err(error));
        });
    }
    std::thread::spawn(move || signals.forever().next().map(|_| sender.send(Ok(()))));
    // The other side does not go away: it is a signal, or that the server accepts no more.
    ends.recv()??;
    // What is being answered is finished, unless its client makes it wait.
    (0..THREADS).for_each(|_| server.unblock());
    let farewell = Instant::now() + FAREWELL;
    for _ in 0..THREADS {
        let _ = ends.recv_timeout(farewell.saturating_duration_since(Instant::now()));
    }
    Ok(())
}

/// The glue between `tiny_http`'s types and the crate, for a request.
fn answer(request: &mut Request, handler: &impl GroupFullHandler) -> Reply {
    let method = request.method().as_str().to_owned();
    let query = request.url().split_once('?').unwrap_or_default().1.to_owned();
    let read = |most: usize| {
        let mut body = Vec::new();
        // One byte more than is taken shows that there is more.
        let read = request.as_reader().take(most as u64).read_to_end(&mut body);
        read.map(|_| body).map_err(|_| Rejection::incomplete_body())
    };
    handle_request(&method, &query, read, handler)
}

/// And for its answer.
fn response(reply: &Reply) -> Response<std::io::Cursor<Vec<u8>>> {
    let headers = reply.headers().filter_map(|(name, value)| Header::from_bytes(name, value).ok());
    headers.fold(Response::from_data(reply.body()).with_status_code(reply.status().as_u16()), Response::with_header)
}
