//! The environment variables of the small servers, and what they print at the start.

use std::env::{self, VarError};
use std::net::{SocketAddr, TcpListener};

use im_group_full::{SdkAppId, Token, Validator};

use crate::{PATH, Source, TOKEN_VARIABLE, curl, made_up_token, say};

/// Listens, and prints the address and a line to try it. Returns the listener and the validator.
///
/// The environment has `IM_CALLBACK_ADDRESS` (default `127.0.0.1:8080`), `IM_SDK_APP_ID` (default 888888) and
/// `IM_CALLBACK_TOKEN`. Without a token, it makes one up for the run, because a server without one believes everyone.
pub fn start() -> Result<(TcpListener, Validator), String> {
    let address = variable("IM_CALLBACK_ADDRESS")?.unwrap_or_else(|| "127.0.0.1:8080".into());
    let address: SocketAddr = address.parse().map_err(|error| format!("IM_CALLBACK_ADDRESS: {error}"))?;
    let app = variable("IM_SDK_APP_ID")?.unwrap_or_else(|| "888888".into());
    let app: SdkAppId = app.parse().map_err(|error| format!("IM_SDK_APP_ID: {error}"))?;
    let given = variable(TOKEN_VARIABLE)?;
    let token = given.clone().unwrap_or_else(made_up_token);
    let signing = Token::new(&token).map_err(|error| format!("{TOKEN_VARIABLE}: {error}"))?;

    let failed = |error| format!("cannot listen on {address}: {error}");
    let listener = TcpListener::bind(address).map_err(failed)?;
    // tokio requires this. `tiny_http` needs the opposite and resets it.
    listener.set_nonblocking(true).map_err(failed)?;
    let url = format!("http://{}{PATH}", listener.local_addr().map_err(failed)?);
    say(format_args!("listening on {url} for SDKAppID {app}"));
    let source = if given.is_some() {
        say(format_args!("try it in another shell, with the same {TOKEN_VARIABLE}:"));
        Source::Variable
    } else {
        say(format_args!("{TOKEN_VARIABLE} is not set; the token of this run is {token}\ntry it:"));
        Source::MadeUp(&token)
    };
    say(format_args!("  {}", curl(&url, app, Some(source), "")));
    Ok((listener, Validator::signed(app, signing)))
}

/// Reads an environment variable. A value that is not text is an error.
fn variable(name: &str) -> Result<Option<String>, String> {
    match env::var(name) {
        Ok(value) => Ok(Some(value)),
        Err(VarError::NotPresent) => Ok(None),
        Err(error) => Err(format!("{name}: {error}")),
    }
}
