//! The callback in axum, in one command: `cargo run -p example-axum`.
//!
//! `axum::serve` sets no time limits for slow clients, so run this behind a reverse proxy that does, as
//! `docs/operate.md` describes. `example-server` shows a server with a table of full groups, metrics and a clean shutdown.

use std::error::Error;

use axum::Router;
use example_support::{PATH, start};
use im_group_full::{Failure, GroupFull, GroupFullService, Immediate, handler_fn};
use tokio::net::TcpListener;

/// Do slow work after the answer: the vendor gives up after two seconds.
#[expect(clippy::unnecessary_wraps, reason = "yours can fail")]
fn on_group_full(event: &GroupFull<'_>) -> Result<(), Failure> {
    println!("{:?} is full", event.group_id());
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let (listener, validator) = start()?;
    let handler = handler_fn(validator, on_group_full)
        .when_rejected(|rejection| eprintln!("rejected: {rejection}"))
        .when_failed(|event, failure| eprintln!("lost {:?}: {failure:#}", event.id()));
    let router = Router::new().route_service(PATH, GroupFullService::new(Immediate(handler)));
    axum::serve(TcpListener::from_std(listener)?, router).await?;
    Ok(())
}
