//! Sends signed callbacks, a quarter of them of one group, while processes and the database are killed and frozen. Fails if an
//! event that was answered `OK` is not worked on, work on a group overlaps, the table grows beyond its bound, or an answer takes
//! more than 2 s while the receiver runs. Then measures how many events a second the server takes.
//!
//! `--postgres`: two receivers and two workers on PostgreSQL with a synchronous standby, instead of one process on SQLite.
//! `--quick`: fewer events, each fault once, and no measurement; late answers do not count.

use std::process::ExitCode;
use std::sync::mpsc::{Receiver, channel};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

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

/// Events a second, whether or not they are answered.
const RATE: u32 = 500;
const EVENTS: u32 = 60_000;
/// How many times each fault of SQLite happens.
const TIMES: usize = 6;
/// Requests without an answer, at most, while the throughput is measured.
const IN_FLIGHT: usize = 128;

fn main() -> ExitCode {
    let [on_postgres, quick] = ["--postgres", "--quick"].map(|flag| std::env::args().any(|given| given == flag));
    let holds = chaos(on_postgres, quick);
    if !quick {
        throughput(on_postgres, "as many groups", |_| false);
        throughput(on_postgres, "one group", |_| true);
    }
    if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn chaos(on_postgres: bool, quick: bool) -> bool {
    let (max_rooms, faults, events) = match (on_postgres, quick) {
        (true, true) => (UNBOUNDED, ON_POSTGRES.to_vec(), EVENTS / 5),
        (true, false) => (UNBOUNDED, ON_POSTGRES.to_vec(), EVENTS),
        (false, true) => (MAX_ROOMS, ON_SQLITE.to_vec(), EVENTS / 10),
        (false, false) => (MAX_ROOMS, ON_SQLITE.repeat(TIMES), EVENTS),
    };
    let (marks, works) = channel();
    let mut world = World::start(on_postgres, max_rooms, &marks);
    let (addresses, in_flight) = (world.receivers(), Semaphore::MAX_PERMITS);
    let load = Load { events, rate: Some(RATE), in_flight, is_hot: |number| number.is_multiple_of(4), addresses };
    let start = Instant::now();
    let load = thread::spawn(move || Runtime::new().unwrap().block_on(load.run()));
    let between = Duration::from_secs(1) * events / RATE / u32::try_from(faults.len()).unwrap();
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
    println!("{events} events at {RATE} a second\n{ledger}");
    println!("  rows seen in the table                        {most:>8}   at most {max_rooms}");
    println!("  answers: {}\n", times(&answers));
    ledger.holds() && most <= max_rooms && (quick || ledger.is_in_time())
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

fn throughput(on_postgres: bool, groups: &str, is_hot: fn(u32) -> bool) {
    let (marks, works) = channel();
    let world = World::start(on_postgres, UNBOUNDED, &marks);
    let load = Load { events: EVENTS, rate: None, in_flight: IN_FLIGHT, is_hot, addresses: world.receivers() };
    let start = Instant::now();
    let answers = Runtime::new().unwrap().block_on(load.run());
    let seconds = start.elapsed().as_secs_f64();
    let ok = answers.iter().filter(|answer| answer.outcome == Outcome::Ok).count();
    let (times, works) = (times(&answers), works.try_iter().count());
    println!("{EVENTS} events of {groups}: {ok} OK in {seconds:.2} s; {times}; {works} marks of work");
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
