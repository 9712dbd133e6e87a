//! A real Redis, and the program under test.
#![allow(dead_code, reason = "the tests and the figures each use a part of it")]

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use redis::streams::StreamPendingReply;
use redis::{FromRedisValue, RedisResult};

/// For what has to happen, however slow the machine.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A Redis of our own that is killed when it goes out of scope.
pub struct Redis {
    pub port: u16,
    dir: PathBuf,
    server: Child,
}

impl Redis {
    /// Starts one that forgets nothing. Without `redis-server` it says so and returns `None`, except
    /// in CI, where a test that is skipped would go unnoticed.
    pub fn start() -> Option<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        if Command::new("redis-server").arg("--version").stdout(Stdio::null()).status().is_err() {
            let how =
                "redis-server is not installed: `apt-get install redis-server`, then `cargo test -p example-redis`";
            assert!(std::env::var_os("CI").is_none(), "{how}");
            // Not `eprintln!`, which a test that passes does not show.
            let _ = writeln!(io::stderr(), "SKIPPED: {how}");
            return None;
        }
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("redis-{}-{number}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        let port = free_port();
        let mut redis = Self { port, server: serve(port, &dir), dir };
        redis.wait_until_up();
        Some(redis)
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    #[track_caller]
    pub fn ask<T: FromRedisValue>(&self, command: &str) -> T {
        self.try_ask(command).expect(command)
    }

    fn try_ask<T: FromRedisValue>(&self, command: &str) -> RedisResult<T> {
        let mut words = command.split(' ');
        let mut cmd = redis::cmd(words.next().unwrap());
        words.for_each(|word| {
            cmd.arg(word);
        });
        let mut connection = redis::Client::open(self.url()).unwrap().get_connection().unwrap();
        cmd.query(&mut connection)
    }

    /// How many entries are in the stream.
    #[track_caller]
    pub fn waiting(&self) -> usize {
        self.ask("XLEN group-full")
    }

    /// How many of them a worker has taken.
    #[track_caller]
    pub fn taken(&self) -> usize {
        self.try_ask::<StreamPendingReply>("XPENDING group-full workers").map_or(0, |pending| pending.count())
    }

    /// Kills it as the kernel would; not what a power cut does, which also loses what is not on the
    /// disk.
    pub fn kill(&mut self) {
        self.server.kill().unwrap();
        self.server.wait().unwrap();
    }

    pub fn start_again(&mut self) {
        self.server = serve(self.port, &self.dir);
        self.wait_until_up();
    }

    pub fn pause(&self) {
        send_signal(&self.server, "STOP");
    }

    pub fn go_on(&self) {
        send_signal(&self.server, "CONT");
    }

    fn wait_until_up(&mut self) {
        let client = redis::Client::open(self.url()).unwrap();
        eventually("redis is up", || {
            assert!(self.server.try_wait().unwrap().is_none(), "redis-server ended; see {}", self.dir.display());
            let mut connection = client.get_connection().ok()?;
            redis::cmd("PING").exec(&mut connection).ok()
        });
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
        let _ = fs::remove_dir_all(&self.dir);
    }
}

fn serve(port: u16, dir: &Path) -> Child {
    Command::new("redis-server")
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", ""])
        .args(["--appendonly", "yes", "--appendfsync", "always", "--maxmemory-policy", "noeviction"])
        .arg("--dir")
        .arg(dir)
        .stdout(File::create(dir.join("redis.log")).unwrap())
        .spawn()
        .unwrap()
}

/// Redis cannot be told to find one itself.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A running `example-redis` that is killed when it goes out of scope.
pub struct Process {
    child: Child,
    lines: Receiver<String>,
}

impl Process {
    /// Starts one; its output goes to the test.
    pub fn start(arguments: &[&str]) -> Self {
        let mut child = program(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
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

    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to stop, and returns whether it did so in good order.
    pub fn stop(mut self) -> bool {
        send_signal(&self.child, "TERM");
        self.child.wait().unwrap().success()
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

fn send_signal(child: &Child, name: &str) {
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-s", name, &pid]).status().unwrap().success());
}

/// A running receiver.
pub struct Front {
    pub process: Process,
    pub address: String,
}

impl Front {
    #[track_caller]
    pub fn start(redis: &Redis, more: &[&str]) -> Self {
        let url = redis.url();
        let arguments = ["receive", "--address", "127.0.0.1:0", "--redis", &url];
        let process = Process::start(&[&arguments, more].concat());
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

/// Waits until something is there.
#[track_caller]
pub fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(start.elapsed() < PATIENCE, "not in time: {what}");
        thread::sleep(Duration::from_millis(10));
    }
}
