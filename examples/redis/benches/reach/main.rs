//! Prints what the hand-over reaches: `cargo bench -p example-redis`, with `-- --help` for the flags.
//!
//! Fails if an event that was answered `OK` is lost, or one is worked on twice for no known reason.
//! Times are printed and judged by the reader: they depend on the machine.

mod ledger;
mod load;
mod losses;
mod throughput;
mod times;
#[path = "../../tests/util/mod.rs"]
mod util;

use std::net::TcpStream;
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
    /// Given by cargo
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    let options = Options::parse();
    let Some(mut redis) = Redis::start() else { return ExitCode::SUCCESS };
    println!("{} events, {} in flight, appendfsync always\n", options.events, options.in_flight);
    throughput::compare(&redis, &options);
    let ledger = losses::count(&mut redis, &options);
    if ledger.lost + ledger.unexplained == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

impl Options {
    fn load(&self, receivers: &[Receiver], rate: Option<u32>) -> Load {
        let addresses = receivers.iter().map(Receiver::address).collect();
        Load { events: self.events, in_flight: self.in_flight, rate, addresses, begun: Arc::new(AtomicU32::new(0)) }
    }
}

struct Receiver {
    process: Process,
    number: usize,
    port: u16,
}

impl Receiver {
    fn start(redis: &Redis, options: &Options, number: usize) -> Self {
        let port = free_port();
        Self { process: start_receiver(redis, options, number, port), number, port }
    }

    fn start_again(&mut self, redis: &Redis, options: &Options) {
        self.process = start_receiver(redis, options, self.number, self.port);
    }

    fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}

fn start_receiver(redis: &Redis, options: &Options, number: usize, port: u16) -> Process {
    let (listen, max_waiting) = (format!("127.0.0.1:{port}"), (options.events + 1).to_string());
    let url = redis.url();
    let output = redis.dir().join(format!("receiver-{number}.out"));
    let arguments = ["receive", "--redis", &url, "--address", &listen, "--max-waiting", &max_waiting];
    let process = Process::start_into(&arguments, &output, &output.with_extension("err"));
    eventually("the receiver listens", || TcpStream::connect(&listen).ok());
    process
}
