//! What the server loses when it is killed and frozen under load, and how many events a second it takes.
//! `cargo bench -p example-server -- --help` explains the options.

use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use clap::Parser;
use tokio::runtime::Runtime;

use crate::ledger::{Answer, Ledger, Outage, Outcome};
use crate::load::{Groups, Load, Pace};
use crate::process::{MAX_ROOMS, Process};

mod ledger;
mod load;
mod process;

/// How long the server is frozen.
const FROZEN: Duration = Duration::from_secs(1);
/// How long another process keeps the server from writing.
const LOCKED: Duration = Duration::from_secs(2);
/// Work that was answered `OK` is lost when nothing was worked on for this long.
const QUIET: Duration = Duration::from_secs(10);

/// Sends signed callbacks, a quarter of them of one group, while the server is killed and frozen and its table locked. Fails if
/// an event that was answered OK is not worked on, work on a group overlaps, or an answer takes more than 2 s while the
/// server runs
#[derive(Parser)]
struct Options {
    /// How many events are sent
    #[arg(long, default_value_t = 60_000)]
    events: u32,
    /// Events a second, whether or not they are answered
    #[arg(long, default_value_t = 500)]
    rate: u32,
    /// How many times the server is killed, how many times frozen, and how many times its table is locked
    #[arg(long, default_value_t = 6)]
    times: u32,
    /// Requests in flight while the throughput is measured
    #[arg(long, default_value_t = 64)]
    in_flight: usize,
    /// 3,000 events and one outage of each kind, without the throughput
    #[arg(long)]
    quick: bool,
    /// Given by cargo
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    let mut options = Options::parse();
    if options.quick {
        options.events = options.events.min(3_000);
        options.times = options.times.min(1);
    }
    let ledger = chaos(&options);
    if !options.quick {
        for groups in [Groups::Many, Groups::Hot] {
            throughput(&options, groups);
        }
    }
    if ledger.holds() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn chaos(options: &Options) -> Ledger {
    let mut process = Process::start();
    let load = Load {
        events: options.events,
        pace: Pace::Rate(options.rate),
        groups: Groups::Both,
        address: process.address.clone(),
    };
    let start = Instant::now();
    let load = thread::spawn(move || Runtime::new().unwrap().block_on(load.run()));
    let lasts = Duration::from_secs(1).mul_f64(f64::from(options.events) / f64::from(options.rate));
    let (mut outages, mut most) = (Vec::new(), 0);
    // In turns, and each as often as it is asked for.
    let steps = 3 * options.times;
    for step in 0..steps {
        let at = lasts.mul_f64((f64::from(step) + 0.5) / f64::from(steps));
        while start.elapsed() < at {
            most = most.max(process.rows());
            thread::sleep(Duration::from_millis(50));
        }
        let from = Instant::now();
        match step % 3 {
            0 => process.kill(),
            1 => process.freeze(FROZEN),
            // The process lives, so it has to answer.
            _ => {
                process.lock(LOCKED);
                continue;
            }
        }
        outages.push(Outage { from, to: Instant::now() });
    }
    let answers = load.join().unwrap();
    let ledger = settle(&process, &answers, &outages);
    println!(
        "{} events at {} a second; killed, frozen for {FROZEN:?}, and locked out for {LOCKED:?}, each {} times",
        options.events, options.rate, options.times
    );
    println!("{ledger}");
    let down: Duration = outages.iter().map(|outage| outage.to - outage.from).sum();
    println!("  rows seen in the table                        {most:>8}   at most {MAX_ROOMS}");
    assert!(most <= MAX_ROOMS, "more rows than the bound");
    println!("  killed or frozen for {:.1} s in all; answers: {}\n", down.as_secs_f64(), times(&answers));
    ledger
}

/// Waits until every event that was answered `OK` is worked on, or nothing more happens.
fn settle(process: &Process, answers: &[Answer], outages: &[Outage]) -> Ledger {
    let (mut count, mut since) = (0, Instant::now());
    loop {
        let works = process.works.lock().unwrap().clone();
        if works.len() > count {
            (count, since) = (works.len(), Instant::now());
        }
        let ledger = Ledger::new(answers, &works, outages);
        if ledger.lost == 0 || since.elapsed() > QUIET {
            return ledger;
        }
        thread::sleep(Duration::from_millis(100));
    }
}

fn throughput(options: &Options, groups: Groups) {
    let process = Process::start();
    let pace = Pace::InFlight(options.in_flight);
    let load = Load { events: options.events, pace, groups, address: process.address.clone() };
    let start = Instant::now();
    let answers = Runtime::new().unwrap().block_on(load.run());
    let seconds = start.elapsed().as_secs_f64();
    let ok = answers.iter().filter(|answer| answer.outcome == Outcome::Ok).count();
    println!("{groups:?}: {ok} OK in {seconds:.2} s, of {} events; {}", answers.len(), times(&answers));
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
