//! What cannot be done is given up, kept, and tried again when somebody says so.

mod util;

use std::process::Command;

use redis::streams::StreamRangeReply;
use util::process::{Front, Process};
use util::{Redis, eventually, mark};

const OK: &str = r#"{"ActionStatus":"OK","ErrorInfo":"","ErrorCode":0}"#;

fn worker(redis: &Redis, more: &[&str]) -> Process {
    Process::start(&[&["work", "--redis", &redis.url(), "--pretend", "0"], more].concat())
}

#[test]
fn what_always_fails_goes_to_the_dead_and_comes_back() {
    let Some(redis) = Redis::start() else { return };
    let id: String = redis.ask("XADD group-full * event nonsense");
    let front = Front::start(&redis, &[]);
    assert_eq!([front.post("bad", Some(1)), front.post("good", Some(1))], [OK, OK]);
    let flags = ["--pretend-failing", "bad", "--claim-after", "1", "--max-deliveries", "2"];
    let first = worker(&redis, &flags);
    first.says("failed, try 1 of 2, again in 1 s: ");
    eventually("both are dead", || (redis.dead() == 2 && redis.waiting() == 0).then_some(()));
    assert_eq!(redis.taken(), 0);
    // It is known, because it is among the dead.
    assert_eq!(front.post("bad", Some(1)), OK);
    assert_eq!(redis.waiting(), 0);

    let dead: StreamRangeReply = redis.ask("XRANGE {group-full}:dead - +");
    let reasons: Vec<String> = dead.ids.iter().map(|entry| entry.get("reason").unwrap()).collect();
    assert!(reasons.iter().any(|reason| reason == "pretends to fail"), "{reasons:?}");
    assert!(reasons.iter().any(|reason| reason.starts_with("no event: expected ident")), "{reasons:?}");
    assert!(dead.ids.iter().any(|entry| entry.get::<String>("entry").as_ref() == Some(&id)));
    assert!(first.stop());

    let url = redis.url();
    let run = |more: &[&str]| {
        let output =
            Command::new(env!("CARGO_BIN_EXE_example-redis")).args(["dead", "--redis", &url]).args(more).output();
        String::from_utf8(output.unwrap().stdout).unwrap()
    };
    let shown = run(&[]);
    assert!(shown.contains(r#"after 2 deliveries, "pretends to fail": {"query":"#), "{shown}");
    let bad = dead.ids.iter().find(|entry| entry.get::<String>("reason").unwrap() == "pretends to fail").unwrap();
    assert_eq!(run(&["--replay", &bad.id]), "1 moved back\n");
    assert_eq!((redis.waiting(), redis.dead()), (1, 1));
    // Still known: it is in the stream again.
    assert_eq!(front.post("bad", Some(1)), OK);
    assert_eq!(redis.waiting(), 1);
    worker(&redis, &[]).says("888888:1:bad");
    assert_eq!(run(&["--replay"]), "1 moved back\n");
}

#[test]
fn workers_that_die_of_an_event_do_not_do_so_for_ever() {
    let Some(redis) = Redis::start() else { return };
    assert_eq!(Front::start(&redis, &[]).post("g", Some(1)), OK);
    for _ in 0..2 {
        let url = redis.url();
        let flags = ["work", "--redis", &url, "--claim-after", "1", "--max-deliveries", "2", "--pretend", "3600000"];
        let before = redis.delivered();
        let mut victim = Process::start(&flags);
        eventually("it is taken", || (redis.delivered() > before).then_some(()));
        victim.kill();
    }
    let _last = worker(&redis, &["--claim-after", "1", "--max-deliveries", "2"]);
    eventually("it is dead", || (redis.dead() == 1).then_some(()));
    assert_eq!(redis.waiting(), 0);
    let dead: StreamRangeReply = redis.ask("XRANGE {group-full}:dead - +");
    assert_eq!(dead.ids[0].get::<String>("reason").unwrap(), "not finished after 2 deliveries");
}

#[test]
fn a_dead_event_is_known_as_long_as_its_mark_lives() {
    let Some(redis) = Redis::start() else { return };
    let front = Front::start(&redis, &["--mark-life", "1"]);
    assert_eq!(front.post("bad", Some(1)), OK);
    let _worker = worker(&redis, &["--pretend-failing", "bad", "--claim-after", "1", "--max-deliveries", "1"]);
    eventually("it is dead", || (redis.dead() == 1 && redis.waiting() == 0).then_some(()));
    let exists = format!("EXISTS {}", mark("888888:1:bad"));
    eventually("its mark is gone", || (redis.ask::<u64>(&exists) == 0).then_some(()));
    // A new event, then: OK means that it is in the stream, and it dies again.
    assert_eq!(front.post("bad", Some(1)), OK);
    eventually("it is dead again", || (redis.dead() == 2).then_some(()));
}
