//! The probe against correct servers, and against every fault that it has a sentence for.
#![cfg(target_os = "linux")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::routing::{any, get, post, post_service};
use example_support::testing::TOKEN;
use example_support::vendor::Diagnosis;
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

/// Serves on its own thread until the test ends, and returns the URL.
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

/// The usual route: the router answers other methods.
fn router(app: App) -> Router {
    Router::new().route("/im/callback", post_service(GroupFullService::new(Immediate(app))))
}

/// Accepts TLS with an untrusted certificate, and answers nothing.
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
    command.arg(url).args(arguments);
    if !arguments.contains(&"--patience") {
        command.args(["--patience", "60"]);
    }
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
    // Each refusal shows its reason.
    assert!(table.contains("\n      signature: stale\n"), "{table}");
    for case in
        ["genuine: a private topic", "genuine: slow from the first byte on", "kept alive: genuine, behind 48 KiB"]
    {
        assert!(table.contains(case), "{case}: {table}");
    }
}

#[test]
fn a_careless_server_is_shown_what_it_accepts() {
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

/// A request in a [`proxy`].
struct Sent {
    method: String,
    query: String,
    body: Vec<u8>,
    /// Bytes that the `Content-Length` promises and that never follow.
    withheld: usize,
}

/// Forwards requests to a server, each changed by the fault, and returns its responses unchanged.
fn proxy(server: &str, fault: Fault) -> String {
    let (listener, server) = (TcpListener::bind("127.0.0.1:0").unwrap(), server.to_owned());
    let url = format!("http://{}/im/callback", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let mut client = BufReader::new(client.unwrap());
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") {
                assert_ne!(client.read_line(&mut head).unwrap(), 0);
            }
            let line = head.lines().next().unwrap();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
            let mut body = vec![0; length.parse().unwrap()];
            client.read_exact(&mut body).unwrap();
            let (method, rest) = line.split_once(' ').unwrap();
            let query = rest.split([' ', '?']).nth(1).unwrap();
            let Sent { method, query, body, withheld } =
                fault(Sent { method: method.to_owned(), query: query.to_owned(), body, withheld: 0 });
            let length = body.len() + withheld;
            let head = format!(
                "{method} /im/callback?{query} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n"
            );
            let address = server.strip_prefix("http://").unwrap().split('/').next().unwrap();
            let mut upstream = TcpStream::connect(address).unwrap();
            upstream.write_all(&[head.as_bytes(), &body].concat()).unwrap();
            if withheld > 0 {
                upstream.shutdown(Shutdown::Write).unwrap();
            }
            let mut answer = Vec::new();
            upstream.read_to_end(&mut answer).unwrap();
            client.get_mut().write_all(&answer).unwrap();
        }
    });
    url
}

fn with_query(edit: impl FnOnce(&str) -> String, sent: Sent) -> Sent {
    Sent { query: edit(&sent.query), ..sent }
}

fn with_body(edit: impl FnOnce(&[u8]) -> Vec<u8>, sent: Sent) -> Sent {
    Sent { body: edit(&sent.body), ..sent }
}

type Fault = fn(Sent) -> Sent;

/// Every fault between the probe and a correct server.
const FAULTS: &[(&str, Fault, Diagnosis)] = &[
    ("query dropped", |sent| with_query(|_| String::new(), sent), Diagnosis::QueryDropped),
    ("query in lower case", |sent| with_query(str::to_ascii_lowercase, sent), Diagnosis::QueryDropped),
    ("a name changed", |sent| with_query(|q| q.replace("CallbackCommand=", "cmd="), sent), Diagnosis::QueryDropped),
    ("= encoded", |sent| with_query(|q| q.replace('=', "%3D"), sent), Diagnosis::QueryDropped),
    ("query encoded", |sent| with_query(|q| q.replace('=', "%3D").replace('&', "%26"), sent), Diagnosis::QueryDropped),
    ("& encoded", |sent| with_query(|q| q.replace('&', "%26"), sent), Diagnosis::QueryEncoded),
    ("& as &amp;", |sent| with_query(|q| q.replace('&', "&amp;"), sent), Diagnosis::QueryDropped),
    ("values in quotes", |sent| with_query(|q| q.replace("=888888", "=%22888888%22"), sent), Diagnosis::QueryEncoded),
    ("contenttype altered", |sent| with_query(|q| q.replace("=json", "=text"), sent), Diagnosis::QueryEncoded),
    ("query doubled", |sent| with_query(|q| format!("{q}&{q}"), sent), Diagnosis::QueryDoubled),
    ("Sign dropped", |sent| with_query(|q| q.replace("Sign=", "x="), sent), Diagnosis::SignatureDropped),
    ("RequestTime dropped", |sent| with_query(|q| q.replace("RequestTime=", "x="), sent), Diagnosis::SignatureDropped),
    ("Sign altered", |sent| with_query(|q| q.replace("Sign=", "Sign=0"), sent), Diagnosis::OtherToken),
    ("body dropped", |sent| with_body(|_| Vec::new(), sent), Diagnosis::BodyDropped),
    ("body cut, with its new length", |sent| with_body(|body| body[..9].to_vec(), sent), Diagnosis::BodyChanged),
    ("body cut, with its old length", |sent| Sent { withheld: 1, ..sent }, Diagnosis::BodyCut),
    ("body in Base64", |sent| with_body(|_| b"eyJDYWxsYmFja0NvbW1hbmQi".to_vec(), sent), Diagnosis::BodyChanged),
    ("body compressed", |sent| with_body(|_| vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3], sent), Diagnosis::BodyChanged),
    (
        "body a string of JSON",
        |sent| with_body(|body| serde_json::json!(String::from_utf8_lossy(body)).to_string().into(), sent),
        Diagnosis::BodyChanged,
    ),
    (
        "body in an envelope",
        |sent| with_body(|body| [b"{\"body\":", body, b"}"].concat(), sent),
        Diagnosis::BodyChanged,
    ),
    ("POST turned into GET", |sent| Sent { method: "GET".into(), ..sent }, Diagnosis::MethodChanged),
    (
        "POST turned into GET without a body",
        |sent| Sent { method: "GET".into(), body: Vec::new(), ..sent },
        Diagnosis::MethodChanged,
    ),
];

#[track_caller]
fn diagnoses(name: &str, url: &str, arguments: &[&str], token: Option<&str>, expected: Diagnosis) {
    let (code, table, _) = probe(url, arguments, token);
    assert_eq!(code, Some(1), "{name}: {table}");
    fits(&table);
    assert!(table.lines().count() <= 9, "{name}: {table}");
    let said = table.split_once("A genuine callback was not answered OK: ").unwrap().1.replace('\n', " ");
    assert_eq!(said.trim_end(), format!("{}.", expected.sentence()), "{name}: {table}");
}

#[test]
fn one_sentence_says_what_is_wrong() {
    use Diagnosis::*;

    let url = serve(router(signed(TOKEN)));
    let any_method = |app| Router::new().route_service("/im/callback", GroupFullService::new(Immediate(app)));
    let behind = serve(any_method(signed(TOKEN)));
    let mut seen = Vec::new();
    let mut check = |name: &str, url: &str, arguments: &[&str], token, expected| {
        diagnoses(name, url, arguments, token, expected);
        seen.push(expected);
    };
    for &(name, fault, expected) in FAULTS {
        check(name, &proxy(&behind, fault), &[], Some(TOKEN), expected);
    }
    let to_get = |sent| Sent { method: "GET".into(), ..sent };
    check("POST turned into GET, and a router", &proxy(&url, to_get), &[], Some(TOKEN), MethodRefused);
    check(
        "POST not routed",
        &serve(Router::new().route("/im/callback", get(async || ()))),
        &[],
        Some(TOKEN),
        MethodRefused,
    );
    check("the URL has an SdkAppid", &format!("{url}?SdkAppid=1"), &[], Some(TOKEN), QueryDoubled);
    check("another app", &url, &["--sdk-app-id", "7"], Some(TOKEN), OtherApp);
    check("another token", &url, &[], Some("another"), OtherToken);
    check("no token", &url, &[], None, NoToken);
    check("another path", &url.replace("/im/callback", "/"), &[], Some(TOKEN), NotFound);
    check("a slash at the end", &format!("{url}/"), &[], Some(TOKEN), NotFound);
    let late = App { clock_ahead: Duration::from_secs(3600), ..signed(TOKEN) };
    check("a clock an hour off", &serve(router(late)), &[], Some(TOKEN), Stale);
    let failing = App { fails: true, ..signed(TOKEN) };
    check("the app fails", &serve(router(failing)), &[], Some(TOKEN), AppFailed);
    let panicking = Router::new().route("/im/callback", post(async || -> () { panic!("for the test") }));
    check("the app panics", &serve(panicking), &[], Some(TOKEN), Closed);
    let hanging = serve(Router::new().route("/im/callback", post(std::future::pending::<()>)));
    check("the app hangs", &hanging, &["--patience", "2"], Some(TOKEN), NoAnswerInTime);
    check("TLS without a scheme for it", &format!("http://{}/", serve_tls()), &[], Some(TOKEN), NotHttp);

    let answers = |status: StatusCode, body: &'static str| {
        let answer = move |_: Request| async move { (status, Body::from(body)) };
        serve(Router::new().route("/im/callback", any(answer)))
    };
    for (status, body, expected) in [
        (StatusCode::OK, "it works", NotForTheVendor),
        (StatusCode::FOUND, "", Redirected),
        (StatusCode::BAD_REQUEST, "", Malformed),
        (StatusCode::FORBIDDEN, "", Forbidden),
        (StatusCode::UNAUTHORIZED, "", Forbidden),
        (StatusCode::BAD_GATEWAY, "", Failed),
    ] {
        check(status.as_str(), &answers(status, body), &[], Some(TOKEN), expected);
    }
    for diagnosis in Diagnosis::ALL {
        assert!(seen.contains(diagnosis), "{diagnosis:?}");
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
