//! The figures of the bench rest on its counts: a lost event and a late answer must be seen.

#[path = "../benches/chaos/ledger.rs"]
mod ledger;

use std::time::{Duration, Instant};

use ledger::{Answer, Ledger, Mark, Outage, Outcome, Work};

/// Group, start and end in milliseconds, outcome.
type Answered<'a> = (&'a str, u64, u64, Outcome);
/// Time in milliseconds, process, mark, group.
type Marked<'a> = (u64, usize, Mark, &'a str);

/// Counts, with the only receiver away from 10 to 20 s.
fn ledger(answers: &[Answered], works: &[Marked]) -> Ledger {
    let zero = Instant::now();
    let at = |millis| zero + Duration::from_millis(millis);
    let answers = answers.iter().cloned().map(|(group, start, end, outcome)| Answer {
        receiver: 0,
        group: group.into(),
        start: at(start),
        end: at(end),
        outcome,
    });
    let works = works.iter().cloned().map(|(millis, process, mark, group)| Work {
        at: at(millis),
        process,
        mark,
        group: group.into(),
    });
    let outage = Outage { receiver: 0, from: at(10_000), to: at(20_000) };
    Ledger::new(&answers.collect::<Vec<_>>(), &works.collect::<Vec<_>>(), &[outage])
}

#[test]
fn work_overlaps_unless_it_has_ended_or_its_process_was_killed() {
    let begin = |at, group| (at, 0, Mark::Begin, group);
    let end = |group| (1, 0, Mark::End, group);
    let cases: [(&[Marked], usize); 4] = [
        (&[begin(0, "a"), begin(1, "b"), end("a"), begin(2, "a")], 0),
        (&[begin(0, "a"), end("b"), begin(2, "a")], 1),
        (&[begin(0, "a"), (1, 0, Mark::Killed, ""), begin(2, "a")], 0),
        (&[begin(0, "a"), (1, 1, Mark::Killed, ""), begin(2, "a")], 1),
    ];
    for (works, overlapping) in cases {
        let ledger = ledger(&[], works);
        assert_eq!((ledger.overlapping, ledger.holds()), (overlapping, overlapping == 0), "{works:?}");
    }
}

#[test]
fn only_work_after_the_event_counts_for_it() {
    let ok = |group, start| (group, start, start + 10, Outcome::Ok);
    let worked = [("worked", 5), ("before", 19), ("twice", 19), ("twice", 40), ("unknown", 50)];
    let marks = worked.map(|(group, at)| [(at, 0, Mark::Begin, group), (at, 0, Mark::End, group)]);
    let ledger = ledger(&[ok("worked", 0), ok("before", 20), ok("never", 0), ok("twice", 20)], marks.as_flattened());
    assert_eq!(ledger, Ledger { ok: 4, lost: 2, ..Ledger::default() });
    assert!(!ledger.holds());
    assert!(ledger.to_string().contains("of these lost                                        2 "), "{ledger}");
}

#[test]
fn a_failed_event_need_not_be_worked_on() {
    let failed = Outcome::Fail("full".into());
    let expected = Ledger { failed: [("full".into(), 2)].into(), ..Ledger::default() };
    assert_eq!(ledger(&[("a", 0, 1, failed.clone()), ("b", 0, 1, failed)], &[]), expected);
}

#[test]
fn an_outage_excuses_the_answers_of_its_time_and_no_others() {
    let (late, none) = (|| Outcome::Fail(String::new()), || Outcome::None("reset".into()));
    // Start and end; late, ignored, excused.
    let rows = [
        (1_000, 3_000, late(), (0, 0, 0)),
        (1_000, 3_001, late(), (1, 0, 0)),
        (19_999, 23_000, late(), (0, 0, 0)),
        (20_000, 23_000, late(), (1, 0, 0)),
        (9_000, 10_001, none(), (0, 0, 1)),
        (9_000, 10_000, none(), (0, 1, 0)),
        (20_000, 20_001, none(), (0, 1, 0)),
    ];
    for (from, to, outcome, expected) in rows {
        let ledger = ledger(&[("a", from, to, outcome)], &[]);
        let ignored: usize = ledger.ignored.values().sum();
        assert_eq!((ledger.late, ignored, ledger.unanswered), expected, "{from} to {to}");
        assert_eq!(ledger.is_in_time(), expected.0 + expected.1 == 0, "{from} to {to}");
    }
}
