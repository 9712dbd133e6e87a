//! One event a line, and one answer a line.

use std::io::Write;
use std::process::{Command, Stdio};

use example_support::testing::{TOKEN, sender};
use example_support::vendor::{Case, judge};
use serde_json::{Value, json};

/// Gives the function these lines, and returns what it answers.
fn answers(lines: Vec<Vec<u8>>) -> Vec<Value> {
    let mut child = Command::new(env!("CARGO_BIN_EXE_example-serverless"))
        .env("IM_CALLBACK_TOKEN", TOKEN)
        .env_remove("AWS_LAMBDA_RUNTIME_API")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || lines.iter().for_each(|line| input.write_all(line).unwrap()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(output.status.success());
    let answers = String::from_utf8(output.stdout).unwrap();
    answers.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn line(event: &Value) -> Vec<u8> {
    format!("{event}\n").into_bytes()
}

fn judged(answer: &Value) -> String {
    let status = u16::try_from(answer["statusCode"].as_u64().unwrap()).unwrap();
    judge(status, answer["body"].as_str().unwrap().as_bytes())
}

#[track_caller]
fn answers_as_expected(cases: &[Case], event: impl Fn(&Case) -> Value) {
    let answers = answers(cases.iter().map(|case| line(&event(case))).collect());
    let got: Vec<_> = cases.iter().map(|case| case.name).zip(answers.iter().map(judged)).collect();
    let expected = cases.iter().map(|case| (case.name, case.expected()));
    assert_eq!(got, expected.collect::<Vec<_>>());
}

#[test]
fn answers_every_case() {
    let mut cases = sender(Some(TOKEN)).cases();
    answers_as_expected(&cases, |case| {
        let body = base64(&case.body);
        json!({ "method": case.method, "rawQueryString": case.query, "body": body, "isBase64Encoded": true })
    });
    // The one body that is not UTF-8 cannot be a string, and would be another group.
    cases.retain(|case| case.name != "malformed: body not UTF-8");
    answers_as_expected(&cases, |case| {
        let body = String::from_utf8(case.body.clone()).unwrap();
        json!({ "httpMethod": case.method, "rawQueryString": case.query, "body": body })
    });
}

#[test]
fn a_decoded_map_does_but_for_what_it_hides() {
    for name in ["queryString", "queryStringParameters", "queryParameters"] {
        let mut cases = sender(Some(TOKEN)).cases();
        // Not in a map: a parameter twice, and an escape that is broken.
        cases.retain(|case| !["malformed: SdkAppid twice", "malformed: a broken escape"].contains(&case.name));
        answers_as_expected(&cases, |case| {
            let decoded: std::collections::BTreeMap<_, _> =
                form_urlencoded::parse(case.query.as_bytes()).into_owned().collect();
            let mut event = json!({
                "requestContext": { "http": { "method": case.method } },
                "body": base64(&case.body),
                "isBase64Encoded": true,
            });
            event[name] = json!(decoded);
            event
        });
    }
    let many = json!({ "method": "POST", "queryString": { "SdkAppid": ["888888", "888888"] } });
    let answer = &answers(vec![line(&many)])[0];
    assert!(answer["body"].as_str().unwrap().contains("parameter `SdkAppid`: given twice"), "{answer}");
}

#[test]
fn headers_are_returned() {
    let get = json!({ "method": "GET", "rawQueryString": "", "body": null });
    let answer = &answers(vec![line(&get)])[0];
    assert_eq!(answer["statusCode"], 405);
    let headers = answer["headers"].as_object().unwrap();
    let header = |name: &str| headers.iter().find(|(header, _)| header.eq_ignore_ascii_case(name)).unwrap().1.clone();
    assert_eq!((header("content-type"), header("allow")), (json!("application/json"), json!("POST")));
    assert_eq!(answer["isBase64Encoded"], false);
}

#[test]
fn a_malformed_line_is_answered_and_survived() {
    let get = line(&json!({ "method": "GET" }));
    let lines = vec![
        b"{\n".to_vec(),
        b"\xff\n".to_vec(),
        b"[]\n".to_vec(),
        b"{\"method\": 1}\n".to_vec(),
        line(&json!({ "method": "POST", "rawQueryString": 7 })),
        b"\n".to_vec(),
        [vec![b' '; 17 * 1024 * 1024], b"\n".to_vec()].concat(),
        get,
    ];
    let statuses: Vec<_> = answers(lines).iter().map(judged).collect();
    assert_eq!(statuses, [&["400 FAIL"; 6][..], &["405 FAIL"]].concat());
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}
