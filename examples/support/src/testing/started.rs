use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use im_group_full::{SdkAppId, Token};

use crate::vendor::{Sender, Target, play, unix_seconds};
use crate::{PATH, TOKEN_VARIABLE};

/// The token of the tests.
pub const TOKEN: &str = "xxxxyyyy";

/// The time-out for an answer that must arrive, even on a slow machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A process that is killed when the value is dropped.
pub struct Ended(pub Child);

impl Drop for Ended {
    fn drop(&mut self) {
        // It may already have ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A server in its own process.
pub struct Started {
    child: Ended,
    lines: BufReader<ChildStdout>,
    token: Option<String>,
    /// Its URL, as it prints it.
    pub url: String,
    /// The line to try it, as it prints it.
    pub curl: String,
}

impl Started {
    /// Starts it, and waits until it prints where it listens.
    #[track_caller]
    pub fn spawn(command: &mut Command, token: Option<&str>) -> Self {
        command.env_remove(TOKEN_VARIABLE).envs(token.map(|token| (TOKEN_VARIABLE, token)));
        let mut started = Self { token: token.map(str::to_owned), ..Self::running(command) };
        let listening = started.says("listening on ");
        let url = listening.strip_prefix("listening on ").and_then(|line| line.split(' ').next());
        started.url = url.unwrap_or_else(|| panic!("unexpected: {listening}")).into();
        started.curl = started.says("curl ").trim().into();
        started
    }

    /// Starts a process that does not listen.
    #[track_caller]
    pub fn running(command: &mut Command) -> Self {
        let mut child = Ended(command.stdout(Stdio::piped()).spawn().unwrap());
        let lines = BufReader::new(child.0.stdout.take().unwrap());
        Self { child, lines, token: None, url: String::new(), curl: String::new() }
    }

    /// Reads the next line that it prints.
    #[track_caller]
    pub fn line(&mut self) -> String {
        let mut line = String::new();
        assert_ne!(self.lines.read_line(&mut line).unwrap(), 0, "it ended");
        line.trim_end().to_owned()
    }

    /// Reads until a line contains the text.
    #[track_caller]
    pub fn says(&mut self, text: &str) -> String {
        loop {
            let line = self.line();
            if line.contains(text) {
                return line;
            }
        }
    }

    /// Runs the printed line in a shell, with one part replaced, and returns the answer.
    #[track_caller]
    pub fn paste(&self, from: &str, to: &str) -> String {
        let mut shell = Command::new("sh");
        shell.args(["-c", &self.curl.replace(from, to)]).envs(self.token.iter().map(|token| (TOKEN_VARIABLE, token)));
        let output = shell.output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
        String::from_utf8(output.stdout).unwrap()
    }

    pub fn id(&self) -> u32 {
        self.child.0.id()
    }

    /// Returns the host and the port.
    pub fn address(&self) -> &str {
        self.url.split("://").nth(1).and_then(|url| url.strip_suffix(PATH)).unwrap()
    }

    /// Sends a signal: `INT` is what Ctrl-C sends, `TERM` what a service manager does.
    #[track_caller]
    pub fn signal(&self, name: &str) {
        let id = self.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &id]).status().unwrap().success());
    }

    /// Sends a signal and waits. Returns the exit code and the rest of the output.
    #[track_caller]
    pub fn stop(mut self, signal: &str) -> (Option<i32>, String) {
        self.signal(signal);
        let mut rest = String::new();
        self.lines.read_to_string(&mut rest).unwrap();
        (self.child.0.wait().unwrap().code(), rest)
    }

    /// Waits until it ends by itself, and returns the exit code.
    #[track_caller]
    pub fn ended(&mut self) -> Option<i32> {
        self.child.0.wait().unwrap().code()
    }

    /// Sends every case of the probe, and returns those whose answer differs.
    #[track_caller]
    pub fn differing(&self, certificate: Option<&Path>) -> Vec<String> {
        let (target, cases) = (Target::new(&self.url, certificate).unwrap(), sender(self.token.as_deref()).cases());
        assert!(cases.len() > 40);
        let (mut kept, mut differing) = (None, Vec::new());
        runtime().block_on(async {
            for case in &cases {
                let outcome = play(&target, &mut kept, case, PATIENCE).await.unwrap();
                if !outcome.passed {
                    differing.push(format!("{}: expected {}, got {}", case.name, outcome.expected, outcome.got));
                }
            }
        });
        differing
    }
}

/// Returns the vendor with the configuration of the servers under test.
pub fn sender(token: Option<&str>) -> Sender {
    let token = token.map(|token| Token::new(token).unwrap());
    Sender { sdk_app_id: SdkAppId::new(888_888), token, now: unix_seconds() }
}

pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}
