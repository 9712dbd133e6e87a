//! Starts the example `make_room` for real, and speaks to it.

#[path = "../examples/support/client.rs"]
mod client;
#[path = "../examples/support/stand_in/mod.rs"]
mod stand_in;

use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, ChildStderr, ChildStdout, Command, Output, Stdio};
use std::sync::{Arc, OnceLock, mpsc};
use std::time::{Duration, SystemTime};

use http::Request;
use im_group_full::SdkAppId;
use stand_in::{Fault, Group, Member, StandIn};

const APP: SdkAppId = SdkAppId::new(1_400_000_001);
const ADMIN: &str = "administrator";
const SECRET: &str = "5bd2850fff3ecb11d7c805251c51ee463a25727bddc2385f3fa8bfee1bb93b5e";
const GROUP: &str = "@TGS#2J4SZEAEL";
const OK: &str = r#"{"ActionStatus":"OK","ErrorInfo":"","ErrorCode":0}"#;

/// Builds the example in the profile of this test, beside which cargo puts it.
fn example() -> &'static PathBuf {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--quiet", "--example", "make_room"]);
        if !cfg!(debug_assertions) {
            cargo.arg("--release");
        }
        // Of this package, and not there when cargo is called by hand: build scripts that look at them would run anew.
        for (name, _) in
            std::env::vars().filter(|(name, _)| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_"))
        {
            cargo.env_remove(name);
        }
        assert!(cargo.status().unwrap().success());
        let this = std::env::current_exe().unwrap();
        let profile = this.parent().and_then(|deps| deps.parent()).unwrap();
        profile.join("examples").join(format!("make_room{}", std::env::consts::EXE_SUFFIX))
    })
}

fn run_to_end(args: &[&str]) -> Output {
    Command::new(example()).args(args).env_remove("IM_SECRET_KEY").output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Thirty members, silent for years; the owner is the first.
fn stand_in() -> StandIn {
    let stand_in = StandIn::start(APP, ADMIN, SECRET, Arc::new(SystemTime::now)).unwrap();
    let members = (0..30).map(|i| {
        let role = if i == 0 { "Owner" } else { "Member" };
        Member { role, ..Member::new(format!("u{i:02}"), 1_500_000_000 + i, 0) }
    });
    let group = Group { kind: "Public", limit: 30, members: members.collect() };
    stand_in.with(|vendor| vendor.groups.insert(GROUP.to_owned(), group));
    stand_in
}

/// The example, waiting for callbacks; it ends with this value.
struct Running {
    child: Child,
    stdout: BufReader<ChildStdout>,
    stderr: ChildStderr,
    url: String,
}

impl Running {
    fn start(stand_in: &StandIn, secret_key: &str, more: &[&str]) -> Self {
        let mut child = Command::new(example())
            .args(["--region", &stand_in.url(), "--sdk-app-id", "1400000001", "--admin", ADMIN, "--free", "3"])
            .args(more)
            .env("IM_SECRET_KEY", secret_key)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let stderr = child.stderr.take().unwrap();
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let url = line.trim_end().strip_prefix("listening for callbacks at ").unwrap().to_owned();
        Self { child, stdout, stderr, url }
    }

    /// Sends a callback as the vendor does.
    fn callback(&self, app: &str, group_id: &str) -> (u16, String) {
        let command = "Group.CallbackAfterGroupFull";
        let uri = format!("{}?SdkAppid={app}&CallbackCommand={command}&contenttype=json", self.url);
        let body = format!(r#"{{"CallbackCommand":"{command}","GroupId":"{group_id}"}}"#);
        let request = Request::post(uri).body(body.into_bytes()).unwrap();
        let (status, body) = client::Client::new(Duration::from_secs(60)).send(request).unwrap();
        (status.as_u16(), text(&body))
    }

    /// What it prints until it is through with the group.
    fn until_done(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        while !lines.last().is_some_and(|line: &String| line.starts_with(GROUP)) {
            let mut line = String::new();
            assert_ne!(self.stdout.read_line(&mut line).unwrap(), 0, "ended after {lines:?}");
            lines.push(line.trim_end().to_owned());
        }
        lines
    }

    /// Stops it; returns all that it printed to the standard error.
    fn stop(mut self) -> String {
        self.child.kill().unwrap();
        let mut errors = String::new();
        self.stderr.read_to_string(&mut errors).unwrap();
        errors
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn tells_the_whole_story_alone() {
    for (args, last, outcome) in [(vec![], "3 removed", "removed"), (vec!["--dry-run"], "3 would go", "planned")] {
        let output = run_to_end(&[&args[..], &["--free", "3", "--protect", "user00321"]].concat());
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
fn answers_while_the_rest_side_hangs() {
    let stand_in = stand_in();
    let (release, released) = mpsc::channel::<()>();
    stand_in.on_call(move |_, _| {
        // Until the test lets go; then the sender is gone, and no call waits.
        let _ = released.recv();
        Fault::None
    });
    let mut running = Running::start(&stand_in, SECRET, &["--protect", "u01"]);
    // The second one comes while the worker hangs at the first; both are answered before it is released.
    assert_eq!(running.callback("1400000001", GROUP), (200, OK.to_owned()));
    assert_eq!(running.callback("1400000001", GROUP), (200, OK.to_owned()));
    assert_eq!(running.callback("1400000002", GROUP).0, 403);
    drop(release);
    let lines = running.until_done();
    let accounts: Vec<_> = lines.iter().filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(accounts, ["account", "u02", "u03", "u04", "@TGS#2J4SZEAEL:"]);
    assert_eq!(lines.last().map(String::as_str), Some("@TGS#2J4SZEAEL: 3 removed"));
    assert_eq!(stand_in.with(|vendor| vendor.removed.clone()), ["u02", "u03", "u04"]);
    assert!(running.stop().starts_with("refused: "));
}

#[test]
fn secrets_are_not_printed_when_calls_fail() {
    let stand_in = stand_in();
    stand_in.on_call(|call, _| if call.number == 0 { Fault::BreakBefore } else { Fault::Code(10007) });
    let mut running = Running::start(&stand_in, SECRET, &[]);
    assert_eq!(running.callback("1400000001", GROUP), (200, OK.to_owned()));
    let lines = running.until_done();
    assert_eq!(lines, ["@TGS#2J4SZEAEL: 0 removed, then: the vendor answered 10007: as the test wants it"]);
    let errors = running.stop();
    assert_eq!(errors.lines().count(), 1, "{errors}");
    assert!(errors.starts_with("no response: ") && !errors.contains("usersig") && !errors.contains(SECRET), "{errors}");
}

#[test]
fn secret_key_comes_from_a_file_and_never_from_a_flag() {
    let app = ["--region", "china", "--sdk-app-id", "1", "--admin", "a"];
    let cases: [(&[&str], i32, &str); 4] = [
        (&[], 1, "IM_SECRET_KEY is not set, and there is no --secret-key-file\n"),
        (&["--secret-key-file", "/nowhere"], 1, "/nowhere: No such file or directory (os error 2)\n"),
        (&["--secret-key-file", "/dev/null"], 1, "expected a secret key, found nothing\n"),
        (&["--secret-key", SECRET], 2, "error: unexpected argument '--secret-key' found"),
    ];
    for (more, code, expected) in cases {
        let output = run_to_end(&[&app[..], more].concat());
        assert_eq!(output.status.code(), Some(code));
        assert!(text(&output.stderr).starts_with(expected), "{}", text(&output.stderr));
    }

    let file = std::env::temp_dir().join(format!("im-group-full-{}", std::process::id()));
    std::fs::write(&file, format!("{SECRET}\n")).unwrap();
    let stand_in = stand_in();
    let more = ["--dry-run", "--secret-key-file", file.to_str().unwrap()];
    let mut running = Running::start(&stand_in, "not the key", &more);
    assert_eq!(running.callback("1400000001", GROUP).0, 200);
    assert_eq!(running.until_done().last().map(String::as_str), Some("@TGS#2J4SZEAEL: 3 would go"));
    std::fs::remove_file(file).unwrap();
    assert_eq!(stand_in.with(|vendor| vendor.removed.len()), 0);
}
