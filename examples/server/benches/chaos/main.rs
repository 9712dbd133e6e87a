//! What the server loses when it and its database are killed and frozen under load, and how many events a second it takes.
//! `cargo bench -p example-server -- --help` explains the options.

use std::process::ExitCode;
use std::sync::mpsc::{Receiver, channel};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use clap::Parser;
use tokio::runtime::Runtime;
use tokio::sync::Semaphore;

use crate::ledger::{Answer, Ledger, Outage, Outcome, Work};
use crate::load::Load;
use crate::world::{ON_POSTGRES, ON_SQLITE, World};

mod ledger;
mod load;
#[path = "../../tests/util/postgres.rs"]
mod postgres;
mod world;

/// Few enough to be reached when the work on SQLite stands still for a second.
const MAX_ROOMS: u32 = 300;
/// More than can be there.
const UNBOUNDED: u32 = 1_000_000;
/// Work that was answered `OK` is lost when nothing was worked on for this long.
const QUIET: Duration = Duration::from_secs(10);

/// Sends signed callbacks, a quarter of them of one group, while processes and the database are killed and frozen. Fails if an
/// event that was answered OK is not worked on, work on a group overlaps, or an answer takes more than 2 s while the
/// receiver runs
#[derive(Parser)]
struct Options {
    /// Two receivers and two workers on PostgreSQL with a synchronous standby, instead of one process on SQLite
    #[arg(long)]
    postgres: bool,
    /// How many events are sent
    #[arg(long, default_value_t = 60_000)]
    events: u32,
    /// Events a second, whether or not they are answered
    #[arg(long, default_value_t = 500)]
    rate: u32,
    /// How many times each fault of SQLite happens
    #[arg(long, default_value_t = 6)]
    times: usize,
    /// Requests in flight while the throughput is measured
    #[arg(long, default_value_t = 128)]
    in_flight: usize,
    /// Fewer events, each fault once, without the throughput; late answers do not count
    #[arg(long)]
    quick: bool,
    /// Given by cargo
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    let mut options = Options::parse();
    if options.quick {
        options.events /= if options.postgres { 5 } else { 10 };
        options.times = 1;
    }
    let holds = chaos(&options);
    if !options.quick {
        throughput(&options, "as many groups", |_| false);
        throughput(&options, "one group", |_| true);
    }
    if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn chaos(options: &Options) -> bool {
    let Options { events, rate, .. } = *options;
    let (max_rooms, faults) =
        if options.postgres { (UNBOUNDED, ON_POSTGRES.to_vec()) } else { (MAX_ROOMS, ON_SQLITE.repeat(options.times)) };
    let (marks, works) = channel();
    let mut world = World::start(options.postgres, max_rooms, &marks);
    let (addresses, in_flight) = (world.receivers(), Semaphore::MAX_PERMITS);
    let load = Load { events, rate: Some(rate), in_flight, is_hot: |number| number.is_multiple_of(4), addresses };
    let start = Instant::now();
    let load = thread::spawn(move || Runtime::new().unwrap().block_on(load.run()));
    let lasts = Duration::from_secs(1).mul_f64(f64::from(events) / f64::from(rate));
    let between = lasts / u32::try_from(faults.len()).unwrap();
    let (mut outages, mut over, mut most) = (Vec::new(), Vec::new(), 0);
    let mut at = start + between / 2;
    for (name, of_receiver, fault) in faults {
        while Instant::now() < at {
            most = most.max(world.rows().unwrap_or_default());
            sleep(Duration::from_millis(50));
        }
        at += between;
        let from = Instant::now();
        fault(&mut world);
        let to = Instant::now();
        outages.extend(of_receiver.map(|receiver| Outage { receiver, from, to }));
        over.push((name, to));
    }
    let answers = load.join().unwrap();
    for (name, over) in over {
        let stored = answers.iter().filter(|answer| answer.outcome == Outcome::Ok && answer.start > over);
        let first = stored.map(|answer| answer.end - over).min();
        let first = first.map_or("no more events".to_owned(), |first| format!("next OK after {first:.1?}"));
        println!("{:>6.1} s  {name}; {first}", (over - start).as_secs_f64());
    }
    let ledger = settle(&works, &answers, &outages);
    println!("{events} events at {rate} a second\n{ledger}");
    println!("  rows seen in the table                        {most:>8}   at most {max_rooms}");
    println!("  answers: {}\n", times(&answers));
    ledger.holds() && most <= max_rooms && (options.quick || ledger.is_in_time())
}

/// Waits until every event that was answered `OK` is worked on, or nothing more happens.
fn settle(marks: &Receiver<Work>, answers: &[Answer], outages: &[Outage]) -> Ledger {
    let (mut works, mut since) = (Vec::new(), Instant::now());
    loop {
        let count = works.len();
        works.extend(marks.try_iter());
        works.sort_by_key(|work| work.at);
        if works.len() > count {
            since = Instant::now();
        }
        let ledger = Ledger::new(answers, &works, outages);
        if ledger.lost == 0 || since.elapsed() > QUIET {
            return ledger;
        }
        sleep(Duration::from_millis(500));
    }
}

fn throughput(options: &Options, groups: &str, is_hot: fn(u32) -> bool) {
    let (marks, works) = channel();
    let world = World::start(options.postgres, UNBOUNDED, &marks);
    let Options { events, in_flight, .. } = *options;
    let load = Load { events, rate: None, in_flight, is_hot, addresses: world.receivers() };
    let start = Instant::now();
    let answers = Runtime::new().unwrap().block_on(load.run());
    let seconds = start.elapsed().as_secs_f64();
    let ok = answers.iter().filter(|answer| answer.outcome == Outcome::Ok).count();
    let (times, works) = (times(&answers), works.try_iter().count());
    println!("{events} events of {groups}: {ok} OK in {seconds:.2} s; {times}; {works} marks of work");
}

/// The distribution of all answers' times, `OK` or not.
fn times(answers: &[Answer]) -> String {
    let answered = answers.iter().filter(|answer| !matches!(answer.outcome, Outcome::None(_)));
    let mut times: Vec<_> = answered.map(|answer| answer.end - answer.start).collect();
    times.sort_unstable();
    let at = |per_mille: usize| times.get((times.len() * per_mille).div_ceil(1000).saturating_sub(1));
    let [half, most, nearly_all, all] = [500, 990, 999, 1000].map(|share| at(share).copied().unwrap_or_default());
    format!("p50 {half:.1?}, p99 {most:.1?}, p99.9 {nearly_all:.1?}, max {all:.1?}")
}
