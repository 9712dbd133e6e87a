//! The callback in axum, in one command: `cargo run -p example-axum`.
//!
//! `axum::serve` sets no time limits for slow clients, so run this behind a reverse proxy that does.
//! `example-server` shows a server that can stand alone.

use std::error::Error;
use std::net::SocketAddr;

use axum::Router;
use example_support::{Source, TOKEN_VARIABLE, curl, made_up_token};
use im_group_full::{Failure, GroupFull, GroupFullService, Immediate, SdkAppId, Token, Validator, handler_fn};
use tokio::net::TcpListener;

/// Hand slow work to a queue: the vendor gives up after two seconds.
#[expect(clippy::unnecessary_wraps, reason = "yours can fail")]
fn on_group_full(event: &GroupFull<'_>) -> Result<(), Failure> {
    println!("{:?} is full", event.group_id());
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let address = variable("IM_CALLBACK_ADDRESS")?.unwrap_or_else(|| "127.0.0.1:8080".into());
    let address: SocketAddr = address.parse().map_err(|error| format!("IM_CALLBACK_ADDRESS: {error}"))?;
    let app = variable("IM_SDK_APP_ID")?.unwrap_or_else(|| "888888".into());
    let app: SdkAppId = app.parse().map_err(|error| format!("IM_SDK_APP_ID: {error}"))?;
    let given = variable(TOKEN_VARIABLE)?;
    let token = given.clone().unwrap_or_else(made_up_token);

    let signing = Token::new(&token).map_err(|error| format!("{TOKEN_VARIABLE}: {error}"))?;
    let handler = handler_fn(Validator::signed(app, signing), on_group_full);
    let router = Router::new().route_service("/im/callback", GroupFullService::new(Immediate(handler)));

    let listener = TcpListener::bind(address).await?;
    let url = format!("http://{}/im/callback", listener.local_addr()?);
    println!("listening on {url} for SDKAppID {app}");
    let source = if given.is_some() {
        println!("try it in another shell, with the same {TOKEN_VARIABLE}:");
        Source::Variable
    } else {
        println!("{TOKEN_VARIABLE} is not set; the token of this run is {token}\ntry it:");
        Source::MadeUp(&token)
    };
    println!("  {}", curl(&url, app, Some(source), ""));
    axum::serve(listener, router).await?;
    Ok(())
}

/// Reads an environment variable. It is an error, and not absence, if its value is not text.
fn variable(name: &str) -> Result<Option<String>, Box<dyn Error>> {
    match std::env::var(name) {
        Ok(value) => Ok(Some(value)),
        Err(std::env::VarError::NotPresent) => Ok(None),
        Err(error) => Err(format!("{name}: {error}").into()),
    }
}
