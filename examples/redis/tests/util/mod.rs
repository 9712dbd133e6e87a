//! A real Redis, and the program under test.
#![allow(dead_code, reason = "the tests and the figures each use a part of it")]

use std::fs::{self, File};
use std::io::{self, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use redis::streams::StreamPendingReply;
use redis::{FromRedisValue, RedisResult};
use sha2::{Digest, Sha256};

pub mod process;
pub mod proxy;

/// For what has to happen, however slow the machine.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A Redis of our own that is killed when it goes out of scope.
pub struct Redis {
    pub port: u16,
    dir: PathBuf,
    server: Child,
    settings: Vec<String>,
}

impl Redis {
    /// Starts one that forgets nothing. Without `redis-server` it says so and returns `None`, except
    /// in CI, where a test that is skipped would go unnoticed.
    pub fn start() -> Option<Self> {
        Self::start_as(&[])
    }

    /// The same with further settings.
    pub fn start_as(settings: &[&str]) -> Option<Self> {
        Self::start_at(free_port(), settings)
    }

    pub fn start_at(port: u16, settings: &[&str]) -> Option<Self> {
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
        let settings: Vec<_> = settings.iter().map(|&word| word.to_owned()).collect();
        let mut redis = Self { port, server: serve(port, &dir, &settings), dir, settings };
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

    pub fn try_ask<T: FromRedisValue>(&self, command: &str) -> RedisResult<T> {
        let mut words = command.split(' ');
        let mut cmd = redis::cmd(words.next().unwrap());
        words.for_each(|word| {
            cmd.arg(word);
        });
        let mut connection = redis::Client::open(self.url())?.get_connection()?;
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

    /// How often the first of them was delivered.
    #[track_caller]
    pub fn delivered(&self) -> u64 {
        let pending: RedisResult<Vec<(String, String, u64, u64)>> = self.try_ask("XPENDING group-full workers - + 1");
        pending.ok().and_then(|pending| pending.first().map(|entry| entry.3)).unwrap_or(0)
    }

    /// How many entries are among the dead.
    #[track_caller]
    pub fn dead(&self) -> usize {
        self.ask("XLEN {group-full}:dead")
    }

    /// Kills it as the kernel would; not what a power cut does, which also loses what is not on the
    /// disk.
    pub fn kill(&mut self) {
        self.server.kill().unwrap();
        self.server.wait().unwrap();
    }

    pub fn start_again(&mut self) {
        self.server = serve(self.port, &self.dir, &self.settings);
        self.wait_until_up();
    }

    /// Comes back as the replica of another one.
    pub fn follow(&mut self, primary: u16) {
        self.settings.extend(["--replicaof", "127.0.0.1", &primary.to_string()].map(str::to_owned));
        self.start_again();
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
            let ping = client.get_connection().and_then(|mut connection| redis::cmd("PING").exec(&mut connection));
            // One that wants a password is up, too.
            ping.or_else(|error| if error.code() == Some("NOAUTH") { Ok(()) } else { Err(error) }).ok()
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

fn serve(port: u16, dir: &Path, settings: &[String]) -> Child {
    Command::new("redis-server")
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", ""])
        .args(["--appendonly", "yes", "--appendfsync", "always", "--maxmemory-policy", "noeviction"])
        .arg("--dir")
        .arg(dir)
        .args(settings)
        .stdout(File::create(dir.join("redis.log")).unwrap())
        .spawn()
        .unwrap()
}

/// A Sentinel that watches this primary under the name `mymaster`.
pub fn sentinel(primary: u16) -> Redis {
    let (port, dir) = (free_port(), Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("sentinel-{primary}")));
    fs::create_dir_all(&dir).unwrap();
    let file = dir.join("sentinel.conf");
    let settings = format!("port {port}\nbind 127.0.0.1\nsentinel monitor mymaster 127.0.0.1 {primary} 1\n");
    fs::write(&file, settings).unwrap();
    let log = File::create(dir.join("sentinel.log")).unwrap();
    let server = Command::new("redis-server").arg(&file).arg("--sentinel").stdout(log).spawn().unwrap();
    let mut sentinel = Redis { port, dir, server, settings: Vec::new() };
    sentinel.wait_until_up();
    sentinel
}

/// The key that says that an event is known.
pub fn mark(event: &str) -> String {
    format!("{{group-full}}:mark:{}", hex::encode(Sha256::digest(event)))
}

/// Redis cannot be told to find one itself.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
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

fn send_signal(child: &Child, name: &str) {
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-s", name, &pid]).status().unwrap().success());
}
