//! A callback server on actix-web, which has HTTP types of its own.
//!
//! Its limit on connections makes the next ones wait, and none of those that are open gives way. So what holds one
//! without a valid callback may do so for a second or two only.

use std::process::ExitCode;
use std::time::Duration;

use actix_web::http::{KeepAlive, StatusCode};
use actix_web::web::{self, Data, Payload};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use clap::Parser;
use example_support::flags::{Flags, PATH};
use example_support::log;
use im_group_full::{Failure, GroupFull, GroupFullHandler, Rejection, Validator, handle_request};
use tokio::time::timeout;

/// How long a body may take: the vendor waits two seconds for the answer, and the next client for its turn.
const BODY: Duration = Duration::from_millis(1500);

/// Receives Group.CallbackAfterGroupFull over HTTP
#[derive(Parser)]
struct Options {
    #[command(flatten)]
    flags: Flags,
    /// How many connections may be open for each of the two workers
    #[arg(long, value_name = "CONNECTIONS", default_value = "100")]
    max_connections: usize,
}

struct Rooms {
    validator: Validator,
}

impl GroupFullHandler for Rooms {
    fn validator(&self) -> &Validator {
        &self.validator
    }

    fn on_group_full(&self, event: &GroupFull<'_>) -> Result<(), Failure> {
        tracing::info!(group = event.group_id(), "accepted");
        Ok(())
    }
}

/// The glue between actix-web's types and the crate. It takes the payload as it comes, because `web::Json` insists on a
/// `Content-Type`, which the vendor's sample lacks.
async fn callback(request: HttpRequest, payload: Payload, rooms: Data<Rooms>) -> HttpResponse {
    let (method, query) = (request.method().as_str(), request.query_string());
    // A payload cannot leave its thread, so it is not for `handle_request_async`. It is read first, and only if the query
    // has passed.
    let body = match rooms.validator.check_query(query, rooms.now()) {
        Ok(checked) if method == "POST" => match timeout(BODY, payload.to_bytes_limited(checked.body_limit())).await {
            Ok(Ok(Ok(body))) => Ok(body),
            Ok(Err(_)) => Err(Rejection::body_too_large()),
            Ok(Ok(Err(_))) | Err(_) => Err(Rejection::incomplete_body()),
        },
        _ => Ok(web::Bytes::new()),
    };
    let reply = handle_request(method, query, |_| body, &**rooms);
    let status = StatusCode::from_u16(reply.status().as_u16()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = HttpResponse::build(status);
    reply.headers().for_each(|header| _ = response.insert_header(header));
    // A stranger's connection is not kept.
    if reply.rejection().is_some() {
        response.force_close();
    }
    response.body(reply.body().into_owned())
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("actix: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), Box<dyn std::error::Error>> {
    let rooms = Data::new(Rooms { validator: options.flags.validator()? });
    let listener = options.flags.listen()?;
    let (_guard, _dropped) = log::init(log::LevelFilter::INFO);
    let app = move || App::new().app_data(rooms.clone()).route(PATH, web::route().to(callback));
    let server = HttpServer::new(app)
        .workers(2)
        .max_connections(options.max_connections)
        .client_request_timeout(Duration::from_secs(1))
        // Closes at once. With a time here, actix-http 3.19 waits for the rest of a body that never comes.
        .client_disconnect_timeout(Duration::ZERO)
        // For those that brought a callback; the vendor keeps its connections.
        .keep_alive(KeepAlive::Timeout(Duration::from_secs(60)))
        .shutdown_timeout(5)
        .listen(listener)?;
    // It ends by itself on Ctrl-C and SIGTERM.
    actix_web::rt::System::new().block_on(server.run())?;
    Ok(())
}
