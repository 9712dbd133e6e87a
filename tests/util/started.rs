//! Starts an example server for real, and speaks to it.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use im_group_full::{SdkAppId, Token};

use crate::vendor::{Sender, Target, play};

pub const TOKEN: &str = "xxxxyyyy";

/// Where cargo puts an example, which it builds with all tests; a single test file may find it missing.
#[track_caller]
pub fn example(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let profile = test.ancestors().nth(2).unwrap();
    let path = profile.join("examples").join(name);
    assert!(path.exists(), "{name} is not built: run `cargo build --examples`, or the whole `cargo test`");
    path
}

/// A process that ends with the value.
pub struct Ended(pub Child);

impl Drop for Ended {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A server of its own process.
pub struct Started {
    child: Ended,
    lines: BufReader<ChildStdout>,
    pub url: String,
    pub curl: String,
}

impl Started {
    /// Starts it on a free port, and waits until it says where it listens.
    #[track_caller]
    pub fn new(program: &Path, arguments: &[&str], token: Option<&str>) -> Self {
        let mut command = Command::new(program);
        command
            .args(["--address", "127.0.0.1:0"])
            .args(arguments)
            .stdout(Stdio::piped())
            .env_remove("IM_CALLBACK_TOKEN");
        if let Some(token) = token {
            command.env("IM_CALLBACK_TOKEN", token);
        }
        let mut child = Ended(command.spawn().unwrap());
        let lines = BufReader::new(child.0.stdout.take().unwrap());
        let mut started = Self { child, lines, url: String::new(), curl: String::new() };
        let listening = started.line();
        let url = listening.strip_prefix("listening on ").and_then(|line| line.split_once(' '));
        started.url = url.unwrap_or_else(|| panic!("unexpected: {listening}")).0.into();
        while started.curl.is_empty() {
            let line = started.line();
            if let Some(at) = line.find("curl ") {
                started.curl = line[at..].into();
            }
        }
        started
    }

    /// The next line that it prints.
    #[track_caller]
    pub fn line(&mut self) -> String {
        let mut line = String::new();
        assert_ne!(self.lines.read_line(&mut line).unwrap(), 0, "it ended");
        line.trim_end().to_owned()
    }

    pub fn id(&self) -> u32 {
        self.child.0.id()
    }

    /// Sends a signal: `INT` is what Ctrl-C sends, `TERM` what a service manager does.
    #[cfg(unix)]
    pub fn signal(&self, name: &str) {
        let id = self.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &id]).status().unwrap().success());
    }

    /// The same. Returns whether it ended well, and what it still had to say.
    #[cfg(unix)]
    pub fn stop(mut self, signal: &str) -> (Option<i32>, String) {
        self.signal(signal);
        let mut rest = String::new();
        self.lines.read_to_string(&mut rest).unwrap();
        (self.child.0.wait().unwrap().code(), rest)
    }

    /// Sends every case of the probe, and names those whose answer differs.
    pub fn differing(&mut self, token: Option<&str>, certificate: Option<&Path>) -> Vec<String> {
        let outcomes = runtime().block_on(async {
            let target = Target::new(&self.url, certificate).unwrap();
            let mut outcomes = Vec::new();
            for case in sender(token).cases() {
                outcomes.push(play(&target, &case, Duration::from_secs(60)).await.unwrap());
            }
            outcomes
        });
        assert!(outcomes.len() > 40);
        let differing = outcomes.into_iter().filter(|outcome| !outcome.passed);
        differing
            .map(|outcome| format!("{}: expected {}, got {}", outcome.case, outcome.expected, outcome.got))
            .collect()
    }
}

pub fn sender(token: Option<&str>) -> Sender {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    Sender { sdk_app_id: SdkAppId::new(888_888), token: token.map(|token| Token::new(token).unwrap()), now }
}

pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}
