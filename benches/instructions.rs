//! Counts instructions under callgrind, which do not depend on the load of the machine.
//!
//! `cargo bench -p benches --bench instructions` prints the counts, and the ratios that `instructions.txt` names; with
//! `-- --check` it fails if a ratio is more than 3 % above the one there, and `-- --save` writes it there. Both counts of a
//! ratio are from the same run, so that a new compiler or `serde_json` changes both. Needs valgrind.

use std::collections::BTreeMap;
use std::process::Command;
use std::{env, fs};

use benches::Case;

const BASELINE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/instructions.txt");
const UNDER_CALLGRIND: &str = "UNDER_CALLGRIND";
const TOLERANCE: f64 = 1.03;

fn main() {
    let cases = benches::all();
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
    let (mut report, mut risen) = (String::new(), String::new());
    for line in fs::read_to_string(BASELINE).unwrap().lines() {
        let (known, pair) = line.trim().split_once("  ").unwrap();
        let (this, that) = pair.split_once(" : ").unwrap();
        let ratio = counts[this] / counts[that];
        let line = format!("{ratio:>9.3}  {pair}\n");
        report += &line;
        if ratio > known.parse::<f64>().unwrap() * TOLERANCE {
            risen += &line;
        }
    }
    print!("\n{report}");
    let asked = |flag| env::args().any(|arg| arg == flag);
    if asked("--save") {
        fs::write(BASELINE, &report).unwrap();
    }
    assert!(!asked("--check") || risen.is_empty(), "more than {TOLERANCE} times {BASELINE}:\n{risen}");
}

/// callgrind counts only inside this function, and writes a profile each time it returns.
#[inline(never)]
fn counted(run: &dyn Fn()) {
    run();
}

fn count(cases: &[Case]) -> BTreeMap<&str, f64> {
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
