//! Hands callbacks over to workers through a Redis stream, which outlives the process.

mod append;
mod link;
mod receive;
mod take;
mod work;

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use example_support::flags;
use redis::{ConnectionInfo, IntoConnectionInfo};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::append::{Appender, Limits};
use crate::flags::Flags;
use crate::receive::Receiver;
use crate::take::{Consumer, Taker};

/// Hands callbacks over to workers through a Redis stream, which outlives the process.
///
/// Tencent Cloud Chat waits 2 seconds for an answer and does not call again. Any number of receivers
/// behind a load balancer write each event into a stream and answer; any number of workers take the
/// events from it and do the work, however long it takes.
#[derive(Parser)]
#[command(name = "example-redis", after_long_help = HELP)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const HELP: &str = "\
Try it, in three terminals:
  redis-server --appendonly yes --appendfsync always --maxmemory-policy noeviction
  cargo run -p example-redis -- receive
  cargo run -p example-redis -- work
and send an event with the line that the receiver prints.

What is answered:
  OK    Redis has the event. With `appendfsync always` it is on the disk; with `everysec` a power cut
        can lose the last second.
  FAIL  Too many events wait (at once), or Redis did not have it after 1.5 seconds. The vendor does not call
        again: this event is gone until the next join fails. Each one is logged.

What is in Redis:
  {stream}            what waits and what is worked on; done means deleted, and nothing is ever trimmed
  {stream}:mark:{id}  the event is known; it lives for `--mark-life`, or without an EventTime until a
                      worker takes the entry
";

/// In seconds.
const WEEK: u64 = 604_800;

#[derive(Subcommand)]
enum Command {
    /// Answers callbacks over HTTP, once Redis has them
    Receive(Receive),
    /// Takes events from the stream and works on them
    Work(Work),
}

#[derive(Args)]
struct Stream {
    /// Where Redis is: redis://[[user]:password@]host[:port][/database]; with a password, better in the
    /// environment, because process lists are public
    #[arg(long, env = "REDIS_URL", hide_env_values = true, default_value = "redis://127.0.0.1:6379")]
    redis: String,
    /// The stream's key
    #[arg(long, default_value = "group-full")]
    stream: String,
}

#[derive(Args)]
struct Receive {
    #[command(flatten)]
    stream: Stream,
    #[command(flatten)]
    flags: Flags,
    /// For how many seconds the same event is taken for the same
    #[arg(long, value_name = "SECONDS", default_value_t = 600, value_parser = clap::value_parser!(u64).range(1..=WEEK))]
    mark_life: u64,
    /// How many events may wait before the answer is FAIL; 1,000 take about 0.5 MB of Redis' memory
    #[arg(long, value_name = "EVENTS", default_value_t = 100_000)]
    max_waiting: usize,
}

#[derive(Args)]
struct Work {
    #[command(flatten)]
    stream: Stream,
    /// The consumer group that the workers form; a stream has one
    #[arg(long, default_value = "workers")]
    group: String,
    /// This worker's name in XINFO CONSUMERS, where it stays for good; workers may share one
    #[arg(long, default_value = "worker")]
    name: String,
    /// How many events to work on at once
    #[arg(long, value_name = "EVENTS", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..))]
    at_once: u16,
    /// After how many seconds a worker that has not finished an event is taken for dead, and another
    /// one starts on it; more than the work ever takes
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=WEEK))]
    claim_after: u64,
    /// How long the work takes in this example
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 100)]
    pretend: u64,
}

#[tokio::main]
async fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Receive(options) => receive(options).await,
        Command::Work(options) => work(options).await,
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn receive(options: Receive) -> Result<(), Box<dyn Error>> {
    let limits = Limits { mark_life: Duration::from_secs(options.mark_life), max_waiting: options.max_waiting };
    let appender = Appender::new(&options.stream.address()?, options.stream.stream, limits)?;
    let receiver = Receiver { validator: options.flags.validator()?, appender };
    let stop = stop()?;
    let listener = options.flags.listen()?;
    receive::serve(listener, receiver, stopped(stop)).await?;
    Ok(())
}

async fn work(options: Work) -> Result<(), Box<dyn Error>> {
    let consumer =
        Consumer { group: options.group, name: options.name, claim_after: Duration::from_secs(options.claim_after) };
    let taker = Taker::new(&options.stream.address()?, options.stream.stream, consumer)?;
    work::run(taker, options.at_once.into(), Duration::from_millis(options.pretend), stop()?).await;
    Ok(())
}

impl Stream {
    /// The error does not show the URL, which may hold a password.
    fn address(&self) -> Result<ConnectionInfo, String> {
        self.redis.as_str().into_connection_info().map_err(|error| format!("--redis: {error}"))
    }
}

/// Becomes `true` on Ctrl-C, or when a service manager says so.
fn stop() -> std::io::Result<watch::Receiver<bool>> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let (sender, receiver) = watch::channel(false);
    tokio::spawn(async move {
        tokio::select! {
            _ = interrupt.recv() => (),
            _ = terminate.recv() => (),
        }
        eprintln!("finishing what was begun");
        sender.send_replace(true);
    });
    Ok(receiver)
}

async fn stopped(mut stop: watch::Receiver<bool>) {
    // An error would say that the sender is gone, and it only goes after it sent.
    let _ = stop.wait_for(|stop| *stop).await;
}
