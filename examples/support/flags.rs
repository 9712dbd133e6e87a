//! The flags that the example servers share, and what they say when they start.
#![allow(dead_code, reason = "each example uses a part of it")]

use std::env;
use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use im_group_full::testing::Callback;
use im_group_full::{SdkAppId, Token, Validator};

#[allow(unused_imports, reason = "each example uses a part of it")]
pub(crate) use self::log::{log, say};

#[path = "log.rs"]
mod log;

/// Where the examples expect the callback.
pub(crate) const PATH: &str = "/im/callback";

const TOKEN_VARIABLE: &str = "IM_CALLBACK_TOKEN";

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Environment:\n  IM_CALLBACK_TOKEN  The token of webhook authentication, as the console shows it"
)]
pub(crate) struct Flags {
    /// Address to listen on; port 0 takes any free one
    #[arg(long, default_value = "127.0.0.1:8080")]
    pub(crate) address: SocketAddr,
    /// The app's SDKAppID, as the vendor's console shows it
    #[arg(long, default_value = "888888")]
    pub(crate) sdk_app_id: SdkAppId,
    #[command(flatten)]
    pub(crate) tokens: Tokens,
}

/// Never a token as a flag's value: process lists are public.
#[derive(Debug, clap::Args)]
pub(crate) struct Tokens {
    /// File that holds the token of webhook authentication; once more for a second one, during rotation
    #[arg(long, value_name = "FILE")]
    token_file: Vec<PathBuf>,
}

impl Flags {
    /// The validator, and the line to paste for trying it.
    pub(crate) fn validator(&self) -> Result<Validator, String> {
        let tokens = self.tokens.read()?;
        let mut tokens = tokens.into_iter();
        let validator = match tokens.next() {
            Some(token) => Validator::signed(self.sdk_app_id, token),
            None => Validator::unauthenticated(self.sdk_app_id),
        };
        Ok(tokens.fold(validator, Validator::also_accept))
    }

    /// Listens, and says where, and how to try it.
    pub(crate) fn listen(&self) -> Result<TcpListener, String> {
        self.listen_as("http", "")
    }

    /// The same for another scheme, with the flags that `curl` needs for it.
    pub(crate) fn listen_as(&self, scheme: &str, curl_flags: &str) -> Result<TcpListener, String> {
        let failed = |error| format!("cannot listen on {}: {error}", self.address);
        let listener = TcpListener::bind(self.address).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        self.announce(&format!("{scheme}://{address}{PATH}"), curl_flags)?;
        Ok(listener)
    }

    fn announce(&self, url: &str, curl_flags: &str) -> Result<(), String> {
        say(format_args!("listening on {url} for SDKAppID {}", self.sdk_app_id));
        let mut callback = Callback::new(self.sdk_app_id);
        if let Some(token) = self.tokens.read()?.first() {
            callback = callback.signed(token, unix_seconds());
            say(format_args!("to try it, within the minute:"));
        } else {
            say(format_args!(
                "warning: no token, so anybody can forge a callback; set {TOKEN_VARIABLE} or --token-file"
            ));
            say(format_args!("to try it:"));
        }
        let (query, body) = (callback.raw_query(), String::from_utf8_lossy(&callback.raw_body()).into_owned());
        say(format_args!("  curl -sS -w '\\n' {curl_flags}-d '{body}' '{url}?{query}'"));
        Ok(())
    }
}

impl Tokens {
    /// Every token that is given: an empty one is a mistake, and not the wish to have none.
    pub(crate) fn read(&self) -> Result<Vec<Token>, String> {
        let mut tokens = Vec::new();
        if let Some(token) = env::var_os(TOKEN_VARIABLE) {
            let token = Token::new(token.as_encoded_bytes());
            tokens.push(token.map_err(|error| format!("{TOKEN_VARIABLE}: {error}"))?);
        }
        for path in &self.token_file {
            let bytes = fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
            let token = Token::new(bytes.trim_ascii());
            tokens.push(token.map_err(|error| format!("{}: {error}", path.display()))?);
        }
        Ok(tokens)
    }
}

pub(crate) fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs())
}
