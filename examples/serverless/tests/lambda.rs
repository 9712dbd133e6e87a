//! Against a stand-in for the runtime of AWS Lambda, which hands events out over HTTP.

use std::process::Command;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use example_support::testing::{Ended, TOKEN, runtime, sender};
use example_support::vendor::judge;
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

struct Runtime {
    events: Mutex<std::vec::IntoIter<Value>>,
    answers: UnboundedSender<Value>,
}

async fn next(State(runtime): State<Arc<Runtime>>) -> impl IntoResponse {
    let event = runtime.events.lock().unwrap().next();
    let Some(event) = event else { return std::future::pending().await };
    let headers = [
        ("lambda-runtime-aws-request-id", "1"),
        ("lambda-runtime-deadline-ms", "99999999999999"),
        ("lambda-runtime-invoked-function-arn", "arn"),
        ("content-type", "application/json"),
    ];
    (headers, event.to_string())
}

async fn answered(State(runtime): State<Arc<Runtime>>, body: String) {
    runtime.answers.send(serde_json::from_str(&body).unwrap()).unwrap();
}

fn event(method: &str, query: &str, body: &[u8]) -> Value {
    use base64::Engine;
    json!({
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": "/im/callback",
        "rawQueryString": query,
        "headers": { "host": "example.com" },
        "requestContext": {
            "accountId": "1", "apiId": "a", "domainName": "example.com", "domainPrefix": "example", "requestId": "r",
            "routeKey": "$default", "stage": "$default", "time": "", "timeEpoch": 0,
            "http": { "method": method, "path": "/im/callback", "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "" },
        },
        "body": base64::engine::general_purpose::STANDARD.encode(body),
        "isBase64Encoded": true,
    })
}

#[test]
fn answers_every_case() {
    let cases = sender(Some(TOKEN)).cases();
    let events: Vec<_> = cases.iter().map(|case| event(case.method, &case.query, &case.body)).collect();
    let got = runtime().block_on(async {
        let (answers, mut received) = unbounded_channel();
        let state = Arc::new(Runtime { events: Mutex::new(events.into_iter()), answers });
        let app = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/1/response", post(answered))
            .with_state(state);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        tokio::spawn(async move { axum::serve(listener, app).await });
        let mut command = Command::new(env!("CARGO_BIN_EXE_example-serverless"));
        command
            .env("IM_CALLBACK_TOKEN", TOKEN)
            .env("AWS_LAMBDA_RUNTIME_API", address)
            .env("AWS_LAMBDA_FUNCTION_NAME", "f")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "1")
            .env("AWS_LAMBDA_LOG_STREAM_NAME", "s")
            .env("AWS_LAMBDA_LOG_GROUP_NAME", "g");
        let _child = Ended(command.spawn().unwrap());
        let mut got = Vec::new();
        for case in &cases {
            let answer = received.recv().await.unwrap();
            let status = u16::try_from(answer["statusCode"].as_u64().unwrap()).unwrap();
            assert_eq!(answer["headers"]["content-type"], "application/json", "{answer}");
            assert_eq!(answer["isBase64Encoded"], false, "{answer}");
            got.push((case.name, judge(status, answer["body"].as_str().unwrap().as_bytes())));
        }
        got
    });
    let expected = cases.iter().map(|case| (case.name, case.expected()));
    assert_eq!(got, expected.collect::<Vec<_>>());
}
