//! A PostgreSQL of its own, which ends with the value.
#![allow(dead_code, reason = "each user takes what it needs")]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use tempfile::TempDir;

pub struct Postgres {
    child: Option<Child>,
    folder: TempDir,
    port: u16,
}

impl Postgres {
    /// Makes one and starts it.
    pub fn start(settings: &[&str]) -> Self {
        let mut new = Self::empty();
        new.make("initdb", &["--auth=trust", "--username=postgres", "--no-sync"]);
        // Replicas of this one may connect, too.
        let hba = new.data().join("pg_hba.conf");
        std::fs::write(
            &hba,
            "local all all trust\nhost all app 127.0.0.1/32 scram-sha-256\nhost all all 127.0.0.1/32 trust\nhost replication all 127.0.0.1/32 trust\n",
        )
        .unwrap();
        new.up(settings);
        new
    }

    /// Makes a standby of another one and starts it.
    pub fn standby_of(primary: &Self, settings: &[&str]) -> Self {
        let mut new = Self::empty();
        let source = format!("host=127.0.0.1 port={} user=postgres application_name=standby", primary.port);
        new.make("pg_basebackup", &["--write-recovery-conf", "--no-sync", "--checkpoint=fast", "--dbname", &source]);
        new.up(settings);
        new
    }

    fn empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        if is_root() {
            assert!(Command::new("chown").arg("nobody").arg(folder.path()).status().unwrap().success());
        }
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        Self { child: None, folder, port }
    }

    /// Writes a file that only it can read.
    pub fn write(&self, name: &str, text: &str) {
        let path = self.data().join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        if is_root() {
            assert!(Command::new("chown").arg("nobody").arg(path).status().unwrap().success());
        }
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn make(&self, program: &str, arguments: &[&str]) {
        let output = self.command(program).arg("--pgdata").arg(self.data()).args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// PostgreSQL refuses to run as root.
    fn command(&self, program: &str) -> Command {
        let program = programs().join(program);
        let mut command = Command::new(if is_root() { Path::new("setpriv") } else { &program });
        if is_root() {
            command.args(["--reuid=nobody", "--clear-groups"]).arg(&program);
        }
        command.current_dir(self.folder.path()).stdin(Stdio::null());
        command
    }

    /// Starts it and waits until it takes connections.
    pub fn up(&mut self, settings: &[&str]) {
        let log = std::fs::File::options().append(true).create(true).open(self.folder.path().join("log")).unwrap();
        let mut command = self.command("postgres");
        command.arg("-D").arg(self.data()).args([
            "-k",
            self.folder.path().to_str().unwrap(),
            "-p",
            &self.port.to_string(),
        ]);
        for setting in
            ["listen_addresses=127.0.0.1", "max_connections=300", "cluster_name=standby"].iter().chain(settings)
        {
            command.args(["-c", setting]);
        }
        command.stdout(Stdio::null()).stderr(log);
        for _ in 0..600 {
            // Behind a crash, the last processes of the old one may keep it from starting.
            if self.child.as_mut().is_none_or(|child| child.try_wait().unwrap().is_some()) {
                self.child = Some(command.spawn().unwrap());
            }
            if self.psql("SELECT 1").is_ok() {
                return;
            }
            sleep(Duration::from_millis(100));
        }
        panic!("PostgreSQL does not start: {}", std::fs::read_to_string(self.folder.path().join("log")).unwrap());
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    /// Runs a statement, and returns what it returns.
    pub fn psql(&self, sql: &str) -> Result<String, String> {
        let port = self.port.to_string();
        let mut command = Command::new(programs().join("psql"));
        let output = command
            .args(["-h", "127.0.0.1", "-p", &port, "-U", "postgres", "-AtXqc", sql, "postgres"])
            .output()
            .unwrap();
        let text = |bytes| String::from_utf8_lossy(bytes).trim().to_owned();
        if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
    }

    /// Makes a database on it, and returns its URL.
    pub fn database(&self, name: &str) -> String {
        self.psql(&format!("CREATE DATABASE {name}")).unwrap();
        self.url(name)
    }

    /// Takes one of its connections, until the value is dropped.
    pub fn hold(&self) -> std::io::Result<TcpStream> {
        const START: &[u8] = b"\0\0\0\x29\0\x03\0\0user\0postgres\0database\0postgres\0\0";
        let mut connection = TcpStream::connect(("127.0.0.1", self.port))?;
        connection.write_all(START)?;
        let mut answer = [0];
        connection.read_exact(&mut answer)?;
        if answer == *b"R" { Ok(connection) } else { Err(std::io::ErrorKind::ConnectionRefused.into()) }
    }

    /// Sends a signal to all its processes.
    pub fn signal(&self, name: &str) {
        let main = self.child.as_ref().unwrap().id();
        let children = Command::new("pgrep").args(["-P", &main.to_string()]).output().unwrap().stdout;
        let children = String::from_utf8(children).unwrap();
        let ids = [main.to_string()].into_iter().chain(children.lines().map(str::to_owned));
        let _ = Command::new("kill").args(["-s", name]).args(ids).stderr(Stdio::null()).status();
    }

    /// Lets it crash.
    pub fn crash(&mut self) {
        self.signal("KILL");
        let _ = self.child.take().unwrap().wait();
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if self.child.is_some() {
            self.signal("CONT");
            self.crash();
        }
    }
}

fn is_root() -> bool {
    let mut status = String::new();
    std::fs::File::open("/proc/self/status").unwrap().read_to_string(&mut status).unwrap();
    status.lines().any(|line| line.starts_with("Uid:\t0\t"))
}

/// Debian keeps the programs of each version in a folder of its own.
fn programs() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").expect("Debian's package `postgresql` is not installed");
    versions.map(|version| version.unwrap().path().join("bin")).max().expect("no version of PostgreSQL")
}
