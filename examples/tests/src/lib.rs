//! Starts the small servers, as `cargo run -p` does.
#![allow(
    clippy::missing_panics_doc,
    clippy::must_use_candidate,
    reason = "a test helper panics where the test should fail"
)]

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use example_support::testing::Started;

/// The servers that are one file each.
pub const SERVERS: [&str; 5] = ["axum", "hyper", "poem", "actix", "tiny-http"];

/// Builds all programs at once, so that they share what they are built from, and returns their folder.
static BUILT: LazyLock<PathBuf> = LazyLock::new(|| {
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--quiet", "--package", "example-lambda", "--package", "example-server"]);
    for server in SERVERS {
        build.args(["--package", &format!("example-{server}")]);
    }
    assert!(build.status().unwrap().success());
    // This test is `target/debug/deps/name`.
    let test = std::env::current_exe().unwrap();
    test.ancestors().nth(2).unwrap().into()
});

/// Returns an example's program, with none of the caller's settings.
pub fn program(name: &str) -> Command {
    let mut command = Command::new(BUILT.join(format!("example-{name}")));
    command.env("IM_CALLBACK_ADDRESS", "127.0.0.1:0").env_remove("IM_SDK_APP_ID").env_remove("IM_CALLBACK_TOKEN");
    // A line for each rejection would bury the test's own.
    command.stderr(Stdio::null());
    command
}

/// Starts a server on a free port.
#[track_caller]
pub fn start(name: &str, token: Option<&str>) -> Started {
    let mut command = program(name);
    if name == "server" {
        let table = std::env::temp_dir().join(format!("rooms-{}.db", std::process::id()));
        command.args(["--address", "127.0.0.1:0", "--database"]).arg(table);
    }
    Started::spawn(&mut command, token)
}
