//! Plays the vendor's servers against a URL. `im-group-full-probe --help` explains the flags.

mod table;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use example_support::flags::Tokens;
use example_support::vendor::{Diagnosis, Outcome, Sender, Target, play, unix_seconds};
use example_support::{Source, TOKEN_VARIABLE};
use im_group_full::SdkAppId;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

/// Sends a URL what the vendor sends and what an attacker would send, and checks every answer
///
/// The app works on the valid requests: do not aim it at production.
///
/// Exit code 0: every answer is right; 1: an answer is wrong; 2: it could not run.
#[derive(Parser)]
#[command(
    after_help = "Environment:\n  IM_CALLBACK_TOKEN  The token of webhook authentication, as the console shows it"
)]
struct Options {
    /// Where the callback is mounted, such as <http://127.0.0.1:8080/im/callback>
    url: String,
    /// The app's SDKAppID, as the vendor's console shows it
    #[arg(long, env = "IM_SDK_APP_ID", default_value = "888888")]
    sdk_app_id: SdkAppId,
    #[command(flatten)]
    tokens: Tokens,
    /// PEM file with a certificate to trust, for https
    #[arg(long, value_name = "FILE")]
    cacert: Option<PathBuf>,
    /// Seconds to wait for an answer, at least the vendor's 2
    #[arg(long, default_value = "2", value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(2..))]
    patience: u32,
    /// Print JSON, for machines
    #[arg(long)]
    json: bool,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let options = Options::parse();
    let (outcomes, diagnosis) = match run(&options).await {
        Ok(result) => result,
        Err(message) => {
            eprintln!("probe: {message}");
            return ExitCode::from(2);
        }
    };
    let passed = outcomes.iter().filter(|outcome| outcome.passed).count();
    let mut out = std::io::stdout();
    // If the reader has gone, the exit code still has the result.
    let _ = if options.json {
        let report = json!({ "url": options.url, "cases": outcomes, "passed": passed, "diagnosis": diagnosis });
        writeln!(out, "{report:#}")
    } else {
        table::print(&mut out, &outcomes, passed, diagnosis)
    };
    ExitCode::from(u8::from(passed < outcomes.len()))
}

/// Returns what came of the cases, and why nothing else was tried if the first callback was refused.
async fn run(options: &Options) -> Result<(Vec<Outcome>, Option<&'static str>), String> {
    let mut tokens = options.tokens.read()?;
    match options.tokens.source() {
        None => eprintln!("no token: wrong and stale signatures are left out"),
        Some(source) if tokens.len() > 1 => {
            let used = match source {
                Source::File(path) => path.display().to_string(),
                _ => TOKEN_VARIABLE.to_owned(),
            };
            eprintln!("{} tokens are given: signing with that of {used}", tokens.len());
        }
        Some(_) => (),
    }
    let token = if tokens.is_empty() { None } else { Some(tokens.swap_remove(0)) };
    let has_token = token.is_some();
    let target = Target::new(&options.url, options.cacert.as_deref())?;
    let patience = Duration::from_secs(options.patience.into());
    let cases = Sender { sdk_app_id: options.sdk_app_id, token, now: unix_seconds() }.cases();

    let (mut kept, mut outcomes) = (None, Vec::new());
    // Draws only on a terminal.
    let style = ProgressStyle::with_template("{pos}/{len} {msg}").map_err(|error| error.to_string())?;
    let progress = ProgressBar::new(cases.len() as u64).with_style(style);
    for case in &cases {
        progress.set_message(case.name);
        let outcome = play(&target, &mut kept, case, patience).await?;
        progress.inc(1);
        // If a genuine callback is refused, the other cases would only repeat that.
        if outcomes.is_empty() && !outcome.passed {
            progress.finish_and_clear();
            let diagnosis = Some(Diagnosis::of(&outcome, has_token).sentence());
            return Ok((vec![outcome], diagnosis));
        }
        outcomes.push(outcome);
    }
    progress.finish_and_clear();
    Ok((outcomes, None))
}
