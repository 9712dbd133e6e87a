//! Plays the vendor's servers against a URL. `cargo run --example probe -- --help` explains the flags.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use im_group_full::SdkAppId;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use crate::flags::Tokens;
use crate::vendor::{Outcome, Sender, Target, Unreachable, play};

#[path = "support/flags.rs"]
mod flags;
#[path = "support/vendor/mod.rs"]
mod vendor;

/// Plays the vendor's servers, and those who pretend to be them, against a URL.
///
/// Exit code 0: every answer is as it should be; 1: one differs; 2: the URL cannot be reached.
#[derive(Parser)]
#[command(
    after_help = "Environment:\n  IM_CALLBACK_TOKEN  The token of webhook authentication, as the console shows it"
)]
struct Options {
    /// Where the callback is mounted, such as <http://127.0.0.1:8080/im/callback>
    url: String,
    /// The app's SDKAppID, as the vendor's console shows it
    #[arg(long, default_value = "888888")]
    sdk_app_id: SdkAppId,
    #[command(flatten)]
    tokens: Tokens,
    /// PEM file with a certificate to trust, for https
    #[arg(long, value_name = "FILE")]
    cacert: Option<PathBuf>,
    /// Seconds to wait for an answer; the vendor waits 2
    #[arg(long, default_value = "2", value_name = "SECONDS")]
    patience: u32,
    /// Print JSON, for machines
    #[arg(long)]
    json: bool,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let options = Options::parse();
    let result = run(&options).await;
    let mut out = std::io::stdout();
    match result {
        Ok(outcomes) => {
            let passed = outcomes.iter().filter(|outcome| outcome.passed).count();
            // Whoever reads it may have gone: the exit code still tells.
            let _ = if options.json {
                let report = json!({ "url": options.url, "cases": outcomes, "passed": passed });
                writeln!(out, "{report:#}")
            } else {
                print_table(&mut out, &outcomes, passed)
            };
            ExitCode::from(u8::from(passed < outcomes.len()))
        }
        Err(message) => {
            eprintln!("probe: {message}");
            ExitCode::from(2)
        }
    }
}

async fn run(options: &Options) -> Result<Vec<Outcome>, String> {
    let token = options.tokens.read()?.into_iter().next();
    if token.is_none() {
        eprintln!("no token: the forged and stale signatures are left out");
    }
    let target = Target::new(&options.url, options.cacert.as_deref()).map_err(|error| error.to_string())?;
    let patience = Duration::from_secs(options.patience.into());
    let sender = Sender { sdk_app_id: options.sdk_app_id, token, now: flags::unix_seconds() };
    let unreachable = |error: Unreachable| error.to_string();

    let cases = sender.cases();
    let mut outcomes = Vec::new();
    // Draws on a terminal only.
    let style = ProgressStyle::with_template("{pos}/{len} {msg}").map_err(|error| error.to_string())?;
    let progress = ProgressBar::new(cases.len() as u64).with_style(style);
    for case in &cases {
        progress.set_message(case.name);
        outcomes.push(play(&target, case, patience).await.map_err(unreachable)?);
        progress.inc(1);
    }
    progress.finish_and_clear();
    Ok(outcomes)
}

fn print_table(out: &mut impl Write, outcomes: &[Outcome], passed: usize) -> std::io::Result<()> {
    let colourful = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let width = outcomes.iter().map(|outcome| outcome.case.len()).max().unwrap_or_default();
    writeln!(out, "{:width$}  {:8}  {:8}  {:>7}", "case", "expected", "got", "time")?;
    for Outcome { case, expected, got, milliseconds, passed } in outcomes {
        let (on, off) = match (colourful, passed) {
            (false, _) => ("", ""),
            (true, true) => ("\x1b[32m", "\x1b[0m"),
            (true, false) => ("\x1b[31m", "\x1b[0m"),
        };
        let mark = if *passed { "" } else { "  differs" };
        writeln!(out, "{case:width$}  {expected:8}  {on}{got:8}{off}  {milliseconds:4} ms{on}{mark}{off}")?;
    }
    writeln!(out, "{passed} of {} as they should be", outcomes.len())
}
