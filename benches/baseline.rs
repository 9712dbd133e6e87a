//! The baseline of `load.py`: axum alone, which reads the query and the body, and answers the same bytes
//! without checks.

use axum::Router;
use axum::body::Bytes;
use axum::extract::RawQuery;
use axum::routing::post;
use im_group_full::CallbackResponse;

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on http://{}/im/callback", listener.local_addr()?);
    axum::serve(listener, Router::new().route("/im/callback", post(answer))).await
}

async fn answer(RawQuery(query): RawQuery, body: Bytes) -> ([(&'static str, &'static str); 1], Bytes) {
    std::hint::black_box((query, body));
    let json = Bytes::from_owner(CallbackResponse::ok().to_json());
    ([("content-type", "application/json")], json)
}
