//! A PostgreSQL of its own, which ends with the value.
#![allow(dead_code, reason = "each user takes what it needs")]

use std::fs::{self, File, Permissions};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use tempfile::TempDir;

/// PostgreSQL refuses to run as root.
const NOBODY: u32 = 65534;

pub struct Postgres {
    child: Option<Child>,
    folder: TempDir,
    port: u16,
}

impl Postgres {
    /// Makes one and starts it. Only `app` needs a password.
    pub fn start(settings: &[&str]) -> Self {
        let new = Self::make("initdb", &["--auth=trust", "--username=postgres", "--no-sync"]);
        let trust = fs::read_to_string(new.data().join("pg_hba.conf")).unwrap();
        new.write("pg_hba.conf", &format!("host all app 127.0.0.1/32 scram-sha-256\n{trust}"));
        new.started(settings)
    }

    /// Makes a standby of another one and starts it.
    pub fn standby_of(primary: &Self, settings: &[&str]) -> Self {
        let source = format!("host=127.0.0.1 port={} user=postgres application_name=standby", primary.port);
        let arguments = ["--write-recovery-conf", "--no-sync", "--checkpoint=fast", "--dbname", &source];
        Self::make("pg_basebackup", &arguments).started(settings)
    }

    fn make(program: &str, arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        give_away(folder.path());
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let new = Self { child: None, folder, port };
        let output = new.command(program).arg("--pgdata").arg(new.data()).args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        new
    }

    /// Writes a file that only it can read.
    pub fn write(&self, name: &str, text: &str) {
        let path = self.data().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        give_away(&path);
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(programs().join(program));
        command.current_dir(self.folder.path()).stdin(Stdio::null());
        if is_root() {
            command.uid(NOBODY).gid(NOBODY);
        }
        command
    }

    fn started(mut self, settings: &[&str]) -> Self {
        self.up(settings);
        self
    }

    /// Starts it and waits until it takes connections.
    pub fn up(&mut self, settings: &[&str]) {
        let log = self.folder.path().join("log");
        let mut command = self.command("postgres");
        command.arg("-D").arg(self.data()).arg("-k").arg(self.folder.path()).args(["-p", &self.port.to_string()]);
        let always = ["listen_addresses=127.0.0.1", "max_connections=300", "cluster_name=standby"];
        command.args(always.iter().chain(settings).flat_map(|setting| ["-c", *setting]));
        command.stdout(Stdio::null()).stderr(File::options().append(true).create(true).open(&log).unwrap());
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
        panic!("PostgreSQL does not start: {}", fs::read_to_string(log).unwrap());
    }

    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// Returns the URL of this one or another.
    pub fn url_with(&self, other: &Self) -> String {
        format!("postgres://postgres@127.0.0.1:{},127.0.0.1:{}/postgres", self.port, other.port)
    }

    /// Makes a database on it, and returns its URL.
    pub fn database(&self, name: &str) -> String {
        self.psql(&format!("CREATE DATABASE {name}")).unwrap();
        format!("postgres://postgres@127.0.0.1:{}/{name}", self.port)
    }

    /// Runs a statement, and returns what it returns.
    pub fn psql(&self, sql: &str) -> Result<String, String> {
        let mut command = Command::new(programs().join("psql"));
        command.args(["-AtXqc", sql, &self.url()]);
        let output = command.output().unwrap();
        let text = |bytes| String::from_utf8_lossy(bytes).trim().to_owned();
        if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
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
        let kill = format!("kill -s {name} {main} $(pgrep -P {main})");
        let _ = Command::new("sh").args(["-c", &kill]).stderr(Stdio::null()).status();
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
    fs::metadata("/proc/self").unwrap().uid() == 0
}

fn give_away(path: &Path) {
    if is_root() {
        chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
    }
}

/// Debian keeps the programs of each version in a folder of its own.
fn programs() -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").expect("Debian's package `postgresql` is not installed");
    versions.map(|version| version.unwrap().path().join("bin")).max().expect("no version of PostgreSQL")
}
