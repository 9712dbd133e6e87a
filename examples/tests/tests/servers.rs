//! Every small server as a real process.
#![cfg(target_os = "linux")]

use std::io::{Read, Write};
use std::process::Stdio;

use example_support::PATH;
use example_support::testing::{Started, TOKEN, connect, faults, read_to_end};
use example_tests::{SERVERS, program, start};
use im_group_full::SdkAppId;
use im_group_full::testing::Callback;

const OK: &str = "{\"ActionStatus\":\"OK\",\"ErrorInfo\":\"\",\"ErrorCode\":0}\n";

/// Runs a test on all servers at the same time, because it mostly waits for slow senders.
fn each(test: impl Fn(&str) + Sync) {
    std::thread::scope(|scope| {
        let tests: Vec<_> = SERVERS.map(|name| (name, scope.spawn(|| test(name)))).into();
        let failed: Vec<_> = tests.into_iter().filter_map(|(name, test)| test.join().err().map(|_| name)).collect();
        assert_eq!(failed, [""; 0], "their messages are above");
    });
}

#[test]
fn answer_every_case() {
    each(|name| {
        let server = start(name, Some(TOKEN));
        assert_eq!(server.differing(None), [""; 0], "{name}");
    });
}

#[test]
fn go_on_after_faults() {
    each(|name| {
        println!("{name}");
        faults(&start(name, Some(TOKEN)));
    });
}

#[test]
fn print_a_line_that_works_and_what_happens() {
    each(|name| {
        let mut server = start(name, None);
        assert_eq!(server.paste("", ""), OK, "{name}");
        assert_eq!(server.says("is full"), "\"@TGS#2J4SZEAEL\" is full", "{name}");
        let forged = server.paste("Sign=$s", "Sign=");
        assert!(forged.contains("\"ErrorInfo\":\"signature: wrong\""), "{name}: {forged}");
    });
}

#[test]
fn do_not_print_the_vendors_token() {
    for name in SERVERS {
        let server = Started::spawn(program(name).env("IM_SDK_APP_ID", "7"), Some(TOKEN));
        assert!(!server.curl.contains(TOKEN), "{name}: {}", server.curl);
        assert_eq!(server.paste("", ""), OK, "{name}");
        assert!(server.paste("SdkAppid=7", "SdkAppid=8").contains("not an app of this server"), "{name}");
    }
}

#[test]
fn do_not_start_with_a_mistake() {
    for name in SERVERS {
        for (variable, value) in [("IM_CALLBACK_TOKEN", ""), ("IM_SDK_APP_ID", "x"), ("IM_CALLBACK_ADDRESS", "x")] {
            let mut command = program(name);
            let output = command.env(variable, value).stdout(Stdio::piped()).stderr(Stdio::piped()).output().unwrap();
            assert_eq!((output.status.code(), output.stdout), (Some(1), Vec::new()), "{name}: {variable}");
            let said = String::from_utf8(output.stderr).unwrap();
            assert!(said.contains(&format!("{variable}: ")), "{name}: {said}");
        }
    }
}

/// A head that announces more than any memory, without a body.
#[test]
fn outlive_a_huge_content_length_but_for_tiny_http() {
    let callback = Callback::new(SdkAppId::new(888_888)).raw_query();
    let head = format!("POST {PATH}?{callback} HTTP/1.1\r\nHost: a\r\nContent-Length: 4611686018427387904\r\n\r\n");
    each(|name| {
        let mut server = start(name, Some(TOKEN));
        let mut client = connect(server.address());
        client.write_all(head.as_bytes()).unwrap();
        if name == "tiny-http" {
            assert_ne!(server.ended(), Some(0), "its first comment is no longer true");
        } else {
            assert!(read_to_end(client).starts_with("HTTP/1.1 403 "), "{name}");
            assert_eq!(server.paste("", ""), OK, "{name}");
        }
    });
}

/// Sends the preface of HTTP/2, and looks for the limit of streams in the server's settings.
#[test]
fn poem_bounds_the_streams_of_a_connection() {
    let server = start("poem", Some(TOKEN));
    let mut client = connect(server.address());
    client.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").unwrap();
    let mut head = [0; 9];
    client.read_exact(&mut head).unwrap();
    assert_eq!(head[3], 4, "SETTINGS");
    let mut settings = vec![0; usize::from(head[2])];
    client.read_exact(&mut settings).unwrap();
    // Number 3 is SETTINGS_MAX_CONCURRENT_STREAMS.
    assert!(settings.chunks(6).any(|setting| setting == [0, 3, 0, 0, 0, 4]), "{settings:?}");
}

/// The guide has the same table, says the test of the pages.
#[test]
fn are_named_by_the_readme() {
    for page in [include_str!("../../../README.md"), include_str!("../../../README.zh-CN.md")] {
        let is_named = |name: &&str| page.contains(&format!("`{name}`"));
        assert!(SERVERS.iter().all(is_named), "{SERVERS:?}");
    }
}
