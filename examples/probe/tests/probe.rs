//! The probe, against servers that are right, and against each mistake that it has a sentence for.
#![cfg(target_os = "linux")]

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::routing::{any, post_service};
use example_support::testing::TOKEN;
use im_group_full::{Failure, GroupFull, GroupFullHandler, GroupFullService, Immediate, SdkAppId, Token, Validator};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

const APP: SdkAppId = SdkAppId::new(888_888);

struct App {
    validator: Validator,
    clock_ahead: Duration,
    fails: bool,
}

impl GroupFullHandler for App {
    fn validator(&self) -> &Validator {
        &self.validator
    }

    fn on_group_full(&self, _event: &GroupFull<'_>) -> Result<(), Failure> {
        if self.fails { Err("no".into()) } else { Ok(()) }
    }

    fn now(&self) -> SystemTime {
        SystemTime::now() + self.clock_ahead
    }
}

fn signed(token: &str) -> App {
    let validator = Validator::signed(APP, Token::new(token).unwrap());
    App { validator, clock_ahead: Duration::ZERO, fails: false }
}

/// Serves on a thread of its own until the test ends; returns where.
fn serve(router: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        example_support::testing::runtime().block_on(async {
            axum::serve(tokio::net::TcpListener::from_std(listener).unwrap(), router).await.unwrap();
        });
    });
    format!("http://{address}/im/callback")
}

/// As one writes it: another method is the router's to answer.
fn router(app: App) -> Router {
    Router::new().route("/im/callback", post_service(GroupFullService::new(Immediate(app))))
}

/// Accepts TLS with a certificate that nobody knows, and goes no further.
fn serve_tls() -> String {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(vec![made.cert.der().clone()], key);
    let tls = TlsAcceptor::from(Arc::new(config.unwrap()));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        example_support::testing::runtime().block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let _ = tls.accept(stream).await;
            }
        });
    });
    format!("127.0.0.1:{}", address.port())
}

fn probe(url: &str, arguments: &[&str], token: Option<&str>) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_im-group-full-probe"));
    command.arg(url).args(["--patience", "60"]).args(arguments);
    command.env_remove("IM_CALLBACK_TOKEN").env_remove("IM_SDK_APP_ID");
    if let Some(token) = token {
        command.env("IM_CALLBACK_TOKEN", token);
    }
    let Output { status, stdout, stderr } = command.output().unwrap();
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

#[track_caller]
fn fits(text: &str) {
    let longest = text.lines().map(|line| line.chars().count()).max().unwrap_or_default();
    assert!(longest <= 80, "{longest} columns:\n{text}");
    assert!(!text.contains('\x1b'), "{text}");
}

#[test]
fn a_correct_server_passes() {
    let (code, table, errors) = probe(&serve(router(signed(TOKEN))), &[], Some(TOKEN));
    assert_eq!((code, errors.as_str()), (Some(0), ""), "{table}");
    fits(&table);
    assert!(table.ends_with(" as they should be\n"), "{table}");
    // The reason of each refusal stands below it.
    assert!(table.contains("\n      signature: stale\n"), "{table}");
    for case in
        ["genuine: a private topic", "genuine: slow from the first byte on", "kept alive: genuine, behind 48 KiB"]
    {
        assert!(table.contains(case), "{case}: {table}");
    }
}

#[test]
fn a_careless_server_is_told_what_it_lets_in() {
    let app = App { validator: Validator::unauthenticated(APP), clock_ahead: Duration::ZERO, fails: false };
    let url = serve(router(app));
    let (code, table, _) = probe(&url, &[], Some(TOKEN));
    assert_eq!(code, Some(1));
    fits(&table);
    assert!(table.contains("\n      expected 403 FAIL\n"), "{table}");

    let (code, report, _) = probe(&url, &["--json"], Some(TOKEN));
    assert_eq!(code, Some(1), "{report}");
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    let differing = report["cases"].as_array().unwrap().iter().filter(|case| case["passed"] == false);
    let differing: Vec<_> = differing.map(|case| case["case"].as_str().unwrap()).collect();
    let forged = |case: &&str| case.starts_with("forged: ") || case.starts_with("stale: ");
    assert!(differing.len() > 14 && differing.iter().all(forged), "{differing:?}");
    assert_eq!(report["diagnosis"], serde_json::Value::Null);
}

#[track_caller]
fn diagnoses(url: &str, arguments: &[&str], token: Option<&str>, sentence: &str) {
    let (code, table, _) = probe(url, arguments, token);
    assert_eq!(code, Some(1), "{table}");
    fits(&table);
    assert!(table.lines().count() <= 7, "{table}");
    let said = table.split_once("A genuine callback was not answered OK: ").unwrap().1.replace('\n', " ");
    assert_eq!(said.trim_end(), format!("{sentence}."));
}

#[test]
fn one_sentence_says_what_is_wrong() {
    let url = serve(router(signed(TOKEN)));
    diagnoses(
        &url,
        &["--sdk-app-id", "7"],
        Some(TOKEN),
        "the server is not for the SDKAppID 7: give its own with --sdk-app-id",
    );
    diagnoses(
        &url,
        &[],
        Some("another"),
        "the server has another token: look at IM_CALLBACK_TOKEN and --token-file, here and there",
    );
    diagnoses(&url, &[], None, "the server wants a signature: give its token by IM_CALLBACK_TOKEN or --token-file");
    diagnoses(
        &url.replace("/im/callback", "/"),
        &[],
        Some(TOKEN),
        "nothing is mounted at this path: look at the path of the URL",
    );
    let late = App { clock_ahead: Duration::from_secs(3600), ..signed(TOKEN) };
    let clock = "the server's clock and this one differ by more than it tolerates: set them right (NTP)";
    diagnoses(&serve(router(late)), &[], Some(TOKEN), clock);
    let failing = App { fails: true, ..signed(TOKEN) };
    let failed = "the callback arrived, and the app's own code failed";
    diagnoses(&serve(router(failing)), &[], Some(TOKEN), failed);

    let answers = |status: StatusCode, body: &'static str| {
        let answer = move |_: Request| async move { (status, Body::from(body)) };
        serve(Router::new().route("/im/callback", any(answer)))
    };
    for (status, body, sentence) in [
        (StatusCode::OK, "it works", "something answers 200, but not with the JSON that the vendor reads"),
        (StatusCode::FOUND, "", "the server redirects, which the vendor does not follow: give the final URL"),
        (StatusCode::BAD_GATEWAY, "", "the server, or a proxy in front of it, failed: look at its log"),
        (
            StatusCode::METHOD_NOT_ALLOWED,
            "",
            "this path does not take POST: look at the path of the URL, and at the route's method",
        ),
    ] {
        diagnoses(&answers(status, body), &[], Some(TOKEN), sentence);
    }
}

#[track_caller]
fn cannot_run(url: &str, message: &str) {
    assert_eq!(probe(url, &[], Some(TOKEN)), (Some(2), String::new(), format!("probe: {message}\n")));
}

#[test]
fn says_why_a_url_cannot_be_reached() {
    cannot_run("127.0.0.1:8080/x", "127.0.0.1:8080/x: begin the URL with http:// or https://");
    cannot_run("ftp://localhost/x", "ftp://localhost/x: begin the URL with http:// or https://");
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let refused = format!("http://{closed}/: Connection refused (os error 111)");
    cannot_run(&format!("http://{closed}/"), &refused);

    let https = serve(router(signed(TOKEN))).replace("http://", "https://");
    cannot_run(&https, &format!("{https}: the server does not speak TLS; for plain HTTP, write http://"));

    let tls = serve_tls();
    let not_trusted = "the certificate is not trusted; give it with --cacert, and the vendor needs one that it trusts";
    cannot_run(&format!("https://{tls}/"), &format!("https://{tls}/: {not_trusted}"));
    let (code, table, _) = probe(&format!("http://{tls}/"), &[], Some(TOKEN));
    assert_eq!(code, Some(1));
    assert!(table.contains("it is not HTTP; if the server speaks TLS, write https://"), "{table}");
}

#[test]
fn says_which_of_two_tokens_it_uses() {
    let url = serve(router(signed(TOKEN)));
    let file = |name: &str, token: &str| {
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::write(&path, token).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (one, two) = (file("one", TOKEN), file("two", "another"));
    let (code, _, errors) = probe(&url, &["--token-file", &one, "--token-file", &two], None);
    assert_eq!((code, errors), (Some(0), format!("2 tokens are given: signing with that of {one}\n")));
    let (code, _, errors) = probe(&url, &["--token-file", &two], Some(TOKEN));
    assert_eq!((code, errors.as_str()), (Some(0), "2 tokens are given: signing with that of IM_CALLBACK_TOKEN\n"));
}
