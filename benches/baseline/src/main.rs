//! What `example-server` is measured against: the same stack, reading query and body, and answering the same bytes unchecked.

use axum::Router;
use axum::body::Bytes;
use axum::extract::RawQuery;
use axum::http::StatusCode;
use axum::routing::post;
use im_group_full::{CALLBACK_TIMEOUT, CallbackResponse};
use tower_http::timeout::TimeoutLayer;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on http://{}/im/callback", listener.local_addr()?);
    let app = Router::new()
        .route("/im/callback", post(answer))
        .layer(TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, CALLBACK_TIMEOUT));
    axum::serve(listener, app).await
}

async fn answer(RawQuery(query): RawQuery, body: Bytes) -> ([(&'static str, &'static str); 1], Bytes) {
    std::hint::black_box((query, body));
    let json = Bytes::from_owner(CallbackResponse::ok().to_json());
    ([("content-type", "application/json")], json)
}
