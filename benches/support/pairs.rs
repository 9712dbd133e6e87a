//! What is to be compared within a run; a module of the benches that do (`instructions.rs`, `ratios.rs`).

use crate::support::Case;

/// Each a case, and another one to divide it by.
pub(crate) fn pairs(cases: &[Case]) -> Vec<[&Case; 2]> {
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

pub(crate) fn name_of([this, that]: [&Case; 2]) -> String {
    format!("{} : {}", this.name, that.name)
}
