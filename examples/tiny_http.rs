//! A synchronous callback server on `tiny_http`, without an async runtime.

use std::io::Read;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use im_group_full::{GroupFullHandler, Rejection, Reply, handle_request, handler_fn};
use tiny_http::{Header, Request, Response, Server};

use crate::flags::{Flags, log};

#[path = "support/flags.rs"]
mod flags;

/// Receives Group.CallbackAfterGroupFull over HTTP, on any path.
#[derive(Parser)]
struct Options {
    #[command(flatten)]
    flags: Flags,
}

fn main() -> ExitCode {
    match run(&Options::parse().flags) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tiny_http: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(flags: &Flags) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let handler = handler_fn(flags.validator()?, |event| {
        log(format_args!("accepted {:?}", event.group_id()));
        Ok(())
    });
    let server = Arc::new(Server::from_listener(flags.listen()?, None)?);
    // A slow client keeps one thread busy, and not the server.
    std::thread::scope(|threads| {
        for _ in 0..8 {
            threads.spawn(|| {
                for mut request in server.incoming_requests() {
                    let reply = answer(&mut request, &handler);
                    // What fails here is the client's connection, and nobody is left to tell.
                    let _ = request.respond(response(&reply));
                }
            });
        }
    });
    Ok(())
}

fn answer(request: &mut Request, handler: &impl GroupFullHandler) -> Reply {
    let method = request.method().to_string();
    let query = request.url().split_once('?').unwrap_or_default().1.to_owned();
    let read = |limit: usize| {
        let mut body = Vec::new();
        // One byte more than is taken shows that there is more.
        let read = request.as_reader().take(limit as u64 + 1).read_to_end(&mut body);
        read.map(|_| body).map_err(|_| Rejection::incomplete_body())
    };
    handle_request(&method, &query, read, handler)
}

fn response(reply: &Reply) -> Response<std::io::Cursor<Vec<u8>>> {
    let headers = reply.headers().filter_map(|(name, value)| Header::from_bytes(name, value).ok());
    headers.fold(Response::from_data(reply.body()).with_status_code(reply.status().as_u16()), Response::with_header)
}
