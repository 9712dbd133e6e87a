//! A callback server on actix-web, which has HTTP types of its own.
//!
//! Its limit on connections makes new clients wait until an open connection ends, so idle clients can keep the vendor out.
//! Run this behind a reverse proxy, as `docs/operate.md` describes.

use std::error::Error;
use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::rt::System;
use actix_web::rt::time::timeout;
use actix_web::web::{self, Bytes, Data, Payload};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use example_support::{PATH, start};
use im_group_full::{CALLBACK_TIMEOUT, GroupFullHandler, Rejection, handle_request, handler_fn};

/// The glue between actix-web's types and the crate. It takes the raw payload, because `web::Json` requires a
/// `Content-Type`, which the vendor's sample lacks.
async fn callback(request: HttpRequest, payload: Payload, handler: Data<dyn GroupFullHandler>) -> HttpResponse {
    let (method, query) = (request.method().as_str(), request.query_string());
    // A payload is not `Send`, which `handle_request_async` requires. So the body is read first, and only if
    // the query is valid.
    let body = match handler.validator().check_query(query, handler.now()) {
        Ok(checked) if method == "POST" => {
            match timeout(CALLBACK_TIMEOUT, payload.to_bytes_limited(checked.body_limit())).await {
                Ok(Ok(Ok(body))) => Ok(body),
                Ok(Err(_)) => Err(Rejection::body_too_large()),
                Ok(Ok(Err(_))) | Err(_) => Err(Rejection::incomplete_body()),
            }
        }
        _ => Ok(Bytes::new()),
    };
    let reply = handle_request(method, query, |_| body, &**handler);
    let status = StatusCode::from_u16(reply.status().as_u16()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = HttpResponse::build(status);
    for header in reply.headers() {
        response.insert_header(header);
    }
    // Do not wait for the rest of an unread body.
    if reply.rejection().is_some() {
        response.force_close();
    }
    response.body(reply.body().into_owned())
}

fn main() -> Result<(), Box<dyn Error>> {
    let (listener, validator) = start()?;
    let handler = handler_fn(validator, |event| {
        println!("{:?} is full", event.group_id());
        Ok(())
    })
    .when_rejected(|rejection| eprintln!("rejected: {rejection}"))
    .when_failed(|event, failure| eprintln!("lost {:?}: {failure:#}", event.id()));
    let handler = Data::from(Arc::new(handler) as Arc<dyn GroupFullHandler>);
    let app = move || App::new().app_data(handler.clone()).route(PATH, web::route().to(callback));
    let server = HttpServer::new(app).workers(2).listen(listener)?;
    System::new().block_on(server.run())?;
    Ok(())
}
