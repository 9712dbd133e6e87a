//! A callback server on actix-web, which has HTTP types of its own.

use std::process::ExitCode;

use actix_web::http::StatusCode;
use actix_web::web::{self, Data, Payload};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use clap::Parser;
use futures_util::StreamExt;
use im_group_full::{Failure, GroupFull, GroupFullHandler, Rejection, Reply, Validator, handle_request};

use crate::flags::{Flags, PATH, log};

#[path = "../../support/flags.rs"]
mod flags;

/// Receives Group.CallbackAfterGroupFull over HTTP.
#[derive(Parser)]
struct Options {
    #[command(flatten)]
    flags: Flags,
}

struct Rooms {
    validator: Validator,
}

impl GroupFullHandler for Rooms {
    fn validator(&self) -> &Validator {
        &self.validator
    }

    fn on_group_full(&self, event: &GroupFull<'_>) -> Result<(), Failure> {
        log(format_args!("accepted {:?}", event.group_id()));
        Ok(())
    }
}

/// Takes the payload as it comes: `web::Json` would insist on a `Content-Type`, which the vendor's sample lacks.
async fn callback(request: HttpRequest, payload: Payload, rooms: Data<Rooms>) -> HttpResponse {
    let reply = answer(&request, payload, &rooms).await;
    let status = StatusCode::from_u16(reply.status().as_u16()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = HttpResponse::build(status);
    for header in reply.headers() {
        response.insert_header(header);
    }
    response.body(reply.body().into_owned())
}

/// A payload of actix-web cannot leave its thread, so it is not for `handle_request_async`. It is read first, and only
/// if the query has passed.
async fn answer(request: &HttpRequest, payload: Payload, rooms: &Rooms) -> Reply {
    let (method, query) = (request.method().as_str(), request.query_string());
    let body = match rooms.validator.check_query(query, rooms.now()) {
        Ok(checked) if method == "POST" => read(payload, checked.body_limit()).await,
        _ => Ok(Vec::new()),
    };
    handle_request(method, query, |_| body, rooms)
}

async fn read(mut payload: Payload, limit: usize) -> Result<Vec<u8>, Rejection> {
    let mut body = Vec::new();
    while let Some(chunk) = payload.next().await {
        body.extend_from_slice(&chunk.map_err(|_| Rejection::incomplete_body())?);
        if body.len() > limit {
            return Err(Rejection::body_too_large());
        }
    }
    Ok(body)
}

fn main() -> ExitCode {
    match run(&Options::parse().flags) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("actix: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(flags: &Flags) -> Result<(), Box<dyn std::error::Error>> {
    let rooms = Data::new(Rooms { validator: flags.validator()? });
    let app = move || App::new().app_data(rooms.clone()).route(PATH, web::route().to(callback));
    let server = HttpServer::new(app).listen(flags.listen()?)?;
    actix_web::rt::System::new().block_on(server.run())?;
    Ok(())
}
