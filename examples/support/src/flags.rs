//! The flags that the example servers share, and what they say when they start.

use std::env;
use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;

use im_group_full::{SdkAppId, Token, Validator};

pub use crate::{PATH, say};
use crate::{Source, TOKEN_VARIABLE, curl};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Environment:\n  IM_CALLBACK_TOKEN  The token of webhook authentication, as the console shows it"
)]
pub struct Flags {
    /// Address to listen on; port 0 means any free port
    #[arg(long, default_value = "127.0.0.1:8080")]
    pub address: SocketAddr,
    /// The app's SDKAppID, as the vendor's console shows it
    #[arg(long, env = "IM_SDK_APP_ID", default_value = "888888")]
    pub sdk_app_id: SdkAppId,
    #[command(flatten)]
    pub tokens: Tokens,
}

/// No flag takes a token as its value, because process lists are public.
#[derive(Debug, clap::Args)]
pub struct Tokens {
    /// File with the webhook authentication token; repeat it for a second token during rotation
    #[arg(long, value_name = "FILE")]
    pub token_file: Vec<PathBuf>,
}

impl Flags {
    /// Returns the validator.
    pub fn validator(&self) -> Result<Validator, String> {
        self.tokens.validator(self.sdk_app_id)
    }

    /// Listens, and says where, and how to try it.
    pub fn listen(&self) -> Result<TcpListener, String> {
        self.listen_as("http", "")
    }

    /// Does the same for another scheme, with the flags that `curl` needs for it.
    pub fn listen_as(&self, scheme: &str, curl_flags: &str) -> Result<TcpListener, String> {
        let failed = |error| format!("cannot listen on {}: {error}", self.address);
        let listener = TcpListener::bind(self.address).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        self.announce(&format!("{scheme}://{address}{PATH}"), curl_flags);
        Ok(listener)
    }

    fn announce(&self, url: &str, curl_flags: &str) {
        say(format_args!("listening on {url} for SDKAppID {}", self.sdk_app_id));
        let source = self.tokens.source();
        match source {
            None => say(format_args!(
                "warning: no token, so anybody can forge a callback; set {TOKEN_VARIABLE} or --token-file\nto try it:"
            )),
            Some(Source::Variable) => say(format_args!("to try it in another shell, with the same {TOKEN_VARIABLE}:")),
            Some(_) => say(format_args!("to try it:")),
        }
        say(format_args!("  {}", curl(url, self.sdk_app_id, source, curl_flags)));
    }
}

impl Tokens {
    /// Reads all given tokens. An empty one is an error, and does not mean "no token".
    pub fn read(&self) -> Result<Vec<Token>, String> {
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

    /// Returns the validator for an app with these tokens.
    pub fn validator(&self, sdk_app_id: SdkAppId) -> Result<Validator, String> {
        let mut tokens = self.read()?.into_iter();
        let validator = match tokens.next() {
            Some(token) => Validator::signed(sdk_app_id, token),
            None => Validator::unauthenticated(sdk_app_id),
        };
        Ok(tokens.fold(validator, Validator::also_accept))
    }

    /// Returns where the first token comes from: that of the environment goes before those of files.
    pub fn source(&self) -> Option<Source<'_>> {
        let variable = env::var_os(TOKEN_VARIABLE).map(|_| Source::Variable);
        variable.or_else(|| self.token_file.first().map(|path| Source::File(path)))
    }
}
