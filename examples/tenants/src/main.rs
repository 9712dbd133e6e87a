//! Several apps on one URL, with their tokens in a database.
//!
//! The app that a callback claims is looked up first, and then everything is checked with the tokens of that app. So every
//! stranger costs a look-up: with a database on another machine, keep what it says for a few seconds. An app has as many
//! tokens as it has rows. To rotate one while this runs: insert the new token, change it in the vendor's
//! console, and delete the old one ten minutes later.
//!
//! ```sql
//! INSERT INTO callback_token (sdk_app_id, token) VALUES (1400000001, '…');
//! ```

mod tenants;

use std::error::Error;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::ExitCode;

use axum::Router;
use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use clap::Parser;
use example_support::connections::Connections;
use example_support::serve::{interrupted, plain, serve};
use example_support::{PATH, Source, TOKEN_VARIABLE, curl, log, made_up_token, say};
use http_body_util::LengthLimitError;
use im_group_full::{
    CALLBACK_TIMEOUT, CallbackQuery, Immediate, Rejection, Reply, SdkAppId, handle_request_async, handler_fn,
};
use tower_http::timeout::TimeoutLayer;

use crate::tenants::Tenants;

/// Receives Group.CallbackAfterGroupFull for several apps
#[derive(Parser)]
#[command(after_help = "Environment:\n  IM_CALLBACK_TOKEN  A token for --sdk-app-id, which is added to the database")]
struct Options {
    /// Address to listen on; port 0 means any free port
    #[arg(long, default_value = "127.0.0.1:8080")]
    address: SocketAddr,
    /// `SQLite` database with the tokens (default: a temporary file)
    #[arg(long, value_name = "FILE")]
    database: Option<PathBuf>,
    /// An app that is in the database from the start
    #[arg(long, env = "IM_SDK_APP_ID", default_value = "888888")]
    sdk_app_id: SdkAppId,
    /// How many connections may be open
    #[arg(long, value_name = "CONNECTIONS", default_value = "128")]
    max_connections: usize,
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tenants: {error}");
            ExitCode::FAILURE
        }
    }
}

#[tokio::main]
async fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let given = std::env::var(TOKEN_VARIABLE).ok();
    // Removed when it goes out of scope.
    let temporary = tempfile::Builder::new().prefix("tenants-").suffix(".sqlite").tempfile()?;
    let tenants = Tenants::open(options.database.as_deref().unwrap_or(temporary.path())).await?;
    let made_up = (given.is_none() && options.database.is_none()).then(made_up_token);
    if let Some(token) = given.as_deref().or(made_up.as_deref()) {
        tenants.add(options.sdk_app_id, token).await?;
    }

    let listener = TcpListener::bind(options.address).map_err(|error| format!("{}: {error}", options.address))?;
    let url = format!("http://{}{PATH}", listener.local_addr()?);
    say(format_args!("listening on {url} for the apps of the database"));
    let source = given.is_some().then_some(Source::Variable).or(made_up.as_deref().map(Source::MadeUp));
    if source.is_some() {
        say(format_args!("to try it:\n  {}", curl(&url, options.sdk_app_id, source, "")));
    }
    let (_guard, _dropped) = log::init(log::LevelFilter::INFO);
    let app = Router::new()
        .route(PATH, any(callback))
        // A client that sends slower than that is not the vendor, or is not waiting any more.
        .layer(TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, CALLBACK_TIMEOUT))
        .with_state(tenants);
    serve(listener, Connections::new(options.max_connections), plain, app, interrupted()).await?;
    Ok(())
}

async fn callback(
    State(tenants): State<Tenants>,
    method: Method,
    RawQuery(query): RawQuery,
    body: Body,
) -> Response<Body> {
    let query = query.unwrap_or_default();
    match answer(&tenants, method.as_str(), &query, body).await {
        Ok(reply) => reply.into(),
        // Nobody's fault but ours. The vendor counts it as failed, and lets every user act: a reply with a code would
        // block those of a `...Before...` command.
        Err(error) => {
            tracing::error!("look-up failed: {error}");
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
    }
}

async fn answer(tenants: &Tenants, method: &str, query: &str, body: Body) -> Result<Reply, tenants::Error> {
    // Nothing is known of the sender yet: this is the app that it claims to call.
    let app = match CallbackQuery::parse(query) {
        Ok(query) => query.sdk_app_id(),
        Err(rejection) => return Ok(rejected(rejection)),
    };
    let Some(validator) = tenants.validator(app).await? else { return Ok(rejected(Rejection::unknown_app(app))) };
    let handler = Immediate(handler_fn(validator, move |event| {
        tracing::info!(app = app.get(), group = event.group_id(), "accepted");
        Ok(())
    }));
    let read = |limit: usize| async move {
        axum::body::to_bytes(body, limit).await.map_err(|error| {
            let too_large = error.source().is_some_and(<dyn Error>::is::<LengthLimitError>);
            if too_large { Rejection::body_too_large() } else { Rejection::incomplete_body() }
        })
    };
    Ok(handle_request_async(method, query, read, &handler).await)
}

fn rejected(rejection: Rejection) -> Reply {
    tracing::warn!(kind = rejection.kind().as_str(), "refused: {rejection}");
    rejection.into()
}
