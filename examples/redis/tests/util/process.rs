use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use super::{PATIENCE, Redis, eventually, send_signal};

/// A running `example-redis` that is killed when it goes out of scope.
pub struct Process {
    child: Child,
    lines: Receiver<String>,
}

impl Process {
    /// Starts one; its output goes to the test.
    pub fn start(arguments: &[&str]) -> Self {
        Self::listen_to(&mut program(arguments))
    }

    /// The same with the secret key of an app.
    pub fn start_with_key(arguments: &[&str], key: &str) -> Self {
        Self::listen_to(program(arguments).env("IM_SECRET_KEY", key))
    }

    fn listen_to(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (sender, lines) = channel();
        let output: [Box<dyn Read + Send>; 2] =
            [Box::new(child.stdout.take().unwrap()), Box::new(child.stderr.take().unwrap())];
        for output in output {
            let sender = sender.clone();
            thread::spawn(move || {
                BufReader::new(output).lines().map_while(Result::ok).try_for_each(|l| sender.send(l))
            });
        }
        Self { child, lines }
    }

    /// Starts one; what it prints on standard output goes to a file, and survives it.
    pub fn start_into(arguments: &[&str], stdout: &Path, stderr: &Path) -> Self {
        let append = |path| File::options().create(true).append(true).open(path).unwrap();
        let child = program(arguments).stdout(append(stdout)).stderr(append(stderr)).spawn().unwrap();
        Self { child, lines: channel().1 }
    }

    /// Waits for a line that holds the text.
    #[track_caller]
    pub fn says(&self, text: &str) -> String {
        let mut said = Vec::new();
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) if line.contains(text) => return line,
                Ok(line) => said.push(line),
                Err(error) => panic!("expected {text:?}, found {said:#?}: {error}"),
            }
        }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to stop, and returns whether it did so in good order and in time.
    pub fn stop(mut self) -> bool {
        send_signal(&self.child, "TERM");
        eventually("it stops", || self.child.try_wait().unwrap()).success()
    }

    /// Waits for the end, and returns whether it was a good one.
    pub fn ends(mut self) -> bool {
        eventually("it ends", || self.child.try_wait().unwrap()).success()
    }

    pub fn pause(&self) {
        send_signal(&self.child, "STOP");
    }

    pub fn go_on(&self) {
        send_signal(&self.child, "CONT");
    }

    /// Starts one whose standard error is a pipe that nobody reads, or that is closed.
    pub fn start_unheard(arguments: &[&str], closed: bool) -> (Self, Option<ChildStderr>) {
        let mut child = program(arguments).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let pipe = child.stderr.take().filter(|_| !closed);
        (Self { child, lines: channel().1 }, pipe)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_example-redis"));
    command.args(arguments).env_remove("REDIS_URL").env_remove("IM_CALLBACK_TOKEN").stdin(Stdio::null());
    command
}

/// A running receiver.
pub struct Front {
    pub process: Process,
    pub address: String,
}

impl Front {
    #[track_caller]
    pub fn start(redis: &Redis, more: &[&str]) -> Self {
        Self::start_at(&redis.url(), more)
    }

    #[track_caller]
    pub fn start_at(url: &str, more: &[&str]) -> Self {
        Self::start_with(&[&["--redis", url], more].concat())
    }

    #[track_caller]
    pub fn start_with(flags: &[&str]) -> Self {
        let process = Process::start(&[&["receive", "--address", "127.0.0.1:0"], flags].concat());
        let line = process.says("listening on http://");
        let address = line.split(['/', ' ']).find(|part| part.starts_with("127.0.0.1:")).unwrap().to_owned();
        Self { process, address }
    }

    #[track_caller]
    pub fn post(&self, group: &str, event_time: Option<u64>) -> String {
        post(&self.address, group, event_time)
    }
}

/// Sends an event and returns the body of the answer.
#[track_caller]
pub fn post(address: &str, group: &str, event_time: Option<u64>) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(request(group, event_time, "close").as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    body.to_owned()
}

/// Returns what `--metrics` shows.
#[track_caller]
pub fn get(address: &str) -> String {
    let mut stream = eventually("it listens", || TcpStream::connect(address).ok());
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// Returns the vendor's request, as it is on the wire.
pub fn request(group: &str, event_time: Option<u64>, connection: &str) -> String {
    let time = event_time.map(|millis| format!(r#","EventTime":{millis}"#)).unwrap_or_default();
    let body = format!(r#"{{"CallbackCommand":"Group.CallbackAfterGroupFull","GroupId":"{group}"{time}}}"#);
    let query = "SdkAppid=888888&CallbackCommand=Group.CallbackAfterGroupFull&contenttype=json\
                 &ClientIP=127.0.0.1&OptPlatform=RESTAPI";
    let length = body.len();
    format!(
        "POST /im/callback?{query} HTTP/1.1\r\nhost: x\r\nconnection: {connection}\r\ncontent-length: {length}\r\n\r\n{body}"
    )
}
