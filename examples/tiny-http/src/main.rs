//! A callback server on `tiny_http`, without an async runtime. **Only for use behind a reverse proxy**:
//! nginx, set up as `docs/operate.md` describes, reads the whole request and sends a new one, so none of the
//! following reaches this server.
//!
//! `tiny_http` 0.12 reads the rest of every body, even of a refused one, into as much memory as the head
//! announces: one huge `Content-Length` ends the process. It has no time limits and no limit on connections,
//! and each connection holds a thread for as long as the client keeps it open. When file handles run out, it
//! stops accepting.
//!
//! It also accepts requests that other servers refuse or read differently: two different `Content-Length` headers,
//! `Content-Length: +5`, `Transfer-Encoding: xchunked`. With a proxy that passes those on, a client can hide a request in
//! another one's body.

use std::error::Error;
use std::io::{Cursor, Read};
use std::sync::Arc;
use std::thread;

use example_support::start;
use im_group_full::{GroupFullHandler, Rejection, Reply, handle_request, handler_fn};
use tiny_http::{Header, Request, Response, Server};

const THREADS: usize = 8;

/// The glue between `tiny_http`'s types and the crate, for a request.
fn answer(request: &mut Request, handler: &impl GroupFullHandler) -> Reply {
    let method = request.method().as_str().to_owned();
    let query = request.url().split_once('?').unwrap_or_default().1.to_owned();
    let read = |most: usize| {
        let mut body = Vec::new();
        let read = request.as_reader().take(most as u64).read_to_end(&mut body);
        read.map(|_| body).map_err(|_| Rejection::incomplete_body())
    };
    handle_request(&method, &query, read, handler)
}

/// The same for its answer.
fn response(reply: &Reply) -> Response<Cursor<Vec<u8>>> {
    let headers = reply.headers().filter_map(|(name, value)| Header::from_bytes(name, value).ok());
    headers.fold(Response::from_data(reply.body()).with_status_code(reply.status().as_u16()), Response::with_header)
}

fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let (listener, validator) = start()?;
    listener.set_nonblocking(false)?;
    let handler = handler_fn(validator, |event| {
        println!("{:?} is full", event.group_id());
        Ok(())
    })
    .when_rejected(|rejection| eprintln!("rejected: {rejection}"))
    .when_failed(|event, failure| eprintln!("lost {:?}: {failure:#}", event.id()));
    let (server, handler) = (Arc::new(Server::from_listener(listener, None)?), Arc::new(handler));
    let work = move || {
        loop {
            let mut request = server.recv()?;
            let reply = answer(&mut request, &*handler);
            // If this fails, the client has gone.
            let _ = request.respond(response(&reply));
        }
    };
    let threads: Vec<thread::JoinHandle<std::io::Result<()>>> =
        (0..THREADS).map(|_| thread::spawn(work.clone())).collect();
    for thread in threads {
        // A thread ends only when the server stops accepting. Then this program ends too, so that it can be
        // restarted.
        thread.join().map_err(|_| "a thread panicked")??;
    }
    Ok(())
}
