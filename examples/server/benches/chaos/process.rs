//! A server that is killed, frozen and started again.

use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use example_support::TOKEN_VARIABLE;
use example_support::testing::{Ended, TOKEN};

/// For a server that has to start, however slow the machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// When work on a group began.
pub type Worked = Arc<Mutex<Vec<(Instant, String)>>>;

pub struct Process {
    child: Ended,
    pub address: String,
    pub worked: Worked,
}

impl Process {
    pub fn start() -> Self {
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let (address, worked) = (free.to_string(), Worked::default());
        Self { child: spawn(&address, &worked), address, worked }
    }

    /// Kills it and starts it again at once.
    pub fn kill(&mut self) {
        self.child.0.kill().unwrap();
        self.child.0.wait().unwrap();
        self.child = spawn(&self.address, &self.worked);
    }

    /// Lets it stand still.
    pub fn freeze(&self, how_long: Duration) {
        self.signal("STOP");
        sleep(how_long);
        self.signal("CONT");
    }

    fn signal(&self, name: &str) {
        let id = self.child.0.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &id]).status().unwrap().success());
    }
}

fn spawn(address: &str, worked: &Worked) -> Ended {
    let mut command = Command::new(env!("CARGO_BIN_EXE_example-server"));
    command.args(["--address", address]).env(TOKEN_VARIABLE, TOKEN).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = Ended(command.spawn().unwrap());
    let (lines, worked) = (BufReader::new(child.0.stdout.take().unwrap()), Arc::clone(worked));
    thread::spawn(move || {
        for line in lines.lines().map_while(Result::ok) {
            if let Some((_, group)) = line.split_once("worked on group=") {
                let group = group.trim_matches('"').to_owned();
                worked.lock().unwrap().push((Instant::now(), group));
            }
        }
    });
    let start = Instant::now();
    while TcpStream::connect(address).is_err() {
        assert!(start.elapsed() < PATIENCE, "the server does not listen");
        sleep(Duration::from_millis(5));
    }
    child
}
