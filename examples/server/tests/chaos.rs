//! The figures of the bench rest on its counts: a lost event and a late answer must be seen.

#[path = "../benches/chaos/ledger.rs"]
mod ledger;

use std::time::{Duration, Instant};

use ledger::{Answer, Ledger, Mark, Outage, Outcome, Work};

fn answers(start: Instant, rows: &[(&str, u64, u64, Outcome)]) -> Vec<Answer> {
    let at = |millis| start + Duration::from_millis(millis);
    let rows = rows.iter().cloned();
    rows.map(|(group, start, end, outcome)| Answer {
        receiver: 0,
        group: group.into(),
        start: at(start),
        end: at(end),
        outcome,
    })
    .collect()
}

fn mark(start: Instant, at: u64, mark: Mark, group: &str) -> Work {
    Work { at: start + Duration::from_millis(at), process: 0, mark, group: group.into() }
}

fn begin(start: Instant, at: u64, group: &str) -> Work {
    mark(start, at, Mark::Begin, group)
}

#[test]
fn work_overlaps_unless_it_has_ended_or_its_process_was_killed() {
    let start = Instant::now();
    let end = |group| mark(start, 1, Mark::End, group);
    let killed = || mark(start, 1, Mark::Killed, "");
    let cases = [
        (vec![begin(start, 0, "a"), begin(start, 1, "b"), end("a"), begin(start, 2, "a")], 0),
        (vec![begin(start, 0, "a"), end("b"), begin(start, 2, "a")], 1),
        (vec![begin(start, 0, "a"), killed(), begin(start, 2, "a")], 0),
    ];
    let other = Work { process: 1, ..killed() };
    let of_another_process = (vec![begin(start, 0, "a"), other, begin(start, 2, "a")], 1);
    for (works, overlapping) in cases.into_iter().chain([of_another_process]) {
        let ledger = Ledger::new(&[], &works, &[]);
        assert_eq!((ledger.overlapping, ledger.holds()), (overlapping, overlapping == 0), "{works:?}");
    }
}

#[test]
fn only_work_after_the_event_counts_for_it() {
    let start = Instant::now();
    let ok = || Outcome::Ok;
    let rows = [("worked", 0, 10, ok()), ("before", 20, 30, ok()), ("never", 0, 10, ok()), ("twice", 20, 30, ok())];
    let worked = [("worked", 5), ("before", 19), ("twice", 19), ("twice", 40), ("unknown", 50)];
    let works: Vec<_> =
        worked.iter().flat_map(|(group, at)| [begin(start, *at, group), mark(start, *at, Mark::End, group)]).collect();
    let ledger = Ledger::new(&answers(start, &rows), &works, &[]);
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
    let outage = Outage { receiver: 0, from: start + Duration::from_secs(10), to: start + Duration::from_secs(20) };
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
        assert_eq!(ledger.is_in_time(), expected.0 + expected.1 == 0, "{from} to {to}");
    }
}
