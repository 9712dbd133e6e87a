//! Prints what the hand-over reaches: `cargo bench -p example-redis`, with `-- --help` for the flags.
//!
//! Fails if an event that was answered `OK` is neither worked on nor among the dead, or one is worked on twice for no
//! known reason. What an asynchronous failover loses is counted apart.
//! Times are printed and judged by the reader: they depend on the machine. While Redis is gone the events of 1.5
//! seconds wait at once, which needs about 4,000 open files (`ulimit -n`).

mod chaos;
mod ledger;
mod load;
mod outages;
mod throughput;
mod times;
#[path = "../../tests/util/mod.rs"]
mod util;

use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use clap::{Parser, ValueEnum};

use crate::load::Load;
use crate::util::process::Process;
use crate::util::{Redis, eventually, free_port};

const RECEIVERS: usize = 2;

#[derive(Parser)]
struct Options {
    /// How many events to send in each part
    #[arg(long, default_value_t = 100_000)]
    events: u32,
    /// How many of them are on their way at once while the throughput is measured
    #[arg(long, default_value_t = 64)]
    in_flight: usize,
    /// Events a second while processes are killed; fewer than the receivers can take, so that the times show what
    /// the outages do, and no queue of the sender's
    #[arg(long, default_value_t = 1_000)]
    rate: u32,
    /// After how many milliseconds the next worker is killed or frozen
    #[arg(long, default_value_t = 2_000)]
    kill_every: u64,
    /// Only this part
    #[arg(long)]
    only: Option<Part>,
    /// Given by cargo
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// How many events a second, and how long an answer takes
    Throughput,
    /// What gets lost with `--wait-replicas 1`
    Replicated,
    /// What gets lost without
    Asynchronous,
}

fn main() -> ExitCode {
    let options = Options::parse();
    let wanted = |part| options.only.is_none_or(|only| only == part);
    println!("{} events in each part, appendfsync always\n", options.events);
    if wanted(Part::Throughput) && throughput::print(&options).is_none() {
        return ExitCode::SUCCESS;
    }
    let mut wrong = 0;
    for (part, replicas) in [(Part::Replicated, 1), (Part::Asynchronous, 0)] {
        if wanted(part) {
            let Some(ledger) = chaos::count(&options, replicas) else { return ExitCode::SUCCESS };
            wrong += ledger.lost + ledger.poison_lost + ledger.impossible + ledger.unexplained;
            wrong += if replicas > 0 { ledger.lost_by_failover } else { 0 };
        }
    }
    if wrong == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

impl Options {
    fn load(&self, receivers: &[Receiver]) -> Load {
        let addresses = receivers.iter().map(Receiver::address).collect();
        let begun = Arc::new(AtomicU32::new(0));
        Load { events: self.events, in_flight: self.in_flight, rate: None, addresses, begun }
    }
}

struct Receiver {
    process: Process,
    arguments: Vec<String>,
    output: PathBuf,
    port: u16,
}

impl Receiver {
    fn start(url: &str, dir: &Path, options: &Options, number: usize, replicas: u32) -> Self {
        let port = free_port();
        let (listen, max_waiting) = (format!("127.0.0.1:{port}"), (2 * options.events).to_string());
        let (replicas, output) = (replicas.to_string(), dir.join(format!("receiver-{number}.out")));
        let arguments = ["receive", "--redis", url, "--address", &listen, "--max-waiting", &max_waiting];
        let arguments = [&arguments[..], &["--wait-replicas", &replicas]].concat();
        let arguments: Vec<_> = arguments.into_iter().map(str::to_owned).collect();
        Self { process: start_receiver(&arguments, &output, port), arguments, output, port }
    }

    fn start_again(&mut self) {
        self.process = start_receiver(&self.arguments, &self.output, self.port);
    }

    fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}

fn start_receiver(arguments: &[String], output: &Path, port: u16) -> Process {
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let process = Process::start_into(&arguments, output, &output.with_extension("err"));
    eventually("the receiver listens", || TcpStream::connect(("127.0.0.1", port)).ok());
    process
}

/// A replica that starts with its first copy at once, and not after five seconds.
fn start_replica(primary: &Redis) -> Option<Redis> {
    primary.ask::<()>("CONFIG SET repl-diskless-sync-delay 0");
    let port = primary.port.to_string();
    let replica = Redis::start_as(&["--replicaof", "127.0.0.1", &port, "--repl-diskless-sync-delay", "0"])?;
    eventually("the replica confirms", || confirms(primary).then_some(()));
    Some(replica)
}

/// Writes, and tells whether a replica says that it has that.
fn confirms(primary: &Redis) -> bool {
    let ask = || {
        let mut connection = redis::Client::open(primary.url())?.get_connection()?;
        let mut both = redis::pipe();
        both.cmd("SET").arg("{group-full}:probe").arg(1).ignore();
        both.cmd("WAIT").arg(1).arg(100);
        both.query::<(u32,)>(&mut connection)
    };
    ask().is_ok_and(|(replicas,)| replicas > 0)
}
