//! Takes the time of a case by that of another, turn by turn: on a shared machine, whose speed changes
//! from second to second, two times taken one after the other say little of each other.
//!
//! `cargo bench --bench ratios` prints for each pair the quartiles of the ratios of its rounds, and then what the
//! service takes more than `handle`, without the request that it is given.

#[path = "support/pairs.rs"]
mod pairs;
mod support;

use std::time::{Duration, Instant};

use pairs::{name_of, pairs};
use support::Case;

const ROUNDS: usize = 301;
/// Long beside the first calls, in which the processor still expects the other case, and short beside
/// what else the machine does.
const TURN: Duration = Duration::from_millis(1);

fn main() {
    let cases = support::all();
    println!("{:>7}  {:>7}  {:>7}", "25 %", "median", "75 %");
    for pair in pairs(&cases) {
        let [low, median, high] = quartiles(pair, |[this, that]| this / that);
        println!("{low:>7.3}  {median:>7.3}  {high:>7.3}  {}", name_of(pair));
    }
    let service = ["service/answer", "service/request", "unsigned/handle"];
    let of_service = service.map(|name| cases.iter().find(|case| case.name == name).unwrap());
    let [low, median, high] = quartiles(of_service, |[answer, request, handle]| (answer - request - handle) * 1e9);
    println!("{low:>4.0} ns  {median:>4.0} ns  {high:>4.0} ns  {}", service.join(" less "));
}

fn quartiles<const N: usize>(cases: [&Case; N], of_round: fn([f64; N]) -> f64) -> [f64; 3] {
    let calls = cases.map(calls_in_a_turn);
    let each = std::array::from_fn(|n| n);
    let round = |_| of_round(each.map(|n: usize| time(cases[n], calls[n]).as_secs_f64() / f64::from(calls[n])));
    let mut rounds: Vec<_> = (0..ROUNDS).map(round).collect();
    rounds.sort_by(f64::total_cmp);
    [1, 2, 3].map(|quarter| rounds[ROUNDS * quarter / 4])
}

fn calls_in_a_turn(case: &Case) -> u32 {
    let mut calls = 1;
    while time(case, calls) < TURN {
        calls *= 2;
    }
    calls
}

fn time(case: &Case, calls: u32) -> Duration {
    let start = Instant::now();
    for _ in 0..calls {
        (case.run)();
    }
    start.elapsed()
}
