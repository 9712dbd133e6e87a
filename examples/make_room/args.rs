use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use im_group_full::SdkAppId;
use im_group_full::rest::{Endpoint, InactivityPolicy, SecretKey};

/// Receives the callback that a group is full, and removes its most inactive members.
///
/// Without --region, it shows the whole story in this process, against a stand-in for the vendor's servers.
#[derive(Debug, Parser)]
pub struct Args {
    /// The app's region (china, singapore, seoul, tokyo, frankfurt, silicon-valley, jakarta), or another host as a URL.
    ///
    /// Then it waits for callbacks until it is stopped. The secret key comes from the environment variable `IM_SECRET_KEY`
    /// or from --secret-key-file, never from a flag, because every user of the machine can read those.
    #[arg(long, requires = "sdk_app_id", requires = "admin")]
    pub region: Option<Endpoint>,
    /// The SDKAppID of the app.
    #[arg(long)]
    pub sdk_app_id: Option<SdkAppId>,
    /// An account that the vendor's console lists as an admin of the app.
    #[arg(long)]
    pub admin: Option<String>,
    /// A file with the secret key of the app, instead of `IM_SECRET_KEY`.
    #[arg(long)]
    pub secret_key_file: Option<PathBuf>,
    /// Where to receive callbacks; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:0")]
    pub listen: SocketAddr,
    /// How many days of silence make a member inactive.
    #[arg(long, default_value_t = 90)]
    pub inactive_days: u32,
    /// How many slots shall be free afterwards.
    #[arg(long, default_value_t = 20)]
    pub free: u32,
    /// An account that is never removed; may be given again.
    #[arg(long)]
    pub protect: Vec<String>,
    /// Shows who would go, and removes nobody.
    #[arg(long)]
    pub dry_run: bool,
}

impl Args {
    pub fn policy(&self) -> InactivityPolicy {
        let inactive_for = Duration::from_secs(u64::from(self.inactive_days) * 24 * 60 * 60);
        let policy = InactivityPolicy::new(inactive_for, self.free);
        self.protect.iter().fold(policy, InactivityPolicy::protect)
    }

    pub fn secret_key(&self) -> Result<SecretKey, Box<dyn std::error::Error>> {
        let text = match &self.secret_key_file {
            Some(path) => std::fs::read_to_string(path)
                .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))?,
            None => std::env::var("IM_SECRET_KEY")
                .map_err(|_| "IM_SECRET_KEY is not set, and there is no --secret-key-file")?,
        };
        Ok(SecretKey::new(text.trim())?)
    }
}
