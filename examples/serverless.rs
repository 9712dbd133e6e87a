//! The callback as a plain function, for a serverless runtime: strings in, a status and a string out.
//!
//! The function is `callback`. Around it this program plays the runtime: it takes one event a line on its input, in
//! the shape of an HTTP gateway's (`{"method":"POST","rawQueryString":"…","body":"…"}`), and prints one response a
//! line. Give the function the query as it was sent: a gateway's map of decoded parameters hides one that came twice.

use std::io::{BufRead, Write};
use std::process::ExitCode;

use clap::Parser;
use im_group_full::{GroupFullHandler, handle_request, handler_fn};
use serde::{Deserialize, Serialize};

use crate::flags::Flags;

#[path = "support/flags.rs"]
mod flags;

/// Answers one event a line from the standard input; --address is of no use here.
#[derive(Parser)]
struct Options {
    #[command(flatten)]
    flags: Flags,
}

fn callback(method: &str, query: &str, body: &str, handler: &impl GroupFullHandler) -> (u16, String) {
    let reply = handle_request(method, query, |_| Ok(body), handler);
    (reply.status().as_u16(), String::from_utf8_lossy(&reply.body()).into_owned())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    method: String,
    raw_query_string: String,
    body: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Response {
    status_code: u16,
    body: String,
}

fn main() -> ExitCode {
    match run(&Options::parse().flags) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("serverless: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(flags: &Flags) -> Result<(), Box<dyn std::error::Error>> {
    let handler = handler_fn(flags.validator()?, |event| {
        eprintln!("accepted {:?}", event.group_id());
        Ok(())
    });
    for line in std::io::stdin().lock().lines() {
        let Event { method, raw_query_string, body } = serde_json::from_str(&line?)?;
        let (status_code, body) = callback(&method, &raw_query_string, &body, &handler);
        writeln!(std::io::stdout(), "{}", serde_json::to_string(&Response { status_code, body })?)?;
    }
    Ok(())
}
