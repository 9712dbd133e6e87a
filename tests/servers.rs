//! Every example server, started for real and asked everything that the probe asks.

use std::io::Write;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

use crate::started::{Started, TOKEN, example, sender};
use crate::vendor::judge;

#[path = "util/started.rs"]
mod started;
#[path = "../examples/support/vendor/mod.rs"]
mod vendor;

const NONE: [String; 0] = [];

fn temporary(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name)
}

#[test]
fn server_answers_every_case() {
    for token in [Some(TOKEN), None] {
        let mut server = Started::new(&example("server"), &[], token);
        assert_eq!(server.differing(token, None), NONE, "with token: {}", token.is_some());
    }
}

#[test]
fn hyper_tls_answers_every_case() {
    let certificate = temporary("localhost.pem");
    let arguments = ["--certificate", certificate.to_str().unwrap()];
    let mut server = Started::new(&example("hyper_tls"), &arguments, Some(TOKEN));
    assert!(server.url.starts_with("https://127.0.0.1:"), "{}", server.url);
    assert_eq!(server.differing(Some(TOKEN), Some(&certificate)), NONE);
}

#[test]
fn tiny_http_answers_every_case() {
    let mut server = Started::new(&example("tiny_http"), &[], Some(TOKEN));
    assert_eq!(server.differing(Some(TOKEN), None), NONE);
}

#[test]
fn serverless_answers_every_case() {
    let cases = sender(Some(TOKEN)).cases();
    let mut child = Command::new(example("serverless"))
        .env("IM_CALLBACK_TOKEN", TOKEN)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let events: Vec<_> = cases
        .iter()
        .map(|case| {
            let body = String::from_utf8_lossy(&case.body);
            json!({ "method": case.method, "rawQueryString": case.query, "body": body }).to_string()
        })
        .collect();
    let writer = std::thread::spawn(move || events.iter().for_each(|event| writeln!(input, "{event}").unwrap()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    let responses = String::from_utf8(output.stdout).unwrap();
    let got = responses.lines().map(|line| {
        let response: Value = serde_json::from_str(line).unwrap();
        let status = u16::try_from(response["statusCode"].as_u64().unwrap()).unwrap();
        judge(status, response["body"].as_str().unwrap().as_bytes())
    });
    let expected = cases.iter().map(|case| (case.name, format!("{} {}", case.status, case.action_status())));
    // The one body that is not UTF-8 is none in a string: there it is a strange group.
    let utf8 = |(name, _): &(&str, String)| *name != "malformed: body not UTF-8";
    let got: Vec<_> = cases.iter().map(|case| case.name).zip(got).filter(utf8).collect();
    assert_eq!(got, expected.filter(utf8).collect::<Vec<_>>());
}

#[test]
fn server_logs_one_line_for_each_callback() {
    let mut server = Started::new(&example("server"), &["--sdk-app-id", "7"], None);
    let answered = |server: &Started, from: &str, to: &str| {
        let line = server.curl.replace(from, to);
        let Output { stdout, stderr, .. } = Command::new("sh").args(["-c", &line]).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&stderr), "");
        String::from_utf8(stdout).unwrap()
    };
    // What the worker says comes in its own time.
    let said = |server: &mut Started| {
        std::iter::repeat_with(|| server.line()).find(|line| !line.starts_with("worked on ")).unwrap()
    };
    let ok = "{\"ActionStatus\":\"OK\",\"ErrorInfo\":\"\",\"ErrorCode\":0}\n";
    assert_eq!(answered(&server, "", ""), ok);
    assert_eq!(said(&mut server), r#"accepted "@TGS#2J4SZEAEL" at 1670574414123 ms, client "127.0.0.1", "RESTAPI""#);
    assert_eq!(answered(&server, "Group.CallbackAfterGroupFull", "Group.CallbackBeforeSendMsg"), ok);
    assert_eq!(
        answered(&server, "SdkAppid=7", "SdkAppid=8"),
        "{\"ActionStatus\":\"FAIL\",\"ErrorInfo\":\"parameter `SdkAppid`: not an app of this server\",\"ErrorCode\":1}\n"
    );
    assert_eq!(said(&mut server), "refused sdk_app_id_mismatch: parameter `SdkAppid`: expected 7, found 8");
    // A group name cannot end a line of the log and write another one.
    assert_eq!(answered(&server, "@TGS#2J4SZEAEL", r"a\naccepted \u001b[31m"), ok);
    assert_eq!(
        said(&mut server),
        r#"accepted "a\naccepted \u{1b}[31m" at 1670574414123 ms, client "127.0.0.1", "RESTAPI""#
    );
    let (code, rest) = server.stop("INT");
    assert_eq!(code, Some(0));
    assert!(rest.ends_with("\nstopped: 2 accepted, 1 refused, 1 of other commands\n"), "{rest}");
}

#[test]
fn server_reads_the_token_from_a_file() {
    let path = temporary("token");
    std::fs::write(&path, "second-token\r\n").unwrap();
    let server = Started::new(&example("server"), &["--token-file", path.to_str().unwrap()], None);
    assert!(server.curl.contains("&Sign="), "{}", server.curl);
    let output = Command::new("sh").args(["-c", &server.curl]).output().unwrap();
    assert_eq!(output.stdout, b"{\"ActionStatus\":\"OK\",\"ErrorInfo\":\"\",\"ErrorCode\":0}\n");
}

#[track_caller]
fn refuses_to_start(arguments: &[&str], token: Option<&str>, message: &str) {
    let mut command = Command::new(example("server"));
    command.args(arguments).env_remove("IM_CALLBACK_TOKEN");
    if let Some(token) = token {
        command.env("IM_CALLBACK_TOKEN", token);
    }
    let output = command.output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), format!("server: {message}\n"));
    assert_eq!((output.status.code(), output.stdout), (Some(1), Vec::new()));
}

#[test]
fn server_says_in_one_line_why_it_does_not_start() {
    let busy = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = busy.local_addr().unwrap().to_string();
    let in_use = format!("cannot listen on {address}: Address already in use (os error 98)");
    refuses_to_start(&["--address", &address], None, &in_use);
    let empty =
        "IM_CALLBACK_TOKEN: token: expected at least one byte, found none: with an empty token anybody can sign";
    refuses_to_start(&[], Some(""), empty);
    refuses_to_start(&["--token-file", "/nowhere"], None, "/nowhere: No such file or directory (os error 2)");
}

#[test]
fn probe_tells_by_its_exit_code() {
    let probe = |url: &str, arguments: &[&str]| {
        let output = Command::new(example("probe")).arg(url).args(arguments).env("IM_CALLBACK_TOKEN", TOKEN).output();
        let Output { status, stdout, stderr } = output.unwrap();
        (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
    };
    let server = Started::new(&example("server"), &[], Some(TOKEN));
    let (code, table, _) = probe(&server.url, &["--patience", "60"]);
    assert_eq!(code, Some(0), "{table}");
    assert!(table.ends_with(" as they should be\n") && !table.contains('\x1b'), "{table}");

    let careless = Started::new(&example("server"), &[], None);
    let (code, report, _) = probe(&careless.url, &["--patience", "60", "--json"]);
    assert_eq!(code, Some(1), "{report}");
    let report: Value = serde_json::from_str(&report).unwrap();
    let differing = report["cases"].as_array().unwrap().iter().filter(|case| case["passed"] == false);
    let forged = |case: &&str| case.starts_with("forged: ") || case.starts_with("stale: ");
    let differing: Vec<_> = differing.map(|case| case["case"].as_str().unwrap()).collect();
    assert!(differing.len() > 14 && differing.iter().all(forged), "{differing:?}");

    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let refused = format!("probe: http://{closed}/: Connection refused (os error 111)\n");
    assert_eq!(probe(&format!("http://{closed}/"), &[]), (Some(2), String::new(), refused));
}
