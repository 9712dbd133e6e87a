//! The flags of the server and the probe.

use std::env;
use std::fs;
use std::path::PathBuf;

use im_group_full::{SdkAppId, Token, Validator};

use crate::{Source, TOKEN_VARIABLE};

/// No flag takes a token as its value, because process lists are public.
#[derive(Debug, clap::Args)]
pub struct Tokens {
    /// File with the webhook authentication token; repeat it for a second token during rotation
    #[arg(long, value_name = "FILE")]
    pub token_file: Vec<PathBuf>,
}

impl Tokens {
    /// Reads all given tokens. An empty one is an error, not "no token".
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

    /// Returns the source of the first token: the environment comes before files.
    pub fn source(&self) -> Option<Source<'_>> {
        let variable = env::var_os(TOKEN_VARIABLE).map(|_| Source::Variable);
        variable.or_else(|| self.token_file.first().map(|path| Source::File(path)))
    }
}
