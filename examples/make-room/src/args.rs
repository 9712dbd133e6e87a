use std::io;
use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use example_support::TOKEN_VARIABLE;
use example_support::flags::Flags;
use im_group_full::rest::{Endpoint, InactivityPolicy, SecretKey};

/// Receives the callback that a group is full, and removes its most inactive members
///
/// Without --region, it shows the whole story in this process, against a stand-in for the vendor's servers.
#[derive(Debug, Parser)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) flags: Flags,
    /// The app's region (china, singapore, seoul, tokyo, frankfurt, silicon-valley, jakarta), or another host as a URL
    ///
    /// With it, it waits for callbacks until it is stopped. Then it needs a token, because otherwise anybody could make it
    /// remove members.
    /// The secret key comes from the environment variable `IM_SECRET_KEY` or from --secret-key-file, never from a flag,
    /// because every user of the machine can read those.
    #[arg(long, requires = "sdk_app_id", requires = "admin")]
    pub(crate) region: Option<Endpoint>,
    /// An account that the vendor's console lists as an admin of the app
    #[arg(long)]
    pub(crate) admin: Option<String>,
    /// A file with the secret key of the app, instead of `IM_SECRET_KEY`
    #[arg(long, value_name = "FILE")]
    secret_key_file: Option<PathBuf>,
    /// How many days of silence make a member inactive
    #[arg(long, value_name = "DAYS", default_value_t = 90)]
    inactive_days: u32,
    /// How many slots should be free afterwards
    #[arg(long, value_name = "SLOTS", default_value_t = 20)]
    free: u32,
    /// An account that is never removed; can be repeated
    #[arg(long, value_name = "ACCOUNT")]
    protect: Vec<String>,
    /// Count silence also where the vendor does not show that it means anything, as in a Community
    #[arg(long)]
    trust_silence: bool,
    /// Show who would be removed, and remove nobody
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// How many connections may be open
    #[arg(long, value_name = "CONNECTIONS", default_value = "128")]
    pub(crate) max_connections: usize,
}

impl Args {
    pub(crate) fn policy(&self) -> InactivityPolicy {
        let inactive_for = Duration::from_secs(u64::from(self.inactive_days) * 24 * 60 * 60);
        let policy = InactivityPolicy::new(inactive_for, self.free);
        let policy = if self.trust_silence { policy.trust_silence() } else { policy };
        self.protect.iter().fold(policy, InactivityPolicy::protect)
    }

    pub(crate) fn secret_key(&self) -> Result<SecretKey, Box<dyn std::error::Error>> {
        let text = match &self.secret_key_file {
            Some(path) => std::fs::read_to_string(path)
                .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))?,
            None => std::env::var("IM_SECRET_KEY")
                .map_err(|_| "IM_SECRET_KEY is not set, and there is no --secret-key-file")?,
        };
        Ok(SecretKey::new(text.trim())?)
    }

    /// Fails without a token: a forged callback would remove members.
    pub(crate) fn needs_token(&self) -> Result<(), String> {
        match self.flags.tokens.source() {
            Some(_) => Ok(()),
            None => {
                Err(format!("no token, so anybody could have members removed: set {TOKEN_VARIABLE} or --token-file"))
            }
        }
    }
}
