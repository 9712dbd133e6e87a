//! What the server loses when it and its database are killed and frozen under load, and how many events a second it takes.
//! `cargo bench -p example-server -- --help` explains the options.

use std::process::ExitCode;
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use clap::Parser;
use tokio::runtime::Runtime;

use crate::cluster::Cluster;
use crate::ledger::{Answer, Ledger, Outage, Outcome};
use crate::load::{Groups, Load, Pace};
use crate::process::Works;
use crate::sqlite::{MAX_ROOMS, Sqlite};

mod cluster;
mod ledger;
mod load;
#[path = "../../tests/util/postgres.rs"]
mod postgres;
mod process;
mod sqlite;

/// How long a process is frozen.
const FROZEN: Duration = Duration::from_secs(1);
/// Work that was answered `OK` is lost when nothing was worked on for this long.
const QUIET: Duration = Duration::from_secs(10);
/// More than can be there.
const UNBOUNDED: u32 = 1_000_000;

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
    times: u32,
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

/// What can go wrong.
pub trait Steps {
    /// The addresses.
    fn receivers(&self) -> Vec<String>;
    /// Returns how many rows the table has; `None` if it cannot be asked now.
    fn rows(&self) -> Option<u32>;
    /// How many faults there are.
    fn count(&self) -> u32;
    /// Makes one, and returns what it was, and which receivers could not answer meanwhile.
    fn step(&mut self, number: u32) -> (&'static str, Vec<Outage>);
}

/// Times what keeps a receiver from answering.
pub fn timed(receiver: usize, fault: impl FnOnce()) -> Outage {
    let from = Instant::now();
    fault();
    Outage { receiver, from, to: Instant::now() }
}

fn main() -> ExitCode {
    let mut options = Options::parse();
    if options.quick {
        options.events /= if options.postgres { 5 } else { 10 };
        options.times = 1;
    }
    let max_rooms = if options.postgres { UNBOUNDED } else { MAX_ROOMS };
    let holds = chaos(&options, max_rooms);
    if !options.quick {
        for groups in [Groups::Many, Groups::Hot] {
            throughput(&options, groups);
        }
    }
    if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn start(options: &Options, max_rooms: u32, works: &Works) -> Box<dyn Steps> {
    if options.postgres {
        Box::new(Cluster::start(max_rooms, works))
    } else {
        Box::new(Sqlite::start(max_rooms, works))
    }
}

fn chaos(options: &Options, max_rooms: u32) -> bool {
    let works = Works::default();
    let mut servers = start(options, max_rooms, &works);
    let load = Load {
        events: options.events,
        pace: Pace::Rate(options.rate),
        groups: Groups::Both,
        addresses: servers.receivers(),
    };
    let start = Instant::now();
    let load = thread::spawn(move || Runtime::new().unwrap().block_on(load.run()));
    let lasts = Duration::from_secs(1).mul_f64(f64::from(options.events) / f64::from(options.rate));
    let (mut outages, mut faults, mut most) = (Vec::new(), Vec::new(), 0);
    let steps = servers.count() * if options.postgres { 1 } else { options.times };
    for step in 0..steps {
        let at = lasts.mul_f64((f64::from(step) + 0.5) / f64::from(steps));
        while start.elapsed() < at {
            most = most.max(servers.rows().unwrap_or_default());
            sleep(Duration::from_millis(50));
        }
        let (fault, of_receivers) = servers.step(step);
        outages.extend(of_receivers);
        faults.push((fault, Instant::now()));
    }
    let answers = load.join().unwrap();
    for (fault, over) in faults {
        let stored = answers.iter().filter(|answer| answer.outcome == Outcome::Ok && answer.start > over);
        let first = stored.map(|answer| answer.end - over).min();
        let first = first.map_or("no more events".to_owned(), |first| format!("next OK after {first:.1?}"));
        println!("{:>6.1} s  {fault}; {first}", (over - start).as_secs_f64());
    }
    let ledger = settle(&works, &answers, &outages);
    println!("{} events at {} a second\n{ledger}", options.events, options.rate);
    println!("  rows seen in the table                        {most:>8}   at most {max_rooms}");
    println!("  answers: {}\n", times(&answers));
    ledger.holds() && most <= max_rooms && (options.quick || ledger.is_in_time())
}

/// Waits until every event that was answered `OK` is worked on, or nothing more happens.
fn settle(works: &Works, answers: &[Answer], outages: &[Outage]) -> Ledger {
    let (mut count, mut since) = (0, Instant::now());
    loop {
        let mut works = works.lock().unwrap().clone();
        works.sort_by_key(|work| work.at);
        if works.len() > count {
            (count, since) = (works.len(), Instant::now());
        }
        let ledger = Ledger::new(answers, &works, outages);
        if ledger.lost == 0 || since.elapsed() > QUIET {
            return ledger;
        }
        sleep(Duration::from_millis(500));
    }
}

fn throughput(options: &Options, groups: Groups) {
    let works = Works::default();
    let servers = start(options, UNBOUNDED, &works);
    let pace = Pace::InFlight(options.in_flight);
    let load = Load { events: options.events, pace, groups, addresses: servers.receivers() };
    let start = Instant::now();
    let answers = Runtime::new().unwrap().block_on(load.run());
    let seconds = start.elapsed().as_secs_f64();
    let ok = answers.iter().filter(|answer| answer.outcome == Outcome::Ok).count();
    let works = works.lock().unwrap().len();
    println!(
        "{groups:?}: {ok} OK in {seconds:.2} s, of {} events; {}; {works} marks of work",
        answers.len(),
        times(&answers)
    );
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
