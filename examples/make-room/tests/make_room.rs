//! Starts the example for real, and speaks to it.
#![cfg(target_os = "linux")]

use std::process::{Command, Output};
use std::sync::{Arc, mpsc};
use std::time::{Duration, SystemTime};

use example_support::PATH;
use example_support::rest_client::Client;
use example_support::stand_in::{Fault, Group, Member, StandIn};
use example_support::testing::{Started, TOKEN, attacks, connect, faults_and, finishes_on_sigterm};
use example_support::vendor::unix_seconds;
use im_group_full::testing::Callback;
use im_group_full::{SdkAppId, Token};

const PROGRAM: &str = env!("CARGO_BIN_EXE_example-make-room");
const APP: SdkAppId = SdkAppId::new(888_888);
const ADMIN: &str = "administrator";
const SECRET: &str = "5bd2850fff3ecb11d7c805251c51ee463a25727bddc2385f3fa8bfee1bb93b5e";
const GROUP: &str = "@TGS#2J4SZEAEL";
const OK: &str = r#"{"ActionStatus":"OK","ErrorInfo":"","ErrorCode":0}"#;
/// Where nobody listens, for what the worker does not matter to.
const NOWHERE: [&str; 6] = ["--region", "http://127.0.0.1:1", "--sdk-app-id", "888888", "--admin", ADMIN];

fn run_to_end(args: &[&str], token: Option<&str>) -> Output {
    let mut command = Command::new(PROGRAM);
    command.args(args).env_remove("IM_SECRET_KEY").env_remove("IM_CALLBACK_TOKEN");
    if let Some(token) = token {
        command.env("IM_CALLBACK_TOKEN", token);
    }
    command.output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Thirty members, silent for years but for the owner, who is the first.
fn stand_in() -> StandIn {
    let stand_in = StandIn::start(APP, ADMIN, SECRET, Arc::new(SystemTime::now)).unwrap();
    let members = (0..30).map(|i| {
        let role = if i == 0 { "Owner" } else { "Member" };
        let spoke = if i == 0 { unix_seconds() - 60 } else { 0 };
        Member { role, ..Member::new(format!("u{i:02}"), 1_500_000_000 + i, spoke) }
    });
    let group = Group { kind: "Public", limit: 30, members: members.collect() };
    stand_in.with(|vendor| vendor.groups.insert(GROUP.to_owned(), group));
    stand_in
}

/// The example, waiting for callbacks, with all that it prints on the standard output.
fn start(arguments: &[&str], secret_key: &str) -> Started {
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -n 256; exec \"$@\" 2>&1", "sh", PROGRAM, "--address", "127.0.0.1:0"]);
    Started::spawn(command.args(arguments).env("IM_SECRET_KEY", secret_key), Some(TOKEN))
}

fn start_with(stand_in: &StandIn, secret_key: &str, more: &[&str]) -> Started {
    let url = stand_in.url();
    let arguments = ["--region", &url, "--sdk-app-id", "888888", "--admin", ADMIN, "--free", "3"];
    start(&[&arguments[..], more].concat(), secret_key)
}

fn send(server: &Started, callback: &Callback) -> (u16, String) {
    let uri = format!("{}?{}", server.url, callback.raw_query());
    let request = im_group_full::http::Request::post(uri).body(callback.raw_body()).unwrap();
    let (status, body) = Client::new(Duration::from_secs(60)).send(request).unwrap();
    (status.as_u16(), text(&body))
}

fn callback() -> Callback {
    Callback::new(APP).group_id(GROUP).signed(&Token::new(TOKEN).unwrap(), unix_seconds())
}

/// What it prints until it is through with the group.
fn until_done(server: &mut Started) -> Vec<String> {
    let mut lines = Vec::new();
    while !lines.last().is_some_and(|line: &String| line.starts_with(GROUP)) {
        lines.push(server.line());
    }
    lines
}

#[test]
fn tells_the_whole_story_alone() {
    for (args, last, outcome) in
        [(vec![], "3 removed", "removed"), (vec!["--dry-run"], "3 would be removed", "planned")]
    {
        let output = run_to_end(&[&args[..], &["--free", "3", "--protect", "user00321"]].concat(), None);
        let stdout = text(&output.stdout);
        let lines: Vec<_> = stdout.lines().collect();
        assert!(output.status.success(), "{stdout}");
        assert_eq!(lines[2], format!("the callback was answered 200 OK: {OK}"));
        assert_eq!(lines[3], "account                   last active       joined            outcome");
        assert_eq!(lines.len(), 8, "{stdout}");
        for line in &lines[4..7] {
            assert!(line.starts_with("user") && line.ends_with(outcome), "{line}");
            assert!(!line.starts_with("user00321"), "{line}");
        }
        assert!(lines[7].ends_with(last), "{}", lines[7]);
    }
}

#[test]
fn removes_nobody_for_a_callback_that_is_not_signed() {
    let stand_in = stand_in();
    let server = start_with(&stand_in, SECRET, &[]);
    let (status, body) = send(&server, &Callback::new(APP).group_id(GROUP));
    assert!(status == 403 && body.contains("FAIL"), "{status} {body}");
    let (code, rest) = server.stop("TERM");
    assert_eq!(code, Some(0), "{rest}");
    assert_eq!(rest, "refused: parameter `Sign`: missing, and a token is set\n");
    assert_eq!(stand_in.with(|vendor| vendor.calls.len()), 0);
}

#[test]
fn does_not_start_without_a_token() {
    let output = run_to_end(&NOWHERE, None);
    let expected =
        "make-room: no token, so anybody could have members removed: set IM_CALLBACK_TOKEN or --token-file\n";
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(1), expected.to_owned()));
    let output = run_to_end(&["--region", "china", "--admin", ADMIN], Some(TOKEN));
    assert_eq!(output.status.code(), Some(2), "without an SDKAppID");
}

#[test]
fn answers_while_the_rest_side_hangs() {
    let stand_in = stand_in();
    let (release, released) = mpsc::channel::<()>();
    stand_in.on_call(move |_, _| {
        // Until the test lets go; then the sender is gone, and no call waits.
        let _ = released.recv();
        Fault::None
    });
    let mut server = start_with(&stand_in, SECRET, &["--protect", "u01"]);
    // The second one comes while the worker hangs at the first; both are answered before it is released.
    assert_eq!(send(&server, &callback()), (200, OK.to_owned()));
    assert_eq!(send(&server, &callback()), (200, OK.to_owned()));
    drop(release);
    let lines = until_done(&mut server);
    let accounts: Vec<_> = lines.iter().filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(accounts, ["account", "u02", "u03", "u04", "@TGS#2J4SZEAEL:"]);
    assert_eq!(lines.last().map(String::as_str), Some("@TGS#2J4SZEAEL: 3 removed"));
    assert_eq!(stand_in.with(|vendor| vendor.removed.clone()), ["u02", "u03", "u04"]);
}

#[test]
fn a_full_topic_is_not_its_community() {
    let stand_in = stand_in();
    let mut server = start_with(&stand_in, SECRET, &[]);
    assert_eq!(send(&server, &callback().topic_id("@TGS#_t@TOPIC#_t")), (200, OK.to_owned()));
    server.says("only its topic \"@TGS#_t@TOPIC#_t\" is full");
    // The worker takes one group after the other: had the first one reached it, it would be through with that before.
    assert_eq!(send(&server, &callback().group_id("another")), (200, OK.to_owned()));
    let line = server.says(" removed");
    assert!(line.starts_with("another: 0 removed, then: "), "{line}");
    assert_eq!(stand_in.with(|vendor| vendor.removed.len()), 0);
}

#[test]
fn secrets_are_not_printed_when_calls_fail() {
    let stand_in = stand_in();
    stand_in.on_call(|call, _| if call.number == 0 { Fault::BreakBefore } else { Fault::Code(10007) });
    let mut server = start_with(&stand_in, SECRET, &[]);
    assert_eq!(send(&server, &callback()), (200, OK.to_owned()));
    let lines = until_done(&mut server);
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].starts_with("no response: ") && !lines[0].contains("usersig"), "{}", lines[0]);
    assert_eq!(lines[1], "@TGS#2J4SZEAEL: 0 removed, then: the vendor answered 10007: as the test wants it");
}

#[test]
fn secret_key_comes_from_a_file_and_never_from_a_flag() {
    let app = ["--region", "china", "--sdk-app-id", "1", "--admin", "a"];
    let cases: [(&[&str], i32, &str); 4] = [
        (&[], 1, "make-room: IM_SECRET_KEY is not set, and there is no --secret-key-file\n"),
        (&["--secret-key-file", "/nowhere"], 1, "make-room: /nowhere: No such file or directory (os error 2)\n"),
        (&["--secret-key-file", "/dev/null"], 1, "make-room: expected a secret key, found nothing\n"),
        (&["--secret-key", SECRET], 2, "error: unexpected argument '--secret-key' found"),
    ];
    for (more, code, expected) in cases {
        let output = run_to_end(&[&app[..], more].concat(), Some(TOKEN));
        assert_eq!(output.status.code(), Some(code));
        assert!(text(&output.stderr).starts_with(expected), "{}", text(&output.stderr));
    }

    let file = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("secret");
    std::fs::write(&file, format!("{SECRET}\n")).unwrap();
    let stand_in = stand_in();
    let mut server = start_with(&stand_in, "not the key", &["--dry-run", "--secret-key-file", file.to_str().unwrap()]);
    assert_eq!(send(&server, &callback()).0, 200);
    let lines = until_done(&mut server);
    assert_eq!(lines.last().map(String::as_str), Some("@TGS#2J4SZEAEL: 3 would be removed"));
    assert_eq!(stand_in.with(|vendor| vendor.removed.len()), 0);
}

#[test]
fn answers_every_case() {
    let server = start(&NOWHERE, SECRET);
    assert_eq!(server.differing(None), [""; 0]);
}

#[test]
fn goes_on_after_faults() {
    let server = start(&NOWHERE, SECRET);
    faults_and(server.id(), PATH, Some(TOKEN), || connect(server.address()), || ());
}

#[test]
fn answers_while_connections_are_held() {
    let server = start(&NOWHERE, SECRET);
    println!("{:?}", attacks(PATH, TOKEN, || connect(server.address())));
}

#[test]
fn finishes_what_it_is_at() {
    let server = start(&NOWHERE, SECRET);
    let address = server.address().to_owned();
    finishes_on_sigterm(server, || connect(&address));
}
