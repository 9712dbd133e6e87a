//! The callback as a function, for serverless runtimes.
//!
//! Started by AWS Lambda, behind an HTTP API or a function URL, it speaks the runtime's own protocol through `lambda_http`.
//! Elsewhere it reads one event a line from its input and prints one response a line, which is what is left when a
//! runtime's library has done its part; `event` shows what differs between gateways.

mod event;

use std::io::{self, BufRead, Read, Write};
use std::process::ExitCode;

use clap::Parser;
use example_support::flags::Tokens;
use im_group_full::{GroupFullHandler, SdkAppId, handle_http, handler_fn};
use lambda_http::{Body, Request, Response, service_fn};

use crate::event::{Answer, answer};

/// Longer than any event of a gateway.
const MAX_LINE: u64 = 16 * 1024 * 1024;

const HELP: &str = r#"
An event is one line; what a gateway does not send may be missing:
  {"method": "POST", "rawQueryString": "SdkAppid=…&CallbackCommand=…", "body": "{…}", "isBase64Encoded": false}
The method may also be "httpMethod" or "requestContext": {"http": {"method": …}}.

Where there is no rawQueryString, the query is taken from a map of decoded parameters: "queryString",
"queryStringParameters" or "queryParameters". This works, because the signature covers the time alone. But
such a map hides a parameter that came twice, which is refused otherwise.

A response is one line, too:
  {"statusCode": 200, "headers": {"Content-Type": "application/json"}, "body": "{…}", "isBase64Encoded": false}

Environment:
  IM_CALLBACK_TOKEN       The token of webhook authentication, as the console shows it
  AWS_LAMBDA_RUNTIME_API  Set by AWS Lambda: events come from there"#;

/// Answers Group.CallbackAfterGroupFull as a function: in AWS Lambda, or one event a line
#[derive(Parser)]
#[command(after_help = HELP.trim_start())]
struct Options {
    /// The app's SDKAppID, as the vendor's console shows it
    #[arg(long, env = "IM_SDK_APP_ID", default_value = "888888")]
    sdk_app_id: SdkAppId,
    #[command(flatten)]
    tokens: Tokens,
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("serverless: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let validator = options.tokens.validator(options.sdk_app_id)?;
    if !validator.requires_signature() {
        eprintln!("warning: no token, so anybody can forge a callback; set IM_CALLBACK_TOKEN or --token-file");
    }
    let handler = handler_fn(validator, |event| {
        eprintln!("accepted {:?}", event.group_id());
        Ok(())
    });
    if std::env::var_os("AWS_LAMBDA_RUNTIME_API").is_some() { in_lambda(&handler) } else { Ok(by_lines(&handler)?) }
}

#[tokio::main(flavor = "current_thread")]
async fn in_lambda(handler: &impl GroupFullHandler) -> Result<(), lambda_http::Error> {
    // `Request` has the raw query, and a body that is decoded already.
    let function = |request: Request| async move {
        let (head, body) = handle_http(&request, handler).into_parts();
        Ok::<_, std::convert::Infallible>(Response::from_parts(head, Body::from(body.into_owned())))
    };
    lambda_http::run(service_fn(function)).await
}

fn by_lines(handler: &impl GroupFullHandler) -> io::Result<()> {
    let mut input = io::stdin().lock();
    loop {
        let mut line = Vec::new();
        let read = (&mut input).take(MAX_LINE).read_until(b'\n', &mut line)?;
        if read == 0 {
            return Ok(());
        }
        let answer = if read as u64 == MAX_LINE && !line.ends_with(b"\n") {
            input.skip_until(b'\n')?;
            Answer::malformed("event: too long")
        } else if line.trim_ascii().is_empty() {
            continue;
        } else {
            answer(&line, handler)
        };
        let mut output = io::stdout().lock();
        serde_json::to_writer(&mut output, &answer)?;
        output.write_all(b"\n")?;
        output.flush()?;
    }
}
