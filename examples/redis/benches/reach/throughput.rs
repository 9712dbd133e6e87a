//! How fast events get into Redis, compared with Redis' own benchmark in the same run.

use std::process::Command;
use std::time::Instant;

use im_group_full::{CallbackBody, CallbackQuery, GroupFull};
use tokio::runtime::Runtime;

use crate::times::Times;
use crate::util::Redis;
use crate::util::process::request;
use crate::{Options, RECEIVERS, Receiver, load};

/// Compares receivers without workers with `redis-benchmark`, before and after them.
pub fn compare(redis: &Redis, options: &Options) {
    let before = redis_benchmark(redis, options);
    redis.ask::<()>("FLUSHALL");
    let memory = used_memory(redis);

    let runtime = Runtime::new().unwrap();
    let receivers: Vec<_> =
        (0..RECEIVERS).map(|number| Receiver::start(&redis.url(), redis.dir(), options, number, &[])).collect();
    let load = options.load(&receivers, None);
    let start = Instant::now();
    let answers = runtime.block_on(load.run());
    let ours = f64::from(options.events) / start.elapsed().as_secs_f64();
    assert!(answers.iter().all(|answer| answer.ok == Some(true)));
    assert_eq!(redis.waiting(), options.events as usize);
    drop(receivers);

    let bytes = (used_memory(redis) - memory) / u64::from(options.events);
    let stream: u64 = redis.ask("MEMORY USAGE group-full SAMPLES 0");
    let stream = stream / u64::from(options.events);
    redis.ask::<()>("FLUSHALL");
    let after = redis_benchmark(redis, options);
    redis.ask::<()>("FLUSHALL");

    let theirs = f64::midpoint(before, after);
    println!("throughput, no workers, nobody killed, events a second");
    println!("  receive -> Redis, HTTP included        {ours:>8.0}");
    println!("  redis-benchmark XADD, before and after {before:>8.0} {after:>8.0}");
    println!("  ratio                                  {:>8.2}", ours / theirs);
    println!("  answers: {}", Times::of(answers.iter().map(|answer| answer.end - answer.start)));
    println!("  memory of an event that waits: {stream} bytes in the stream, {} for its mark\n", bytes - stream);
}

/// Appends a stream entry of the same size, with the same number in flight.
fn redis_benchmark(redis: &Redis, options: &Options) -> f64 {
    let (group, time) = load::event(options.events);
    let request = request(&group, Some(time), "close");
    let (query, body) = (request.split(['?', ' ']).nth(2).unwrap(), request.split("\r\n\r\n").nth(1).unwrap());
    let (query, body) = (CallbackQuery::parse(query).unwrap(), CallbackBody::parse(body.as_bytes()).unwrap());
    let event = serde_json::to_string(&GroupFull::assume_verified(query, body)).unwrap();
    let output = Command::new("redis-benchmark")
        .args(["-p", &redis.port.to_string(), "-c", &options.in_flight.to_string(), "-n", &options.events.to_string()])
        .args(["--csv", "XADD", "benchmark", "*", "event", &event])
        .output()
        .expect("redis-benchmark comes with redis-server");
    let output = String::from_utf8(output.stdout).unwrap();
    // The command comes first, with commas of its own; then events a second, and six times.
    let figure = output.lines().last().unwrap().rsplit(',').nth(6).unwrap();
    figure.trim_matches('"').parse().unwrap()
}

fn used_memory(redis: &Redis) -> u64 {
    let info: String = redis.ask("INFO memory");
    info.lines().find_map(|line| line.strip_prefix("used_memory:")).unwrap().trim().parse().unwrap()
}
