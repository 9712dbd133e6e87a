//! Receivers, a real Redis and workers: nothing is lost, whoever dies.

mod util;

use std::thread;

use util::process::{Front, Process, post};
use util::{Redis, eventually, mark};

const OK: &str = r#"{"ActionStatus":"OK","ErrorInfo":"","ErrorCode":0}"#;
const NOT_STORED: &str = r#"{"ActionStatus":"FAIL","ErrorInfo":"not stored","ErrorCode":1}"#;
const FULL: &str = r#"{"ActionStatus":"FAIL","ErrorInfo":"too many events are waiting","ErrorCode":1}"#;

fn worker(redis: &Redis, more: &[&str]) -> Process {
    Process::start(&[&["work", "--redis", &redis.url()], more].concat())
}

/// Waits until work on an event without a time has begun: then the next one is news.
#[track_caller]
fn begun(redis: &Redis, event: &str) {
    eventually("work has begun", || (redis.ask::<u64>(&format!("EXISTS {}", mark(event))) == 0).then_some(()));
}

/// Waits until everything is done, acknowledged and deleted.
#[track_caller]
fn all_done(redis: &Redis) {
    eventually("the stream is empty", || (redis.waiting() == 0).then_some(()));
    assert_eq!(redis.taken(), 0);
}

#[test]
fn an_event_is_worked_on_and_deleted() {
    let Some(redis) = Redis::start() else { return };
    let front = Front::start(&redis, &[]);
    let worker = worker(&redis, &["--pretend", "0"]);

    assert_eq!(front.post("a \\\"group\\\"", Some(7)), OK);

    let line = worker.says("worked on");
    assert!(line.contains(r#"worked on "888888:7:a \"group\"" for "#), "{line}");
    all_done(&redis);
}

#[test]
fn the_same_event_through_two_receivers_is_one_entry() {
    let Some(redis) = Redis::start() else { return };
    let fronts = [Front::start(&redis, &["--mark-life", "7"]), Front::start(&redis, &["--mark-life", "7"])];

    thread::scope(|scope| {
        for address in fronts.iter().map(|front| &front.address).cycle().take(16) {
            scope.spawn(|| assert_eq!(post(address, "g", Some(1)), OK));
        }
    });
    assert_eq!(redis.waiting(), 1);
    assert_eq!(fronts[0].post("g", Some(2)), OK);
    assert_eq!(redis.waiting(), 2);

    let life: i64 = redis.ask(&format!("PTTL {}", mark("888888:1:g")));
    assert!((1..=7_000).contains(&life), "{life}");
    redis.ask::<()>(&format!("DEL {}", mark("888888:1:g")));
    assert_eq!(fronts[1].post("g", Some(1)), OK);
    assert_eq!(redis.waiting(), 3);
}

#[test]
fn the_mark_lives_ten_minutes_unless_set() {
    let Some(redis) = Redis::start() else { return };
    assert_eq!(Front::start(&redis, &[]).post("g", Some(1)), OK);
    let expires: u64 = redis.ask(&format!("PEXPIRETIME {}", mark("888888:1:g")));
    let entry: String = redis.ask(&format!("GET {}", mark("888888:1:g")));
    let added: u64 = entry.split('-').next().unwrap().parse().unwrap();
    assert_eq!(expires - added, 600_000);
}

#[test]
fn the_same_event_stays_one_piece_of_work_once_it_is_done() {
    let Some(redis) = Redis::start() else { return };
    let front = Front::start(&redis, &[]);
    let worker = worker(&redis, &["--pretend", "0"]);
    assert_eq!(front.post("g", Some(1)), OK);
    worker.says("worked on");
    all_done(&redis);
    assert_eq!(front.post("g", Some(1)), OK);
    assert_eq!(redis.waiting(), 0);
}

#[test]
fn without_a_time_events_merge_only_while_one_waits() {
    let Some(redis) = Redis::start() else { return };
    let front = Front::start(&redis, &[]);
    assert_eq!([front.post("g", None), front.post("g", None), front.post("h", None)], [OK, OK, OK]);
    assert_eq!(redis.waiting(), 2);

    let _busy = worker(&redis, &["--pretend", "3600000", "--at-once", "1"]);
    begun(&redis, "888888::g");
    assert_eq!([front.post("g", None), front.post("g", None), front.post("h", None)], [OK, OK, OK]);
    assert_eq!(redis.waiting(), 3);
}

#[test]
fn it_fails_while_redis_is_away_and_goes_on_when_it_is_back() {
    let Some(mut redis) = Redis::start() else { return };
    let front = Front::start(&redis, &[]);
    assert_eq!(front.post("before", Some(1)), OK);

    redis.kill();
    assert_eq!(front.post("while", Some(1)), NOT_STORED);
    front.process.says("is away, trying again: ");
    front.process.says(r#"answered FAIL for "888888:1:while": not stored: Connection refused"#);
    let late = Front::start(&redis, &[]);
    let worker = worker(&redis, &["--pretend", "0"]);
    worker.says("is away, trying again: Connection refused");

    redis.start_again();
    assert_eq!([front.post("after", Some(1)), late.post("after", Some(2))], [OK, OK]);
    front.process.says(" is back");
    for _ in ["before", "after", "after"] {
        worker.says("worked on");
    }
    all_done(&redis);
}

#[test]
fn it_fails_while_redis_hangs() {
    let Some(redis) = Redis::start() else { return };
    let front = Front::start(&redis, &[]);
    redis.pause();
    assert_eq!(front.post("g", Some(1)), NOT_STORED);
    redis.go_on();
    assert_eq!(front.post("h", Some(1)), OK);
}

#[test]
fn what_redis_refuses_leaves_no_mark() {
    let Some(redis) = Redis::start() else { return };
    let front = Front::start(&redis, &[]);
    redis.ask::<()>("SET group-full no-stream");
    assert_eq!(front.post("g", Some(1)), NOT_STORED);
    redis.ask::<()>("DEL group-full");
    assert_eq!(front.post("g", Some(1)), OK);
    assert_eq!(redis.waiting(), 1);
}

#[test]
fn a_full_stream_takes_no_more() {
    let Some(redis) = Redis::start() else { return };
    let front = Front::start(&redis, &["--max-waiting", "1"]);
    assert_eq!([front.post("g", Some(1)), front.post("g", Some(2)), front.post("g", Some(1))], [OK, FULL, OK]);
    assert_eq!(redis.waiting(), 1);
    let _worker = worker(&redis, &["--pretend", "0"]);
    all_done(&redis);
    assert_eq!(front.post("g", Some(2)), OK);
}

#[test]
fn what_a_dead_worker_left_is_claimed() {
    let Some(redis) = Redis::start() else { return };
    let front = Front::start(&redis, &[]);
    let mut dead = worker(&redis, &["--pretend", "3600000"]);
    assert_eq!([front.post("g", Some(1)), front.post("h", None)], [OK, OK]);
    eventually("both are taken", || (redis.taken() == 2).then_some(()));
    dead.kill();

    let heir = worker(&redis, &["--pretend", "0", "--claim-after", "1"]);
    let said = heir.says("worked on");
    assert!(said.ends_with(", delivery 2"), "{said}");
    all_done(&redis);
}

#[test]
fn a_worker_that_is_told_to_stop_finishes_what_it_took() {
    let Some(redis) = Redis::start() else { return };
    let front = Front::start(&redis, &[]);
    let worker = worker(&redis, &["--pretend", "1000"]);
    assert_eq!(front.post("g", None), OK);
    begun(&redis, "888888::g");
    assert!(worker.stop());
    assert_eq!(redis.waiting(), 0);
    assert!(front.process.stop());
}

#[test]
fn workers_go_on_when_the_group_is_gone() {
    let Some(redis) = Redis::start() else { return };
    let front = Front::start(&redis, &[]);
    let worker = worker(&redis, &["--pretend", "0"]);
    assert_eq!(front.post("g", Some(1)), OK);
    worker.says("worked on");
    redis.ask::<()>("FLUSHALL");
    assert_eq!(front.post("g", Some(1)), OK);
    worker.says("worked on");
    all_done(&redis);
}

#[test]
fn scripts_that_redis_forgot_are_sent_again() {
    let Some(redis) = Redis::start() else { return };
    let front = Front::start(&redis, &[]);
    let worker = worker(&redis, &["--pretend", "0"]);
    for time in 1..=3 {
        assert_eq!(front.post("g", Some(time)), OK);
        worker.says("worked on");
        redis.ask::<()>("SCRIPT FLUSH");
    }
    all_done(&redis);
}

#[test]
fn a_redis_that_can_forget_is_named() {
    let Some(redis) = Redis::start() else { return };
    redis.ask::<()>("CONFIG SET appendfsync everysec");
    let front = Front::start(&redis, &[]);
    front.process.says("redis has appendfsync everysec: an event answered OK can get lost; always is safe");
}

#[test]
fn what_redis_does_not_show_is_named() {
    let Some(redis) = Redis::start() else { return };
    redis.ask::<()>("ACL SETUSER default -config");
    let front = Front::start(&redis, &[]);
    front.process.says("redis does not show appendonly: make sure yourself that it is yes");
    front.process.says("redis does not show maxmemory-policy: make sure yourself that it is noeviction");
}

#[test]
fn a_mark_that_is_spoilt_costs_no_event() {
    let Some(redis) = Redis::start() else { return };
    redis.ask::<()>(&format!("HSET {} field value", mark("888888:1:hash")));
    redis.ask::<()>(&format!("SET {} garbage", mark("888888:1:text")));
    let front = Front::start(&redis, &[]);

    for group in ["hash", "text"] {
        assert_eq!([front.post(group, Some(1)), front.post(group, Some(1))], [OK, OK]);
    }
    assert_eq!(redis.waiting(), 2);
}
