//! Counts instructions under callgrind, which do not depend on the load of the machine.
//!
//! `cargo bench -p benches --bench instructions` prints the counts and the ratios that matter; with
//! `-- --check` it fails if a ratio is more than 3 % above the one in `instructions.txt`, and
//! `-- --save` writes that file. Needs valgrind.

mod support;

use std::collections::HashMap;
use std::process::Command;
use std::{env, fs};

use support::Case;

const BASELINE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/instructions.txt");
const UNDER_CALLGRIND: &str = "UNDER_CALLGRIND";
const TOLERANCE: f64 = 1.03;

fn main() {
    let cases = support::all();
    if env::var_os(UNDER_CALLGRIND).is_some() {
        for case in &cases {
            (case.run)(); // run once outside, to exclude one-time work
            counted(&case.run);
        }
        return;
    }
    let counts = count(&cases);
    for (name, count) in &counts {
        println!("{count:>9}  {name}");
    }
    let lines: Vec<_> = ratios(&cases, &counts).iter().map(|(name, ratio)| format!("{ratio:>9.3}  {name}\n")).collect();
    let report = lines.concat();
    print!("\n{report}");
    let asked = |flag| env::args().any(|arg| arg == flag);
    if asked("--save") {
        fs::write(BASELINE, &report).unwrap();
    }
    if asked("--check") {
        let baseline = fs::read_to_string(BASELINE).unwrap();
        let worse = worse(&baseline, &report);
        assert!(worse.is_empty(), "gone, new, or more than {TOLERANCE} times {BASELINE}:\n{}", worse.join("\n"));
    }
}

/// callgrind counts only inside this function, and writes a profile each time it returns.
#[inline(never)]
fn counted(run: &dyn Fn()) {
    run();
}

fn count(cases: &[Case]) -> Vec<(&str, u64)> {
    let dir = env::temp_dir().join(format!("instructions-{}", std::process::id()));
    fs::create_dir_all(&dir).unwrap();
    let status = Command::new("valgrind")
        .args(["--quiet", "--tool=callgrind", "--toggle-collect=*::counted", "--dump-after=*::counted"])
        .arg(format!("--callgrind-out-file={}/profile", dir.display()))
        .arg(env::current_exe().unwrap())
        .env(UNDER_CALLGRIND, "1")
        .status()
        .expect("valgrind is installed");
    assert!(status.success(), "valgrind: {status}");
    let profile = |n| fs::read_to_string(dir.join(format!("profile.{n}"))).unwrap();
    let total = |profile: &str| profile.lines().find_map(|line| line.strip_prefix("summary: ")?.trim().parse().ok());
    let counts = (1..).zip(cases).map(|(n, case)| (&*case.name, total(&profile(n)).unwrap())).collect();
    fs::remove_dir_all(dir).unwrap();
    counts
}

/// Pairs of a case and the case to divide it by.
fn pairs(cases: &[Case]) -> Vec<[&Case; 2]> {
    let find = |name: &str| cases.iter().find(|case| case.name == name).unwrap();
    let mut pairs = Vec::new();
    for group in ["unsigned", "signed"] {
        pairs.extend(
            ["floor", "by hand"].map(|that| [find(&format!("{group}/handle")), find(&format!("{group}/{that}"))]),
        );
    }
    for case in ["refusal/other app", "refusal/forged", "refusal/malformed body", "untidy/query", "untidy/body"] {
        pairs.push([find(case), find(&format!("{case} by hand"))]);
    }
    pairs.push([find("refusal/other app"), find("unsigned/handle")]);
    pairs.push([find("service/answer"), find("unsigned/handle")]);
    pairs.push([find("event/written at once"), find("event/copied, then written")]);
    for whole in cases {
        if let Some(thing) = whole.name.strip_suffix("/whole") {
            pairs.extend(["ignored", "half"].map(|that| [whole, find(&format!("{thing}/{that}"))]));
        }
    }
    pairs
}

fn name_of([this, that]: [&Case; 2]) -> String {
    format!("{} : {}", this.name, that.name)
}

/// The ratios that must not rise. Both counts are from the same run, so that a new compiler or `serde_json`
/// changes both.
fn ratios(cases: &[Case], counts: &[(&str, u64)]) -> Vec<(String, f64)> {
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let get = |name: &str| counts.iter().find(|(known, _)| *known == name).unwrap().1 as f64;
    let ratio = |[this, that]: [&Case; 2]| (name_of([this, that]), get(&this.name) / get(&that.name));
    let mut ratios: Vec<_> = pairs(cases).into_iter().map(ratio).collect();
    let unread = get("signed/handle") - get("stage/body");
    ratios.push(("refusal/forged : signed/handle less stage/body".to_owned(), get("refusal/forged") / unread));
    ratios
}

fn worse<'a>(baseline: &'a str, report: &'a str) -> Vec<&'a str> {
    let [known, found] = [baseline, report].map(|lines| lines.lines().map(parse).collect::<HashMap<_, _>>());
    let is_gone = |line: &&str| !found.contains_key(parse(line).0);
    let has_risen = |line: &&str| {
        let (name, ratio) = parse(line);
        known.get(name).is_none_or(|known| ratio > known * TOLERANCE)
    };
    baseline.lines().filter(is_gone).chain(report.lines().filter(has_risen)).collect()
}

fn parse(line: &str) -> (&str, f64) {
    let (ratio, name) = line.trim_start().split_once("  ").unwrap();
    (name, ratio.parse().unwrap())
}
