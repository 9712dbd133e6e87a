//! The probe against correct servers, and against every fault that it has a sentence for.
#![cfg(target_os = "linux")]

use std::future::pending;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::http::StatusCode;
use axum::routing::{any, any_service, get, post, post_service};
use example_support::testing::{TOKEN, runtime};
use example_support::vendor::Diagnosis::{self, *};
use im_group_full::{GroupFullHandler, GroupFullService, Immediate, SdkAppId, Token, Validator, handler_fn};
use serde_json::{Value, json};
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::{ServerConfig, ServerConnection};

const APP: SdkAppId = SdkAppId::new(888_888);

fn signed(token: &str) -> Validator {
    Validator::signed(APP, Token::new(token).unwrap())
}

fn app(validator: Validator, clock_ahead: Duration) -> impl GroupFullHandler {
    handler_fn(validator, |_| Ok(())).clock(move || SystemTime::now() + clock_ahead)
}

/// Serves on its own thread until the test ends, and returns the URL.
fn serve(router: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        runtime().block_on(async {
            axum::serve(tokio::net::TcpListener::from_std(listener).unwrap(), router).await.unwrap();
        });
    });
    format!("http://{address}/im/callback")
}

/// The usual route: the router answers other methods.
fn router(app: impl GroupFullHandler + 'static) -> Router {
    Router::new().route("/im/callback", post_service(GroupFullService::new(Immediate(app))))
}

/// Accepts TLS with an untrusted certificate, and answers nothing. Returns the address.
fn serve_tls() -> String {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(vec![made.cert.der().clone()], key);
    let config = Arc::new(config.unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let mut tls = ServerConnection::new(Arc::clone(&config)).unwrap();
            let _ = tls.complete_io(&mut client.unwrap());
        }
    });
    address
}

fn probe(url: &str, arguments: &[&str], token: Option<&str>) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_im-group-full-probe"));
    command.arg(url).args(arguments);
    if !arguments.contains(&"--patience") {
        command.args(["--patience", "60"]);
    }
    command.env_remove("IM_CALLBACK_TOKEN").env_remove("IM_SDK_APP_ID");
    command.envs(token.map(|token| ("IM_CALLBACK_TOKEN", token)));
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
    let (code, table, errors) = probe(&serve(router(app(signed(TOKEN), Duration::ZERO))), &[], Some(TOKEN));
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
    let url = serve(router(app(Validator::unauthenticated(APP), Duration::ZERO)));
    let (code, table, _) = probe(&url, &[], Some(TOKEN));
    assert_eq!(code, Some(1));
    fits(&table);
    assert!(table.contains("\n      expected 403 FAIL\n"), "{table}");

    let (code, report, _) = probe(&url, &["--json"], Some(TOKEN));
    assert_eq!(code, Some(1), "{report}");
    let report: Value = serde_json::from_str(&report).unwrap();
    let differing = report["cases"].as_array().unwrap().iter().filter(|case| case["passed"] == false);
    let differing: Vec<_> = differing.map(|case| case["case"].as_str().unwrap()).collect();
    let forged = |case: &&str| case.starts_with("forged: ") || case.starts_with("stale: ");
    assert!(differing.len() > 14 && differing.iter().all(forged), "{differing:?}");
    assert_eq!(report["diagnosis"], Value::Null);
}

/// A request in a [`proxy`].
struct Sent {
    method: String,
    query: String,
    body: Vec<u8>,
    /// Bytes that the `Content-Length` promises and that never follow.
    withheld: usize,
}

type Fault = fn(&mut Sent);

/// Forwards requests to a server, each changed by the fault, and returns its responses unchanged.
fn proxy(server: &str, fault: Fault) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = server.split('/').nth(2).unwrap().to_owned();
    let url = format!("http://{}/im/callback", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let mut client = BufReader::new(client.unwrap());
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") {
                assert_ne!(client.read_line(&mut head).unwrap(), 0);
            }
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
            let mut body = vec![0; length.parse().unwrap()];
            client.read_exact(&mut body).unwrap();
            let [method, _, query] = [0, 1, 2].map(|part| head.split([' ', '?']).nth(part).unwrap().to_owned());
            let mut sent = Sent { method, query, body, withheld: 0 };
            fault(&mut sent);
            let Sent { method, query, body, withheld } = sent;
            let length = body.len() + withheld;
            let head = format!(
                "{method} /im/callback?{query} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n"
            );
            let mut upstream = TcpStream::connect(&server).unwrap();
            upstream.write_all(&[head.as_bytes(), &body].concat()).unwrap();
            if withheld > 0 {
                upstream.shutdown(Shutdown::Write).unwrap();
            }
            std::io::copy(&mut upstream, client.get_mut()).unwrap();
        }
    });
    url
}

/// Every fault between the probe and a correct server.
const FAULTS: &[(&str, Fault, Diagnosis)] = &[
    ("query dropped", |sent| sent.query.clear(), QueryDropped),
    ("query in lower case", |sent| sent.query.make_ascii_lowercase(), QueryDropped),
    ("a name changed", |sent| sent.query = sent.query.replace("CallbackCommand=", "cmd="), QueryDropped),
    ("= encoded", |sent| sent.query = sent.query.replace('=', "%3D"), QueryDropped),
    ("query encoded", |sent| sent.query = sent.query.replace('=', "%3D").replace('&', "%26"), QueryDropped),
    ("& encoded", |sent| sent.query = sent.query.replace('&', "%26"), QueryEncoded),
    ("& as &amp;", |sent| sent.query = sent.query.replace('&', "&amp;"), QueryDropped),
    ("values in quotes", |sent| sent.query = sent.query.replace("=888888", "=%22888888%22"), QueryEncoded),
    ("contenttype altered", |sent| sent.query = sent.query.replace("=json", "=text"), QueryEncoded),
    ("query doubled", |sent| sent.query = format!("{0}&{0}", sent.query), QueryDoubled),
    ("Sign dropped", |sent| sent.query = sent.query.replace("Sign=", "x="), SignatureDropped),
    ("RequestTime dropped", |sent| sent.query = sent.query.replace("RequestTime=", "x="), SignatureDropped),
    ("Sign altered", |sent| sent.query = sent.query.replace("Sign=", "Sign=0"), OtherToken),
    ("body dropped", |sent| sent.body.clear(), BodyDropped),
    ("body cut, with its new length", |sent| sent.body.truncate(9), BodyChanged),
    ("body cut, with its old length", |sent| sent.withheld = 1, BodyCut),
    ("body in Base64", |sent| sent.body = b"eyJDYWxsYmFja0NvbW1hbmQi".to_vec(), BodyChanged),
    ("body compressed", |sent| sent.body = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3], BodyChanged),
    ("body a string", |sent| sent.body = json!(String::from_utf8_lossy(&sent.body)).to_string().into(), BodyChanged),
    ("body in an envelope", |sent| sent.body = [b"{\"body\":", &*sent.body, b"}"].concat(), BodyChanged),
    ("POST turned into GET", to_get, MethodChanged),
    ("POST turned into GET without a body", |sent| (sent.body.clear(), to_get(sent)).1, MethodChanged),
];

fn to_get(sent: &mut Sent) {
    sent.method = "GET".into();
}

#[track_caller]
fn diagnoses(name: &str, url: &str, arguments: &[&str], token: Option<&str>, expected: Diagnosis) {
    let (code, table, _) = probe(url, arguments, token);
    assert_eq!(code, Some(1), "{name}: {table}");
    fits(&table);
    assert!(table.lines().count() <= 9, "{name}: {table}");
    let said = table.split_once("A genuine callback was not answered OK: ").unwrap().1.replace('\n', " ");
    assert_eq!(said.trim_end(), format!("{}.", expected.sentence()), "{name}: {table}");
}

/// A name, the URL, flags, a token, and what the probe must say.
type Row<'a> = (&'a str, String, &'a [&'a str], Option<&'a str>, Diagnosis);

#[test]
fn one_sentence_says_what_is_wrong() {
    const SIGNED: Option<&str> = Some(TOKEN);
    let route = |methods| serve(Router::new().route("/im/callback", methods));
    let answers = |status: u16, body| route(any(async move || (StatusCode::from_u16(status).unwrap(), body)));
    let url = serve(router(app(signed(TOKEN), Duration::ZERO)));
    let every_method = any_service(GroupFullService::new(Immediate(app(signed(TOKEN), Duration::ZERO))));
    let behind = route(every_method);
    let late = app(signed(TOKEN), Duration::from_secs(3600));
    let failing = handler_fn(signed(TOKEN), |_| Err("no".into()));

    let mut seen = Vec::new();
    for &(name, fault, expected) in FAULTS {
        diagnoses(name, &proxy(&behind, fault), &[], SIGNED, expected);
        seen.push(expected);
    }
    let rows: [Row; 19] = [
        ("POST turned into GET, and a router", proxy(&url, to_get), &[], SIGNED, MethodRefused),
        ("POST not routed", route(get(async || ())), &[], SIGNED, MethodRefused),
        ("the URL has an SdkAppid", format!("{url}?SdkAppid=1"), &[], SIGNED, QueryDoubled),
        ("another app", url.clone(), &["--sdk-app-id", "7"], SIGNED, OtherApp),
        ("another token", url.clone(), &[], Some("another"), OtherToken),
        ("no token", url.clone(), &[], None, NoToken),
        ("another path", url.replace("/im/callback", "/"), &[], SIGNED, NotFound),
        ("a slash at the end", format!("{url}/"), &[], SIGNED, NotFound),
        ("a clock an hour off", serve(router(late)), &[], SIGNED, Stale),
        ("the app fails", serve(router(failing)), &[], SIGNED, AppFailed),
        ("the app panics", route(post(async || -> () { panic!("for the test") })), &[], SIGNED, Closed),
        ("the app hangs", route(post(pending::<()>)), &["--patience", "2"], SIGNED, NoAnswerInTime),
        ("TLS without a scheme for it", format!("http://{}/", serve_tls()), &[], SIGNED, NotHttp),
        ("200 of another kind", answers(200, "it works"), &[], SIGNED, NotForTheVendor),
        ("302", answers(302, ""), &[], SIGNED, Redirected),
        ("400", answers(400, ""), &[], SIGNED, Malformed),
        ("403", answers(403, ""), &[], SIGNED, Forbidden),
        ("401", answers(401, ""), &[], SIGNED, Forbidden),
        ("502", answers(502, ""), &[], SIGNED, Failed),
    ];
    for (name, url, arguments, token, expected) in rows {
        diagnoses(name, &url, arguments, token, expected);
        seen.push(expected);
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

    let https = serve(router(app(signed(TOKEN), Duration::ZERO))).replace("http://", "https://");
    cannot_run(&https, &format!("{https}: the server does not speak TLS; for plain HTTP, write http://"));

    let tls = serve_tls();
    let not_trusted = "the certificate is not trusted; give it with --cacert, and the vendor needs one that it trusts";
    cannot_run(&format!("https://{tls}/"), &format!("https://{tls}/: {not_trusted}"));
}

#[test]
fn says_which_of_two_tokens_it_uses() {
    let url = serve(router(app(signed(TOKEN), Duration::ZERO)));
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
