//! `examples/server.rs` answers at once, works afterwards, and finishes what it accepted.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use im_group_full::SdkAppId;
use im_group_full::testing::Callback;

const OK: &str = r#"{"ActionStatus":"OK","ErrorInfo":"","ErrorCode":0}"#;
const FULL: &str = r#"{"ActionStatus":"FAIL","ErrorInfo":"too many events are waiting","ErrorCode":1}"#;

struct Server {
    child: Child,
    lines: Box<dyn Iterator<Item = String>>,
    address: String,
}

impl Server {
    fn start(flags: &[&str]) -> Self {
        let mut child = Command::new(example("server"))
            .args(["--address", "127.0.0.1:0"])
            .args(flags)
            .env_remove("IM_CALLBACK_TOKEN")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut lines = lines.map_while(Result::ok);
        let line = lines.find(|line| line.starts_with("listening on http://")).unwrap();
        let address = line.split(['/', ' ']).find(|part| part.starts_with("127.0.0.1:")).unwrap().to_owned();
        Self { child, lines: Box::new(lines), address }
    }

    /// Reads up to a line that begins so.
    #[track_caller]
    fn says(&mut self, beginning: &str) {
        assert!(self.lines.any(|line| line.starts_with(beginning)), "never said {beginning:?}");
    }

    #[track_caller]
    fn post(&self, group_id: &str) -> String {
        let callback = Callback::new(SdkAppId::new(888_888)).group_id(group_id);
        let (query, body) = (callback.raw_query(), callback.raw_body());
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let length = body.len();
        let head =
            format!("POST /im/callback?{query} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {length}");
        stream.write_all(&[head.as_bytes(), b"\r\n\r\n", &body].concat()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.split_once("\r\n\r\n").unwrap().1.to_owned()
    }

    fn interrupt(&self) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", "INT", &pid]).status().unwrap().success());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Cargo builds the examples beside the tests.
fn example(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.ancestors().nth(2).unwrap().join("examples").join(name)
}

#[test]
fn a_full_queue_is_answered_and_logged() {
    let mut server = Server::start(&["--max-waiting", "1", "--pretend", "3600000"]);
    assert_eq!(server.post("worked on"), OK);
    // The worker takes the first one in its own time.
    while server.post("waiting") == FULL {}
    assert_eq!([server.post("one more"), server.post("waiting")], [FULL, OK]);
    server.says("lost \"one more\": too many events are waiting");
}

#[test]
fn what_was_accepted_is_finished_on_ctrl_c() {
    let mut server = Server::start(&["--pretend", "200"]);
    assert_eq!([server.post("a"), server.post("b"), server.post("c")], [OK, OK, OK]);
    server.interrupt();
    for line in ["finishing", "worked on \"b\"", "worked on \"c\"", "stopped: 3 accepted, 0 refused"] {
        server.says(line);
    }
    assert!(server.child.wait().unwrap().success());
}

#[test]
fn ctrl_c_again_gives_it_up() {
    let mut server = Server::start(&["--pretend", "3600000"]);
    assert_eq!([server.post("a"), server.post("b"), server.post("c")], [OK, OK, OK]);
    server.interrupt();
    server.says("finishing");
    server.interrupt();
    server.says("gave up ");
    assert!(server.child.wait().unwrap().success());
}
