//! What gets lost when whoever takes part is killed: nothing.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::thread;
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;

use crate::ledger::{Ledger, Worked};
use crate::load::Answer;
use crate::times::Times;
use crate::util::process::Process;
use crate::util::{Redis, eventually};
use crate::{Options, RECEIVERS, Receiver};

const WORKERS: usize = 3;
const CLAIM_AFTER: Duration = Duration::from_secs(2);
/// Long enough for events to run out of time.
const DOWN: Duration = Duration::from_secs(3);
const RECEIVER_DOWN: Duration = Duration::from_secs(1);

/// Sends events while workers, a receiver and Redis are killed, and counts every one of them.
pub fn count(redis: &mut Redis, options: &Options) -> Ledger {
    let mut receivers: Vec<_> = (0..RECEIVERS).map(|number| Receiver::start(redis, options, number)).collect();
    let outputs: Vec<_> = (0..WORKERS).map(|number| redis.dir().join(format!("worker-{number}.out"))).collect();
    let mut workers: Vec<_> = outputs.iter().map(|output| start_worker(redis, output)).collect();

    let load = options.load(&receivers, options.rate);
    let begun = Arc::clone(&load.begun);
    let load = thread::spawn(move || Runtime::new().unwrap().block_on(load.run()));
    let start = Instant::now();

    let (mut killed, mut turn, mut down) = (0, Turn::ToCome, None);
    while !load.is_finished() || down.is_none() {
        let share = f64::from(begun.load(Relaxed)) / f64::from(options.events);
        if start.elapsed() >= Duration::from_millis(options.kill_every) * (killed + 1) {
            let number = killed as usize % WORKERS;
            workers[number].kill();
            workers[number] = start_worker(redis, &outputs[number]);
            killed += 1;
        }
        match turn {
            Turn::ToCome if share >= 0.25 => {
                receivers[0].process.kill();
                turn = Turn::Down(Instant::now());
            }
            Turn::Down(since) if since.elapsed() >= RECEIVER_DOWN => {
                receivers[0].start_again(redis, options);
                turn = Turn::Over;
            }
            _ => (),
        }
        if down.is_none() && share >= 0.5 {
            let from = Instant::now();
            redis.kill();
            thread::sleep(DOWN);
            redis.start_again();
            down = Some((from, Instant::now()));
        }
        thread::sleep(Duration::from_millis(5));
    }
    let answers = load.join().unwrap();
    let sent = start.elapsed();
    eventually("everything is done", || (redis.waiting() == 0).then_some(()));
    let done = start.elapsed();
    assert!(workers.into_iter().all(Process::stop));

    let mut worked = Worked::default();
    for output in &outputs {
        worked.read(output);
    }
    let ledger = Ledger::new(&answers, &worked, options.events, CLAIM_AFTER);

    let (from, to) = down.unwrap();
    let (during, else_where): (Vec<_>, Vec<_>) = answers
        .iter()
        .filter(|answer| answer.ok.is_some())
        .partition(|answer: &&Answer| answer.start < to && answer.end > from);
    let time = |answer: &Answer| answer.end - answer.start;
    println!("{killed} times a worker killed, once a receiver, once Redis for {} s", (to - from).as_secs());
    println!("  (killed by SIGKILL, which is no power cut: what was written to the kernel stays)");
    println!("  sent in {:.1} s, all done after {:.1} s", sent.as_secs_f64(), done.as_secs_f64());
    println!("{ledger}");
    let broken = answers.iter().filter(|answer| answer.ok.is_none()).count();
    println!("  tries at a receiver that was dead     {broken:>8}");
    println!("  answers while Redis was up: {}", Times::of(else_where.into_iter().map(time)));
    println!("  answers while it was down:  {}", Times::of(during.into_iter().map(time)));
    ledger
}

/// When a receiver dies, and comes back.
enum Turn {
    ToCome,
    Down(Instant),
    Over,
}

fn start_worker(redis: &Redis, output: &Path) -> Process {
    let claim_after = CLAIM_AFTER.as_secs().to_string();
    let url = redis.url();
    let arguments = ["work", "--redis", &url, "--claim-after", &claim_after, "--pretend", "1", "--at-once", "64"];
    Process::start_into(&arguments, output, &output.with_extension("err"))
}
