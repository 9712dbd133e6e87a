//! The figures of the bench rest on its counts: what is lost or worked on twice must be seen.

#[path = "../benches/reach/ledger.rs"]
#[allow(dead_code, reason = "the bench prints the rest")]
mod ledger;
#[path = "../benches/reach/load.rs"]
#[allow(dead_code, reason = "the bench sends them")]
mod load;
mod util;

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use ledger::{Dead, Ledger, Split, Worked};
use load::{Answer, event, id};
use util::process::{Front, Process};
use util::{Redis, eventually};

fn file(name: &str) -> PathBuf {
    let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("ledger-{}-{name}", std::process::id()));
    let _ = fs::remove_file(&file);
    file
}

/// An event, how long before the failover it was answered `OK`, and the entry and the delivery of each work on it.
type Row = (u32, Duration, &'static [(&'static str, u32)]);

#[test]
fn each_loss_and_each_repetition_is_counted_once() {
    let from = Instant::now() + Duration::from_secs(60);
    let split = Split { from, to: from + Duration::from_millis(200), from_millis: 1_000_000 };
    let long_before = Duration::from_secs(30);
    let events: [Row; 9] = [
        (0, long_before, &[("1-0", 1)]),
        (1, long_before, &[]),
        (2, Duration::ZERO, &[]),
        (3, long_before, &[("1-0", 1), ("1-0", 2)]),
        (4, long_before, &[("1-0", 1), ("1-0", 1)]),
        (5, long_before, &[("999000-0", 1), ("999000-0", 1)]),
        (6, long_before, &[("999000-0", 1), ("999001-0", 1)]),
        (7, long_before, &[("1-0", 1)]),
        (8, Duration::ZERO, &[]),
    ];
    let answer = |event, before: Duration| {
        let end = from.checked_sub(before).unwrap();
        Answer { event, receiver: 0, start: end, end, ok: Some(true) }
    };
    let answers: Vec<_> = events.iter().map(|(event, before, _)| answer(*event, *before)).collect();
    let (path, mut worked) = (file("counts"), Worked::default());
    let mut lines = fs::File::create(&path).unwrap();
    for (event, _, works) in events {
        for (entry, delivery) in works {
            writeln!(lines, "{}\t{entry}\t{delivery}\t0", id(event)).unwrap();
        }
    }
    worked.read(&path);

    let ledger = Ledger::new(&answers, &worked, &Dead::default(), 9, 3, &split);
    assert_eq!((ledger.lost, ledger.lost_by_failover), (1, 2));
    assert_eq!((ledger.not_acknowledged, ledger.unexplained, ledger.after_failover), (1, 1, 2));
    assert_eq!((ledger.impossible, ledger.poison_lost), (1, 3));
}

#[test]
fn work_that_a_dead_worker_could_not_acknowledge_is_counted() {
    let Some(redis) = Redis::start() else { return };
    let front = Front::start(&redis, &[]);
    let (group, time) = event(0);
    front.post(&group, Some(time));
    let (path, url) = (file("works"), redis.url());
    let work = |more: &[&str]| {
        let flags = ["work", "--redis", &url, "--pretend", "0", "--pretend-file", path.to_str().unwrap()];
        Process::start(&[&flags[..], more].concat())
    };
    redis.ask::<()>("ACL SETUSER default -xdel");
    let mut victim = work(&[]);
    victim.says("worked on");
    // It has tried to, in vain.
    eventually("it was refused", || {
        let stats: String = redis.ask("INFO commandstats");
        let xdel = stats.lines().find(|line| line.starts_with("cmdstat_xdel:"))?;
        (xdel.contains(":calls=0,") && !xdel.contains("rejected_calls=0")).then_some(())
    });
    victim.kill();
    redis.ask::<()>("ACL SETUSER default +xdel");
    let _heir = work(&["--claim-after", "1"]);
    eventually("it is finished", || (redis.waiting() == 0).then_some(()));

    let mut worked = Worked::default();
    worked.read(&path);
    let far = Instant::now() + Duration::from_secs(3_600);
    let split = Split { from: far, to: far, from_millis: u64::MAX };
    let ledger = Ledger::new(&[], &worked, &Dead::read(&redis), 1, 0, &split);
    assert_eq!((ledger.not_acknowledged, ledger.unexplained, ledger.after_failover), (1, 0, 0));
}
