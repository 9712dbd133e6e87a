//! The server, started for real. Faults of connections are not for it: see its first lines.

use std::process::{Command, Stdio};

use example_support::testing::{Started, TOKEN};

const OK: &str = "{\"ActionStatus\":\"OK\",\"ErrorInfo\":\"\",\"ErrorCode\":0}\n";

fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_example-axum"));
    command.env("IM_CALLBACK_ADDRESS", "127.0.0.1:0").env_remove("IM_SDK_APP_ID").env_remove("IM_CALLBACK_TOKEN");
    command
}

#[test]
fn answers_every_case() {
    let server = Started::spawn(&mut command(), Some(TOKEN));
    assert_eq!(server.differing(None), [""; 0]);
}

#[test]
fn the_line_that_it_prints_works_with_a_token_that_it_made_up() {
    let mut server = Started::spawn(&mut command(), None);
    assert_eq!(server.paste("", ""), OK);
    assert_eq!(server.says("is full"), "\"@TGS#2J4SZEAEL\" is full");
    let forged = server.paste("Sign=$s", "Sign=");
    assert!(forged.contains("\"ErrorInfo\":\"signature: wrong\""), "{forged}");
}

#[test]
fn the_line_that_it_prints_does_not_show_the_vendors_token() {
    let server = Started::spawn(command().env("IM_SDK_APP_ID", "7"), Some(TOKEN));
    assert!(!server.curl.contains(TOKEN), "{}", server.curl);
    assert_eq!(server.paste("", ""), OK);
    assert!(server.paste("SdkAppid=7", "SdkAppid=8").contains("not an app of this server"));
}

#[test]
fn does_not_start_with_a_mistake() {
    for (name, value) in [("IM_CALLBACK_TOKEN", ""), ("IM_SDK_APP_ID", "x"), ("IM_CALLBACK_ADDRESS", "x")] {
        let output = command().env(name, value).stdout(Stdio::piped()).stderr(Stdio::piped()).output().unwrap();
        assert_eq!((output.status.code(), output.stdout), (Some(1), Vec::new()), "{name}");
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains(&format!("{name}: ")), "{said}");
    }
}
