//! The server, started for real, with a database that changes.
#![cfg(target_os = "linux")]

use std::io::Write;
use std::path::PathBuf;

use example_support::PATH;
use example_support::testing::{
    Client, Started, TOKEN, attacks, connect, faults_and, finishes_on_sigterm, read_to_end, runtime,
};
use example_support::vendor::unix_seconds;
use im_group_full::testing::Callback;
use im_group_full::{SdkAppId, Token};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};

const PROGRAM: &str = env!("CARGO_BIN_EXE_example-tenants");

#[test]
fn answers_every_case() {
    let server = Started::new(PROGRAM, &[], Some(TOKEN));
    assert_eq!(server.differing(None), [""; 0]);
}

#[test]
fn the_line_that_it_prints_works_with_a_token_that_it_made_up() {
    let server = Started::new(PROGRAM, &[], None);
    assert_eq!(server.paste("", ""), "{\"ActionStatus\":\"OK\",\"ErrorInfo\":\"\",\"ErrorCode\":0}\n");
}

#[test]
fn goes_on_after_faults() {
    let server = Started::new(PROGRAM, &[], Some(TOKEN));
    faults_and(server.id(), PATH, Some(TOKEN), || connect(server.address()), || ());
}

#[test]
fn answers_while_connections_are_held() {
    let server = Started::limited(PROGRAM, &[], TOKEN);
    println!("{:?}", attacks(PATH, TOKEN, || connect(server.address())));
}

#[test]
fn finishes_what_it_is_at() {
    let server = Started::new(PROGRAM, &[], Some(TOKEN));
    let address = server.address().to_owned();
    finishes_on_sigterm(server, || connect(&address));
}

/// Sends a callback, and returns the status and the reason.
fn send(server: &Started, app: u64, token: &str) -> String {
    let callback = Callback::new(SdkAppId::new(app)).signed(&Token::new(token).unwrap(), unix_seconds());
    let body = String::from_utf8(callback.raw_body()).unwrap();
    let mut client = connect(server.address());
    let head = format!("POST {PATH}?{} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n", callback.raw_query());
    client.write_all(format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes()).unwrap();
    let answer = read_to_end(client);
    let status = answer.split(' ').nth(1).unwrap_or_default();
    let info = answer.split("\"ErrorInfo\":\"").nth(1).and_then(|rest| rest.split('"').next());
    format!("{status} {}", info.unwrap_or("-"))
}

fn execute(database: &PathBuf, statement: &'static str) {
    runtime().block_on(async {
        let mut connection = SqliteConnectOptions::new().filename(database).connect().await.unwrap();
        sqlx::query(statement).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    });
}

#[test]
fn looks_up_each_app_and_all_of_its_tokens() {
    let database = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("tenants.sqlite");
    let _ = std::fs::remove_file(&database);
    let server = Started::new(PROGRAM, &["--database", database.to_str().unwrap()], Some(TOKEN));
    let unknown = "403 parameter `SdkAppid`: not an app of this server";

    assert_eq!(send(&server, 888_888, TOKEN), "200 ");
    assert_eq!(send(&server, 7, TOKEN), unknown);
    // What is no app of ours is none, also where a careless look-up would make one up.
    assert_eq!(send(&server, 0, TOKEN), unknown);
    assert_eq!(send(&server, u64::MAX, TOKEN), unknown);

    execute(&database, "INSERT INTO callback_token VALUES (7, 'seven')");
    assert_eq!(send(&server, 7, "seven"), "200 ");
    assert_eq!(send(&server, 7, TOKEN), "403 signature: wrong");
    assert_eq!(send(&server, 888_888, "seven"), "403 signature: wrong");

    // A rotation, without a callback lost.
    execute(&database, "INSERT INTO callback_token VALUES (7, 'eight')");
    assert_eq!([send(&server, 7, "seven"), send(&server, 7, "eight")], ["200 ", "200 "]);
    execute(&database, "DELETE FROM callback_token WHERE token = 'seven'");
    assert_eq!([send(&server, 7, "seven"), send(&server, 7, "eight")], ["403 signature: wrong", "200 "]);

    execute(&database, "DELETE FROM callback_token WHERE sdk_app_id = 7");
    assert_eq!(send(&server, 7, "eight"), unknown);
}

#[test]
fn a_look_up_that_fails_is_no_refusal() {
    let database = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("failing.sqlite");
    let _ = std::fs::remove_file(&database);
    let mut server = Started::new(PROGRAM, &["--database", database.to_str().unwrap()], Some(TOKEN));
    execute(&database, "ALTER TABLE callback_token RENAME TO elsewhere");
    assert_eq!(send(&server, 888_888, TOKEN), "503 -");
    server.says("look-up failed");
    execute(&database, "ALTER TABLE elsewhere RENAME TO callback_token");
    assert_eq!(send(&server, 888_888, TOKEN), "200 ");
    execute(&database, "INSERT INTO callback_token VALUES (7, '')");
    assert_eq!(send(&server, 7, TOKEN), "503 -");
}

#[test]
fn a_body_that_breaks_off_is_not_too_large() {
    let server = Started::new(PROGRAM, &[], Some(TOKEN));
    let callback = Callback::new(SdkAppId::new(888_888)).signed(&Token::new(TOKEN).unwrap(), unix_seconds());
    let mut client = connect(server.address());
    let head = format!("POST {PATH}?{} HTTP/1.1\r\nHost: localhost\r\n", callback.raw_query());
    client.write_all(format!("{head}Content-Length: 9\r\n\r\n{{").as_bytes()).unwrap();
    client.finish();
    let answer = read_to_end(client);
    assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("ended before it was complete"), "{answer}");
}
