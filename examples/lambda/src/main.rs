//! The callback as a function of AWS Lambda. `lambda_http` reads the events of API Gateway (REST and HTTP), function URLs
//! and load balancers, and writes each one's response.
//!
//! If a gateway passes on only decoded parameters, `lambda_http` encodes them again. This works because the
//! signature covers only the token and the time.

use std::convert::Infallible;

use im_group_full::{SdkAppId, Token, Validator, handle_http, handler_fn};
use lambda_http::{Body, Error, Request, Response, run, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let app: SdkAppId = std::env::var("IM_SDK_APP_ID").as_deref().unwrap_or("888888").parse()?;
    let token = std::env::var("IM_CALLBACK_TOKEN").map_err(|error| format!("IM_CALLBACK_TOKEN: {error}"))?;
    let handler = handler_fn(Validator::signed(app, Token::new(token)?), |event| {
        println!("{:?} is full", event.group_id());
        Ok(())
    })
    .when_rejected(|rejection| eprintln!("rejected: {rejection}"))
    .when_failed(|event, failure| eprintln!("lost {:?}: {failure:#}", event.id()));
    let handler = &handler;
    let function = |request: Request| async move {
        let (head, body) = handle_http(&request, handler).into_parts();
        Ok::<_, Infallible>(Response::from_parts(head, Body::from(body.into_owned())))
    };
    run(service_fn(function)).await
}
