//! A server that is killed, frozen and started again.

use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, sleep};
use std::time::{Duration, Instant, SystemTime};

use example_support::TOKEN_VARIABLE;
use example_support::testing::{Ended, TOKEN};

use crate::ledger::{Mark, Work};

/// For a server that has to start, however slow the machine.
const PATIENCE: Duration = Duration::from_secs(15);

/// What the processes say of their work.
pub type Works = Arc<Mutex<Vec<Work>>>;

pub struct Process {
    child: Ended,
    arguments: Vec<String>,
    /// `None` if it only works.
    pub address: Option<String>,
    number: usize,
    works: Works,
}

impl Process {
    /// Starts one. `role` is its command, or empty.
    pub fn start(role: &str, number: usize, database: &str, max_rooms: u32, works: &Works) -> Self {
        let (max_rooms, mut arguments) = (max_rooms.to_string(), vec!["--log", "off", "--database", database]);
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        if role != "work" {
            arguments.extend(["--max-rooms", &max_rooms, "--address", &free]);
        }
        if role != "receive" {
            arguments.extend(["--pretend", "2", "--lease", "3"]);
        }
        let role = Some(role).filter(|role| !role.is_empty());
        let arguments: Vec<_> = role.into_iter().chain(arguments).map(str::to_owned).collect();
        let address = (role != Some("work")).then_some(free);
        let child = spawn(&arguments, address.as_deref(), number, works);
        Self { child, arguments, address, number, works: Arc::clone(works) }
    }

    /// Kills it and starts it again at once.
    pub fn kill(&mut self) {
        self.child.0.kill().unwrap();
        self.child.0.wait().unwrap();
        let killed = Work { at: Instant::now(), process: self.number, mark: Mark::Killed, group: String::new() };
        self.works.lock().unwrap().push(killed);
        self.child = spawn(&self.arguments, self.address.as_deref(), self.number, &self.works);
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

fn spawn(arguments: &[String], address: Option<&str>, process: usize, works: &Works) -> Ended {
    let mut command = Command::new(env!("CARGO_BIN_EXE_example-server"));
    command.args(arguments).env(TOKEN_VARIABLE, TOKEN).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = Ended(command.spawn().unwrap());
    let (lines, works) = (BufReader::new(child.0.stdout.take().unwrap()), Arc::clone(works));
    thread::spawn(move || {
        for work in lines.lines().map_while(Result::ok).filter_map(|line| said(&line, process)) {
            works.lock().unwrap().push(work);
        }
    });
    let start = Instant::now();
    while address.is_some_and(|address| TcpStream::connect(address).is_err()) {
        assert!(start.elapsed() < PATIENCE, "the server does not listen");
        sleep(Duration::from_millis(5));
    }
    child
}

/// The time is the one that the process says: lines of two processes are not read in their order.
fn said(line: &str, process: usize) -> Option<Work> {
    let mut words = line.splitn(3, ' ');
    let mark = match words.next()? {
        "begin" => Mark::Begin,
        "end" => Mark::End,
        _ => return None,
    };
    let since = Duration::from_nanos(words.next()?.parse().ok()?);
    let ago = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH + since).unwrap_or_default();
    Some(Work { at: Instant::now().checked_sub(ago)?, process, mark, group: words.next()?.into() })
}
