//! How fast events get into Redis, compared with Redis' own benchmark in the same run.

use std::process::Command;
use std::time::Instant;

use im_group_full::{CallbackBody, CallbackQuery, GroupFull};
use tokio::runtime::Runtime;

use crate::times::Times;
use crate::util::Redis;
use crate::util::process::request;
use crate::{Options, RECEIVERS, Receiver, load, start_replica};

/// The median of so many counts.
const ROUNDS: usize = 3;

/// Measures receivers without workers: alone in turn with `redis-benchmark`, and then with a replica.
pub fn print(options: &Options) -> Option<()> {
    let redis = Redis::start()?;
    println!("throughput, no workers, nobody killed, {} in flight: events a second", options.in_flight);
    println!("  round   redis-benchmark XADD   receive -> Redis   ratio");
    let (mut ratios, mut memory) = (Vec::new(), (0, 0));
    for round in 1..=ROUNDS {
        let before = redis_benchmark(&redis, options);
        let ours = Ours::measure(&redis, options, 0);
        let after = redis_benchmark(&redis, options);
        let theirs = f64::midpoint(before, after);
        ratios.push(ours.rate / theirs);
        println!("  {round:>5} {theirs:>22.0} {:>18.0} {:>7.2}   {}", ours.rate, ours.rate / theirs, ours.times);
        memory = ours.memory;
    }
    println!("  median of the ratios {:.2}", median(ratios));
    println!("  memory of an event that waits: {} bytes in the stream, {} for its mark", memory.0, memory.1);

    let _replica = start_replica(&redis)?;
    for replicas in [0, 1] {
        println!("with a replica, --wait-replicas {replicas}");
        let mut rates = Vec::new();
        for round in 1..=ROUNDS {
            let ours = Ours::measure(&redis, options, replicas);
            println!("  {round:>5} {:>41.0}           {}", ours.rate, ours.times);
            rates.push(ours.rate);
        }
        println!("  median {:.0}", median(rates));
    }
    println!();
    Some(())
}

struct Ours {
    rate: f64,
    times: Times,
    /// Bytes of an event: in the stream, and for its mark.
    memory: (u64, u64),
}

impl Ours {
    fn measure(redis: &Redis, options: &Options, replicas: u32) -> Self {
        redis.ask::<()>("FLUSHALL");
        let before = used_memory(redis);
        let runtime = Runtime::new().unwrap();
        let start = |number| Receiver::start(&redis.url(), redis.dir(), options, number, replicas);
        let receivers: Vec<_> = (0..RECEIVERS).map(start).collect();
        let load = options.load(&receivers);
        let start = Instant::now();
        let answers = runtime.block_on(load.run());
        let rate = f64::from(options.events) / start.elapsed().as_secs_f64();
        assert!(answers.iter().all(|answer| answer.ok == Some(true)));
        assert_eq!(redis.waiting(), options.events as usize);
        let bytes = (used_memory(redis) - before) / u64::from(options.events);
        let stream: u64 = redis.ask("MEMORY USAGE group-full SAMPLES 0");
        let stream = stream / u64::from(options.events);
        redis.ask::<()>("FLUSHALL");
        let times = Times::of(answers.iter().map(|answer| answer.end - answer.start));
        Self { rate, times, memory: (stream, bytes.saturating_sub(stream)) }
    }
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
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
    redis.ask::<()>("FLUSHALL");
    let output = String::from_utf8(output.stdout).unwrap();
    // The command comes first, with commas of its own; then events a second, and six times.
    let figure = output.lines().last().unwrap().rsplit(',').nth(6).unwrap();
    figure.trim_matches('"').parse().unwrap()
}

fn used_memory(redis: &Redis) -> u64 {
    let info: String = redis.ask("INFO memory");
    info.lines().find_map(|line| line.strip_prefix("used_memory:")).unwrap().trim().parse().unwrap()
}
