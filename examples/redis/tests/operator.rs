//! What used to wake an operator up.

mod util;

use std::io::{Read, Write};
use std::net::TcpStream;

use redis::streams::StreamInfoConsumersReply;
use util::process::{Front, Process, get, post};
use util::{PATIENCE, Redis, eventually, free_port, mark};

const OK: &str = r#"{"ActionStatus":"OK","ErrorInfo":"","ErrorCode":0}"#;
const NOT_STORED: &str = r#"{"ActionStatus":"FAIL","ErrorInfo":"not stored","ErrorCode":1}"#;

fn worker(redis: &Redis, more: &[&str]) -> Process {
    Process::start(&[&["work", "--redis", &redis.url(), "--pretend", "0"], more].concat())
}

/// Sends a request for another app, which anybody can.
fn refused(address: &str) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let request = "POST /im/callback?SdkAppid=1&CallbackCommand=Group.CallbackAfterGroupFull HTTP/1.1\r\n\
                   Host: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
}

#[test]
fn nobody_waits_for_the_log() {
    let Some(redis) = Redis::start() else { return };
    for closed in [false, true] {
        let (url, address, metrics) =
            (redis.url(), format!("127.0.0.1:{}", free_port()), format!("127.0.0.1:{}", free_port()));
        let arguments = ["receive", "--address", &address, "--redis", &url, "--metrics", &metrics];
        let (process, pipe) = Process::start_unheard(&arguments, closed);
        eventually("it listens", || TcpStream::connect(&address).ok());
        redis.ask::<()>("SET group-full no-stream");
        // More than a pipe of 64 KiB and the log together hold.
        for number in 0..2_500 {
            if number % 100 == 0 {
                refused(&address);
            }
            assert_eq!(post(&address, &"g".repeat(100), Some(1)), NOT_STORED);
        }
        redis.ask::<()>("DEL group-full");
        assert_eq!(post(&address, "g", Some(1)), OK);
        let figures = get(&metrics);
        assert!(figures.contains("group_full_answered_fail_total{reason=\"not_stored\"} 2500"), "{figures}");
        assert_eq!(figures.contains("group_full_log_lines_dropped_total 0"), closed, "{figures}");
        assert!(process.stop());
        drop(pipe);
        redis.ask::<()>("FLUSHALL");
    }
}

#[test]
fn strangers_cause_ten_lines_a_second() {
    let Some(redis) = Redis::start() else { return };
    let metrics = format!("127.0.0.1:{}", free_port());
    let front = Front::start(&redis, &["--metrics", &metrics]);
    for _ in 0..100 {
        refused(&front.address);
    }
    front.process.says("refused sdk_app_id_mismatch: ");
    let figures = get(&metrics);
    assert!(figures.contains("group_full_refused_total{kind=\"sdk_app_id_mismatch\"} 100"), "{figures}");
    let held_back = figures.lines().find_map(|line| line.strip_prefix("group_full_log_lines_held_back_total "));
    assert!(held_back.unwrap().parse::<u32>().unwrap() > 0, "{figures}");
}

#[test]
fn a_wrong_password_ends_it() {
    let Some(redis) = Redis::start_as(&["--requirepass", "right"]) else { return };
    for (command, password) in [("receive", ":wrong@"), ("work", ":wrong@"), ("work", "")] {
        let url = format!("redis://{password}127.0.0.1:{}", redis.port);
        let process = Process::start(&[command, "--redis", &url]);
        process.says("error: redis refuses the user or the password: ");
        assert!(!process.ends());
    }
}

#[test]
fn work_that_takes_long_is_not_claimed() {
    let Some(redis) = Redis::start() else { return };
    assert_eq!(Front::start(&redis, &[]).post("g", Some(1)), OK);
    let url = redis.url();
    let slow = Process::start(&["work", "--redis", &url, "--claim-after", "1", "--pretend", "4000"]);
    eventually("it is taken", || (redis.taken() == 1).then_some(()));
    let metrics = format!("127.0.0.1:{}", free_port());
    let _other = worker(&redis, &["--claim-after", "1", "--metrics", &metrics]);
    slow.says("worked on");
    eventually("it is finished", || (redis.waiting() == 0).then_some(()));
    let figures = get(&metrics);
    assert!(figures.contains("group_full_claimed_total 0"), "{figures}");
}

#[test]
fn a_client_with_half_a_request_does_not_keep_it_from_stopping() {
    let Some(redis) = Redis::start() else { return };
    let front = Front::start(&redis, &[]);
    let mut client = TcpStream::connect(&front.address).unwrap();
    client.write_all(b"POST /im/callback HTTP/1.1\r\nHost: x\r\n").unwrap();
    assert_eq!(front.post("g", Some(1)), OK);
    // `stop` has a limit below which hyper would not give the client up by itself.
    assert!(front.process.stop());
}

#[test]
fn a_mark_and_an_event_have_a_bound() {
    let Some(redis) = Redis::start() else { return };
    let front = Front::start(&redis, &[]);
    assert_eq!(front.post(&"g".repeat(3_500), Some(1)), OK);
    let key = mark(&format!("888888:1:{}", "g".repeat(3_500)));
    assert_eq!(redis.ask::<u64>(&format!("EXISTS {key}")), 1);
    let used: u64 = redis.ask(&format!("MEMORY USAGE {key}"));
    assert!(used < 300, "{used}");

    let too_long = r#"{"ActionStatus":"FAIL","ErrorInfo":"longer than 4 KiB","ErrorCode":1}"#;
    assert_eq!(front.post(&"g".repeat(60_000), Some(2)), too_long);
    assert_eq!((redis.waiting(), redis.ask::<u64>("DBSIZE")), (1, 2));
}

#[test]
fn ok_means_that_it_is_somewhere() {
    let Some(redis) = Redis::start() else { return };
    let front = Front::start(&redis, &[]);
    assert_eq!(front.post("g", Some(1)), OK);
    redis.ask::<()>("DEL group-full");
    assert_eq!(front.post("g", Some(1)), OK);
    assert_eq!(redis.waiting(), 1);

    let worker = worker(&redis, &[]);
    worker.says("worked on");
    eventually("it is finished", || (redis.waiting() == 0).then_some(()));
    assert_eq!(redis.ask::<String>(&format!("GET {}", mark("888888:1:g"))), "done");
    assert!((1..=600_000).contains(&redis.ask::<i64>(&format!("PTTL {}", mark("888888:1:g")))));
    redis.ask::<()>("DEL group-full");
    assert_eq!(front.post("g", Some(1)), OK);
    assert_eq!(redis.ask::<u64>("EXISTS group-full"), 0);
}

#[test]
fn consumers_that_are_gone_are_removed() {
    let Some(redis) = Redis::start() else { return };
    let front = Front::start(&redis, &[]);
    let mut idle = worker(&redis, &["--name", "idle"]);
    assert_eq!(front.post("g", Some(1)), OK);
    idle.says("worked on");
    eventually("it is finished", || (redis.waiting() == 0).then_some(()));
    idle.kill();
    let url = redis.url();
    let mut busy = Process::start(&["work", "--redis", &url, "--name", "busy", "--pretend", "3600000"]);
    assert_eq!(front.post("h", Some(1)), OK);
    eventually("it is taken", || (redis.taken() == 1).then_some(()));
    busy.kill();

    let last = worker(&redis, &["--name", "last", "--forget-after", "2"]);
    let names = || {
        let found: StreamInfoConsumersReply = redis.ask("XINFO CONSUMERS group-full workers");
        found.consumers.into_iter().map(|consumer| consumer.name).collect::<Vec<_>>()
    };
    eventually("the idle one is gone", || (!names().contains(&"idle".to_owned())).then_some(()));
    assert!(names().contains(&"busy".to_owned()));
    assert!(last.stop());
    assert_eq!(names(), ["busy"]);
}

#[test]
fn a_tidying_worker_does_not_end_for_want_of_a_stream() {
    let Some(redis) = Redis::start() else { return };
    let metrics = format!("127.0.0.1:{}", free_port());
    let worker = worker(&redis, &["--metrics", &metrics]);
    assert_eq!(Front::start(&redis, &[]).post("g", Some(1)), OK);
    worker.says("worked on");
    eventually("it is finished", || (redis.waiting() == 0).then_some(()));
    let figures = get(&metrics);
    for line in [
        "group_full_worked_total{outcome=\"done\"} 1",
        "group_full_work_seconds_count 1",
        "group_full_redis_up 1.0",
        "group_full_waiting 0.0",
        "group_full_oldest_waiting_seconds 0.0",
        "group_full_pending 0.0",
        "group_full_dead 0.0",
    ] {
        assert!(figures.contains(line), "{line}: {figures}");
    }
}

#[test]
fn failures_are_counted_from_nought() {
    let Some(redis) = Redis::start() else { return };
    let metrics = format!("127.0.0.1:{}", free_port());
    let _front = Front::start(&redis, &["--metrics", &metrics]);
    let figures = get(&metrics);
    for series in [
        "answered_fail_total{reason=\"full\"}",
        "answered_fail_total{reason=\"too_long\"}",
        "answered_fail_total{reason=\"not_replicated\"}",
        "answered_fail_total{reason=\"not_stored\"}",
        "refused_total{kind=\"invalid_signature\"}",
        "refused_total{kind=\"method_not_allowed\"}",
        "worked_total{outcome=\"failed\"}",
    ] {
        assert!(figures.contains(&format!("group_full_{series} 0\n")), "{series}: {figures}");
    }
}

#[test]
fn work_that_is_done_holds_no_slot() {
    let Some(redis) = Redis::start() else { return };
    let front = Front::start(&redis, &[]);
    assert_eq!([front.post("g", Some(1)), front.post("h", Some(1))], [OK, OK]);
    // The work can be done, and Redis cannot be told.
    redis.ask::<()>("ACL SETUSER default -xdel");
    let worker = worker(&redis, &["--at-once", "1"]);
    worker.says("worked on \"888888:1:g\"");
    worker.says("worked on \"888888:1:h\"");
    assert_eq!(redis.waiting(), 2);
    redis.ask::<()>("ACL SETUSER default +xdel");
    eventually("both are finished", || (redis.waiting() == 0).then_some(()));
    assert_eq!(redis.taken(), 0);
}
