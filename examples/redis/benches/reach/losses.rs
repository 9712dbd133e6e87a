//! What gets lost when everything that takes part is killed, and Redis fails over to its replica.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::runtime::Runtime;

use crate::ledger::{Dead, Ledger, Worked};
use crate::load::Answer;
use crate::times::Times;
use crate::util::process::Process;
use crate::util::proxy::Proxy;
use crate::util::{Redis, eventually};
use crate::{Options, RECEIVERS, Receiver};

const WORKERS: usize = 3;
/// Long enough for events to run out of time.
const DOWN: Duration = Duration::from_secs(3);
/// One entry in so many is none.
const POISON: u32 = 100;

/// Sends events while workers, receivers and Redis are killed, and counts every one of them.
pub fn count(options: &Options) -> Option<Ledger> {
    let mut primary = Redis::start()?;
    let replica = Redis::start_as(&["--replicaof", "127.0.0.1", &primary.port.to_string()])?;
    let proxy = Proxy::start(primary.port);
    replicates(&primary);
    let flags = ["--wait-replicas", &options.wait_replicas.to_string()].map(str::to_owned);
    let url = proxy.url();
    let start_receiver = |number| Receiver::start(&url, &out_dir(&proxy), options, number, &flags);
    let mut receivers: Vec<_> = (0..RECEIVERS).map(start_receiver).collect();
    let files: Vec<_> = (0..WORKERS).map(|number| out_dir(&proxy).join(format!("worker-{number}"))).collect();
    let mut workers: Vec<_> = files.iter().map(|file| start_worker(&url, file)).collect();

    let load = options.load(&receivers, options.rate);
    let begun = Arc::clone(&load.begun);
    let load = thread::spawn(move || Runtime::new().unwrap().block_on(load.run()));
    let start = Instant::now();
    let (mut killed, mut poison, mut stored_poison, mut away) = ([0_u32; 3], 0, 0, Vec::new());
    let mut failover_at = 0;
    while !load.is_finished() {
        let share = f64::from(begun.load(Relaxed)) / f64::from(options.events);
        if start.elapsed() >= Duration::from_millis(options.kill_every) * (killed[0] + 1) {
            let number = killed[0] as usize % WORKERS;
            workers[number].kill();
            workers[number] = start_worker(&url, &files[number]);
            killed[0] += 1;
        }
        if killed[1] < 4 && share >= 0.2 * f64::from(killed[1] + 1) {
            let number = killed[1] as usize % RECEIVERS;
            receivers[number].process.kill();
            receivers[number].start_again();
            killed[1] += 1;
        }
        while poison * POISON < begun.load(Relaxed).min(options.events) {
            stored_poison += usize::from(add_poison(if away.len() < 2 { &primary } else { &replica }));
            poison += 1;
        }
        if away.is_empty() && share >= 0.3 {
            let from = Instant::now();
            primary.kill();
            thread::sleep(DOWN);
            primary.start_again();
            replicates(&primary);
            away.push((from, Instant::now()));
            killed[2] += 1;
        } else if away.len() == 1 && share >= 0.6 {
            let from = Instant::now();
            failover_at = unix_millis();
            primary.kill();
            replica.ask::<()>("REPLICAOF NO ONE");
            proxy.lead_to(replica.port);
            primary.follow(replica.port);
            replicates(&replica);
            away.push((from, Instant::now()));
            killed[2] += 1;
        }
        thread::sleep(Duration::from_millis(5));
    }
    let answers = load.join().unwrap();
    let sent = start.elapsed();
    assert_eq!(away.len(), 2, "too few events for a failover");
    eventually("everything is done", || (replica.waiting() == 0).then_some(()));
    let done = start.elapsed();
    assert!(workers.into_iter().all(Process::stop));

    let mut worked = Worked::default();
    for file in &files {
        worked.read(file);
    }
    let ledger = Ledger::new(&answers, &worked, &Dead::read(&replica), options.events, stored_poison, failover_at);
    let _ = std::fs::remove_dir_all(out_dir(&proxy));

    let [workers, receivers, redis] = killed;
    println!(
        "{workers} times a worker killed, {receivers} times a receiver, {redis} times Redis, the last time for good"
    );
    println!("  (killed by SIGKILL, which is no power cut: what was written to the kernel stays)");
    println!(
        "  --wait-replicas {}; sent in {:.1} s, all done after {:.1} s",
        options.wait_replicas,
        sent.as_secs_f64(),
        done.as_secs_f64()
    );
    println!("{ledger}");
    let (during, else_where): (Vec<_>, Vec<_>) = answers
        .iter()
        .filter(|answer| answer.ok.is_some())
        .partition(|answer: &&Answer| away.iter().any(|(from, to)| answer.start < *to && answer.end > *from));
    let time = |answer: &Answer| answer.end - answer.start;
    let broken = answers.iter().filter(|answer| answer.ok.is_none()).count();
    println!("  tries at a receiver that was dead      {broken:>8}");
    for (from, to) in away {
        println!("  Redis, or its replica, was away for    {:>8.1} s", (to - from).as_secs_f64());
    }
    println!("  answers while Redis was up: {}", Times::of(else_where.into_iter().map(time)));
    println!("  answers while it was away:  {}", Times::of(during.into_iter().map(time)));
    Some(ledger)
}

fn unix_millis() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    u64::try_from(now.as_millis()).unwrap()
}

/// Waits until a replica follows.
fn replicates(primary: &Redis) {
    eventually("a replica follows", || {
        primary.ask::<String>("INFO replication").contains("state=online").then_some(())
    });
}

/// Adds an entry that is no event; returns whether the replica has it, so that it must not get lost.
fn add_poison(redis: &Redis) -> bool {
    let add = || {
        let mut connection = redis::Client::open(redis.url())?.get_connection()?;
        let mut both = redis::pipe();
        both.cmd("XADD").arg("group-full").arg("*").arg("event").arg("nonsense");
        both.cmd("WAIT").arg(1).arg(1_000);
        both.query::<(String, u32)>(&mut connection)
    };
    add().is_ok_and(|(_, replicas)| replicas == 1)
}

/// Outlives every Redis.
fn out_dir(proxy: &Proxy) -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("reach-{}", proxy.port));
    std::fs::create_dir_all(&dir).unwrap();
    dir
}

fn start_worker(url: &str, file: &Path) -> Process {
    let written = file.to_str().unwrap();
    let arguments = ["work", "--redis", url, "--claim-after", "2", "--max-deliveries", "3", "--pretend", "1"];
    let more = ["--at-once", "64", "--pretend-failing", "fails", "--pretend-file", written];
    Process::start_into(&[&arguments[..], &more].concat(), &file.with_extension("out"), &file.with_extension("err"))
}
