//! Starts the server on a table of its own.
#![allow(dead_code, reason = "each test takes what it needs")]

pub mod postgres;

use std::process::{Command, Output};
use std::thread::sleep;
use std::time::Duration;

use example_support::testing::Started;
use tempfile::TempDir;

pub const OK: &str = "{\"ActionStatus\":\"OK\",\"ErrorInfo\":\"\",\"ErrorCode\":0}\n";
pub const GROUP: &str = "@TGS#2J4SZEAEL";

/// Variables that would change what the server does.
const VARIABLES: [&str; 5] =
    ["IM_SDK_APP_ID", "IM_CALLBACK_TOKEN", "IM_CALLBACK_ADDRESS", "IM_REST_SECRET_KEY", "PGPASSWORD"];

/// A table, and perhaps a folder that goes with it.
pub struct Table {
    pub database: String,
    _folder: Option<TempDir>,
}

impl Table {
    /// A file of its own.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { database: folder.path().join("rooms.db").to_str().unwrap().to_owned(), _folder: Some(folder) }
    }

    /// One on a PostgreSQL.
    pub fn at(url: String) -> Self {
        Self { database: url, _folder: None }
    }

    /// A command of the operator's, or the server itself.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_example-server"));
        for variable in VARIABLES {
            command.env_remove(variable);
        }
        command.args(arguments).env("IM_DATABASE", &self.database);
        command
    }

    #[track_caller]
    pub fn start(&self, arguments: &[&str], token: Option<&str>) -> Started {
        Started::spawn(self.command(arguments).args(["--address", "127.0.0.1:0"]), token)
    }

    fn output(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Runs a command that succeeds, and returns what it says.
    #[track_caller]
    pub fn says(&self, arguments: &[&str]) -> String {
        let output = self.output(arguments);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs a command that fails, and returns why.
    #[track_caller]
    pub fn refuses(&self, arguments: &[&str]) -> String {
        let output = self.output(arguments);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0), "{arguments:?}");
        String::from_utf8(output.stderr).unwrap()
    }

    /// Waits until the table is empty.
    #[track_caller]
    pub fn shows_nothing(&self) {
        eventually(|| self.says(&["rooms"]), |list| list.starts_with("no group"));
    }

    /// Waits until the list of rooms holds the text.
    #[track_caller]
    pub fn shows(&self, text: &str) -> String {
        eventually(|| self.says(&["rooms"]), |list| list.contains(text))
    }
}

/// Asks again and again until the answer is the wanted one; half a minute is for the slowest machine.
#[track_caller]
pub fn eventually(ask: impl Fn() -> String, wanted: impl Fn(&str) -> bool) -> String {
    for _ in 0..300 {
        let answer = ask();
        if wanted(&answer) {
            return answer;
        }
        sleep(Duration::from_millis(100));
    }
    panic!("not in half a minute: {}", ask());
}
