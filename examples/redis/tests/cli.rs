//! What the program says to the one who starts it.

use std::net::TcpListener;
use std::process::{Command, Output};

fn run(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_example-redis"));
    command.args(arguments).env_remove("REDIS_URL").env("IM_CALLBACK_TOKEN", "hunter2").output().unwrap()
}

#[track_caller]
fn refused(arguments: &[&str], expected: &str) {
    let output = run(arguments);
    assert!(!output.status.success());
    let found = String::from_utf8(output.stderr).unwrap();
    // A line of the log may come before it.
    assert_eq!(found.lines().find(|line| line.starts_with("error: ")), Some(expected));
    assert!(!found.contains("hunter2"), "{found}");
}

#[test]
fn errors_take_one_line_and_show_no_secret() {
    refused(
        &["receive", "--sdk-app-id", "12e3"],
        "error: invalid value '12e3' for '--sdk-app-id <SDK_APP_ID>': expected decimal digits that fit 64 bits",
    );
    refused(
        &["receive", "--redis", "http://:hunter2@x"],
        "error: --redis: Redis URL did not parse - InvalidClientConfig",
    );
    refused(
        &["work", "--redis", "redis://:hunter2@x,redis://:hunter2@y"],
        "error: --redis: several URLs are for --cluster or --sentinel",
    );
    refused(
        &["work", "--redis", "rediss://:hunter2@x", "--ca", "/nowhere"],
        "error: --ca: /nowhere: No such file or directory (os error 2)",
    );
    refused(&["dead", "--stream", "{a}"], r#"error: --stream: expected a name without braces, found "{a}""#);
    refused(&["work", "--remove"], "error: the following required arguments were not provided:");
    refused(
        &["work", "--claim-after", "0"],
        "error: invalid value '0' for '--claim-after <SECONDS>': 0 is not in 1..=604800",
    );
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let expected = format!("error: cannot listen on {address}: Address already in use (os error 98)");
    refused(&["receive", "--address", &address], &expected);
}

#[test]
fn the_help_teaches() {
    let output = run(&["--help"]);
    assert!(output.status.success());
    let help = String::from_utf8(output.stdout).unwrap();
    for part in ["redis-server --appendonly yes", "cargo run -p example-redis -- receive", "OK", "FAIL"] {
        assert!(help.contains(part), "{part}");
    }
    for (command, part) in [("receive", "--mark-life <SECONDS>"), ("work", "--claim-after <SECONDS>")] {
        let help = String::from_utf8(run(&[command, "--help"]).stdout).unwrap();
        assert!(help.contains(part) && !help.contains("hunter2"), "{help}");
    }
}
