//! A callback server on hyper alone, without a router: it takes the callback on any path.
//!
//! It sets time limits for heads and bodies, but no limit on connections. A client that opens enough of them
//! uses up the file handles, and nobody can connect until some close. So run this behind a reverse proxy, as
//! `docs/operate.md` describes.

use std::error::Error;
use std::time::Duration;

use example_support::start;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use im_group_full::http::StatusCode;
use im_group_full::{CALLBACK_TIMEOUT, GroupFullService, Immediate, handler_fn};
use tokio::net::TcpListener;
use tower_http::timeout::Timeout;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let (listener, validator) = start()?;
    let handler = handler_fn(validator, |event| {
        println!("{:?} is full", event.group_id());
        Ok(())
    })
    .when_rejected(|rejection| eprintln!("rejected: {rejection}"))
    .when_failed(|event, failure| eprintln!("lost {:?}: {failure:#}", event.id()));
    let service = GroupFullService::new(Immediate(handler));
    // A client that sends its body more slowly is not the vendor, or no longer waits.
    let service = Timeout::with_status_code(service, StatusCode::REQUEST_TIMEOUT, CALLBACK_TIMEOUT);

    let mut http = http1::Builder::new();
    // A client may half-close the connection after its request, and still wait for the answer.
    http.timer(TokioTimer::new()).header_read_timeout(Duration::from_secs(60)).half_close(true);
    let listener = TcpListener::from_std(listener)?;
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let service = TowerToHyperService::new(service.clone());
                // It fails only if the client has gone.
                tokio::spawn(http.serve_connection(TokioIo::new(stream), service));
            }
            Err(error) => {
                eprintln!("accepting: {error}");
                // For example, no file handles are left. Some will become free.
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }
}
