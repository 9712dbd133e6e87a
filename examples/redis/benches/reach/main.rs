//! Prints what the hand-over reaches: `cargo bench -p example-redis`, with `-- --help` for the flags.
//!
//! Fails if an event that was answered `OK` is neither worked on nor among the dead, or one is worked on twice for no
//! known reason.
//! Times are printed and judged by the reader: they depend on the machine.

mod ledger;
mod load;
mod losses;
mod throughput;
mod times;
#[path = "../../tests/util/mod.rs"]
mod util;

use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use clap::Parser;

use crate::load::Load;
use crate::util::process::Process;
use crate::util::{Redis, eventually, free_port};

const RECEIVERS: usize = 2;

#[derive(Parser)]
struct Options {
    /// How many events to send in each part
    #[arg(long, default_value_t = 100_000)]
    events: u32,
    /// How many of them are on their way at once
    #[arg(long, default_value_t = 64)]
    in_flight: usize,
    /// Events a second while processes are killed; as fast as the answers come unless set
    #[arg(long)]
    rate: Option<u32>,
    /// After how many milliseconds the next worker is killed
    #[arg(long, default_value_t = 2_000)]
    kill_every: u64,
    /// How many replicas must have an event before it is answered OK; with 0, the failover can lose some
    #[arg(long, default_value_t = 1)]
    wait_replicas: u32,
    /// Measures no throughput
    #[arg(long)]
    only_losses: bool,
    /// Given by cargo
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    let options = Options::parse();
    println!("{} events, {} in flight, appendfsync always\n", options.events, options.in_flight);
    if !options.only_losses {
        let Some(redis) = Redis::start() else { return ExitCode::SUCCESS };
        throughput::compare(&redis, &options);
    }
    let Some(ledger) = losses::count(&options) else { return ExitCode::SUCCESS };
    let lost = if options.wait_replicas > 0 { ledger.lost } else { 0 };
    let wrong = lost + ledger.poison_lost + ledger.impossible + ledger.unexplained;
    if wrong == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

impl Options {
    fn load(&self, receivers: &[Receiver], rate: Option<u32>) -> Load {
        let addresses = receivers.iter().map(Receiver::address).collect();
        Load { events: self.events, in_flight: self.in_flight, rate, addresses, begun: Arc::new(AtomicU32::new(0)) }
    }
}

struct Receiver {
    process: Process,
    arguments: Vec<String>,
    output: PathBuf,
    port: u16,
}

impl Receiver {
    fn start(url: &str, dir: &Path, options: &Options, number: usize, more: &[String]) -> Self {
        let port = free_port();
        let (listen, max_waiting) = (format!("127.0.0.1:{port}"), (2 * options.events).to_string());
        let arguments = ["receive", "--redis", url, "--address", &listen, "--max-waiting", &max_waiting];
        let arguments: Vec<_> = arguments.map(str::to_owned).into_iter().chain(more.iter().cloned()).collect();
        let output = dir.join(format!("receiver-{number}.out"));
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
