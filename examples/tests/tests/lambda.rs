//! The function, against a stand-in for the runtime of AWS Lambda, which hands events out over HTTP. `events/` has one
//! event of each gateway as AWS documents it; each case of the probe is filled into it.

use std::collections::BTreeMap;
use std::future::pending;
use std::process::Command;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::routing::{get, post};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use example_support::testing::{Ended, TOKEN, runtime, sender};
use example_support::vendor::{Case, judge};
use example_tests::program;
use serde_json::{Value, json};
use tokio::sync::mpsc::unbounded_channel;

/// Passes these events to the function, and returns its answers.
fn answers(mut function: Command, events: Vec<Value>) -> Vec<Value> {
    runtime().block_on(async {
        let (count, events) = (events.len(), Arc::new(Mutex::new(events.into_iter())));
        let next = async move || {
            let event = events.lock().unwrap().next();
            let Some(event) = event else { return pending().await };
            let headers = [
                ("lambda-runtime-aws-request-id", "1"),
                ("lambda-runtime-deadline-ms", "99999999999999"),
                ("lambda-runtime-invoked-function-arn", "arn"),
                ("content-type", "application/json"),
            ];
            (headers, event.to_string())
        };
        let (answers, mut received) = unbounded_channel();
        let answered = async move |body: String| answers.send(serde_json::from_str(&body).unwrap()).unwrap();
        let app = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/1/response", post(answered));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        tokio::spawn(async move { axum::serve(listener, app).await });
        function.env("IM_CALLBACK_TOKEN", TOKEN).env("AWS_LAMBDA_RUNTIME_API", address);
        for name in ["FUNCTION_NAME", "FUNCTION_VERSION", "LOG_STREAM_NAME", "LOG_GROUP_NAME"] {
            function.env(format!("AWS_LAMBDA_{name}"), "x");
        }
        function.env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128").stdout(std::process::Stdio::null());
        let _child = Ended(function.spawn().unwrap());
        let mut got = Vec::new();
        while got.len() < count {
            got.push(received.recv().await.unwrap());
        }
        got
    })
}

/// Puts a case into an event, in the fields that the event has.
fn fill(event: &str, case: &Case) -> Value {
    let mut event: Value = serde_json::from_str(event).unwrap();
    for path in ["/httpMethod", "/requestContext/httpMethod", "/requestContext/http/method"] {
        if let Some(method) = event.pointer_mut(path) {
            *method = json!(case.method);
        }
    }
    // A load balancer passes names and values on unchanged; a gateway decodes them.
    let is_gateway = event["requestContext"]["elb"].is_null();
    let mut parameters = BTreeMap::<String, Vec<String>>::new();
    for pair in case.query.split('&').filter(|pair| !pair.is_empty()) {
        let raw = pair.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
        let decoded = form_urlencoded::parse(pair.as_bytes()).into_owned().next();
        let (name, value) = if is_gateway { decoded } else { raw }.unwrap();
        parameters.entry(name).or_default().push(value);
    }
    if event.get("rawQueryString").is_some() {
        event["rawQueryString"] = json!(case.query);
    }
    if event.get("multiValueQueryStringParameters").is_some() {
        event["multiValueQueryStringParameters"] = json!(parameters);
    }
    if event.get("queryStringParameters").is_some() {
        let last: BTreeMap<_, _> = parameters.iter().map(|(name, values)| (name, values.last())).collect();
        event["queryStringParameters"] = json!(last);
    }
    // A REST API sends this for a request without a query.
    if is_gateway && parameters.is_empty() && event.get("rawQueryString").is_none() {
        event["queryStringParameters"] = Value::Null;
        event["multiValueQueryStringParameters"] = Value::Null;
    }
    let text = String::from_utf8(case.body.clone()).ok().filter(|_| event["isBase64Encoded"] == false);
    event["isBase64Encoded"] = json!(text.is_none());
    event["body"] = json!(text.unwrap_or_else(|| STANDARD.encode(&case.body)));
    event
}

#[test]
fn answers_every_case_of_each_gateway() {
    // The last three pass on parameters, which `lambda_http` encodes again, and so repairs the escape. A load balancer passes on
    // the last of two parameters with one name.
    const REPAIRED: &str = "malformed: a broken escape";
    let http_api = include_str!("../events/http-api.json");
    // AWS documents the same event for a function URL; here without the parameters that the raw query has too.
    let function_url = &http_api.replace("\"queryStringParameters\": {},\n", "");
    assert_ne!(function_url, http_api);
    let gateways: [(&str, &[&str]); 5] = [
        (http_api, &[]),
        (function_url, &[]),
        (include_str!("../events/rest-api.json"), &[REPAIRED]),
        (include_str!("../events/load-balancer.json"), &[REPAIRED, "malformed: SdkAppid twice"]),
        (include_str!("../events/load-balancer-multi-value.json"), &[REPAIRED]),
    ];
    for (event, hidden) in gateways {
        // Built first, which may take longer than a signature is fresh.
        let function = program("lambda");
        let mut cases = sender(Some(TOKEN)).cases();
        cases.retain(|case| !hidden.contains(&case.name));
        let answers = answers(function, cases.iter().map(|case| fill(event, case)).collect());
        for (case, answer) in cases.iter().zip(answers) {
            let status = u16::try_from(answer["statusCode"].as_u64().unwrap()).unwrap();
            let (got, _) = judge(status, answer["body"].as_str().unwrap().as_bytes());
            assert_eq!(got, case.expected(), "{}: {event}", case.name);
            let type_of = [&answer["headers"]["content-type"], &answer["multiValueHeaders"]["content-type"][0]];
            assert!(type_of.contains(&&json!("application/json")), "{answer}");
            assert_eq!(answer["isBase64Encoded"], false, "{answer}");
        }
    }
}
