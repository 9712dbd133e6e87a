//! The figures of the bench rest on its counts: a lost event and a late answer must be seen.

#[path = "../benches/chaos/ledger.rs"]
mod ledger;

use std::time::{Duration, Instant};

use ledger::{Answer, Ledger, Outage, Outcome};

fn answers(start: Instant, rows: &[(&str, u64, u64, Outcome)]) -> Vec<Answer> {
    let at = |millis| start + Duration::from_millis(millis);
    let rows = rows.iter().cloned();
    rows.map(|(group, start, end, outcome)| Answer { group: group.into(), start: at(start), end: at(end), outcome })
        .collect()
}

#[test]
fn only_work_after_the_event_counts_for_it() {
    let start = Instant::now();
    let ok = || Outcome::Ok;
    let rows = [("worked", 0, 10, ok()), ("before", 20, 30, ok()), ("never", 0, 10, ok()), ("twice", 20, 30, ok())];
    let worked = [("worked", 5), ("before", 19), ("twice", 40), ("twice", 19), ("unknown", 50)];
    let worked = worked.map(|(group, at)| (start + Duration::from_millis(at), group.to_owned()));
    let ledger = Ledger::new(&answers(start, &rows), &worked, &[]);
    assert_eq!(ledger, Ledger { ok: 4, lost: 2, ..Ledger::default() });
    assert!(!ledger.holds());
    assert!(ledger.to_string().contains("of these lost                                        2 "), "{ledger}");
}

#[test]
fn a_failed_event_need_not_be_worked_on() {
    let failed = Outcome::Fail("full".into());
    let ledger = Ledger::new(&answers(Instant::now(), &[("a", 0, 1, failed.clone()), ("b", 0, 1, failed)]), &[], &[]);
    assert_eq!(ledger.failed.into_iter().collect::<Vec<_>>(), [("full".into(), 2)]);
    assert_eq!((ledger.ok, ledger.lost), (0, 0));
}

#[test]
fn an_outage_excuses_the_answers_of_its_time_and_no_others() {
    let (start, none) = (Instant::now(), || Outcome::None("reset".into()));
    let outage = Outage { from: start + Duration::from_secs(10), to: start + Duration::from_secs(20) };
    let late = Outcome::Fail(String::new());
    // Start and end; late, ignored, excused.
    let rows = [
        (1_000, 3_000, late.clone(), (0, 0, 0)),
        (1_000, 3_001, late.clone(), (1, 0, 0)),
        (19_999, 23_000, late.clone(), (0, 0, 0)),
        (20_000, 23_000, late, (1, 0, 0)),
        (9_000, 10_001, none(), (0, 0, 1)),
        (9_000, 10_000, none(), (0, 1, 0)),
        (20_000, 20_001, none(), (0, 1, 0)),
    ];
    for (from, to, outcome, expected) in rows {
        let ledger = Ledger::new(&answers(start, &[("a", from, to, outcome)]), &[], &[outage]);
        let ignored: usize = ledger.ignored.values().sum();
        assert_eq!((ledger.late, ignored, ledger.unanswered), expected, "{from} to {to}");
    }
}
