//! The age of data, with clocks that are behind, ahead or set back.

use std::time::Duration;

use im_group_full::rest::{MakeRoom, Outcome, RestErrorKind, Spared};
use serde_json::Value;

use crate::canned::{
    Next, a_day, after, answer, answer_late, at, info, look, many, member, ok, page, read, silent, wants, with,
};
use crate::world::{COUNT, DAY, GROUP, LOOK, NOW, PAGE, REMOVE, accounts, for_event, policy, restored};

const MILLI: Duration = Duration::from_millis(1);

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn count() -> Value {
    info("Public", 3)
}

/// A run that has planned to remove bob and eve, and is about to look at them.
fn planned() -> MakeRoom {
    read(a_day(2), "Public", &silent(&["bob", "eve"]))
}

/// The look that finds them unchanged.
fn both() -> Value {
    look(&silent(&["bob", "eve"])[1..])
}

/// A look is as old as its request, and valid for exactly 30 seconds.
#[test]
fn look_is_as_old_as_its_request() {
    for (later, next) in [(seconds(30), REMOVE), (seconds(30) + MILLI, LOOK)] {
        let mut run = planned();
        answer_late(&mut run, at(NOW), at(NOW) + later - MILLI, &both());
        answer(&mut run, at(NOW) + later - MILLI, &[count()]);
        assert_eq!(wants(&mut run, at(NOW) + later).command(), next);
    }
}

/// The member spoke a second after the look was asked for, and the answer took two minutes.
#[test]
fn late_answer_to_a_look_removes_nobody() {
    let mut run = planned();
    answer_late(&mut run, at(NOW), at(NOW + 120), &both());
    let later = at(NOW + 121);
    answer(&mut run, later, &[count()]);
    let members = silent(&["bob", "eve"]);
    let spoke = look(&[members[1].clone(), with(members[2].clone(), "LastSendMsgTime", NOW + 1)]);
    assert_eq!(answer(&mut run, later, &[spoke]).command(), LOOK);
    assert_eq!(after(&mut run, later, &[count()]).removal(), ["bob"]);
    assert_eq!(accounts(&run, Outcome::Stays(Spared::Active)), ["eve"]);
}

/// So is a count, on which the second removal relies too. The look before it is always fresh. After the clock is set back,
/// the age of the count is unknown.
#[test]
fn count_is_as_old_as_its_request() {
    let all = many(110);
    // When the first hundred are removed, and the last one is looked at; then what the run does next.
    let (removed, back) = (at(NOW + 21), |seconds| at(NOW - seconds));
    let cases = [
        (removed, removed, at(NOW + 30), REMOVE),
        (removed, removed, at(NOW + 30) + MILLI, COUNT),
        (at(NOW), back(1), back(1), REMOVE),
        (at(NOW), back(2), back(2), COUNT),
        (at(NOW), back(3600), back(3600), COUNT),
    ];
    for (removed, looked, later, next) in cases {
        let mut run = read(a_day(101), "Public", &all);
        answer(&mut run, at(NOW), &[look(&all[..50]), look(&all[50..100])]);
        answer_late(&mut run, at(NOW), removed, &info("Public", 110));
        assert_eq!(answer(&mut run, removed, &[ok()]).removal().len(), 100);
        answer(&mut run, looked, &[look(&all[100..101])]);
        assert_eq!(wants(&mut run, later).command(), next, "{later:?}");
    }
}

/// After the clock is set back, the age of the look is unknown, and an old one must not become fresh.
#[test]
fn clock_that_is_set_back_makes_a_look_old() {
    // How far back it is when the look is answered, at the count, and before the removal.
    let cases = [[0, 0, 2], [0, 0, 10], [0, 0, 3600], [0, 0, NOW], [0, 1, 2], [3600, 3600, 3600]];
    for [answered, counted, removes] in cases {
        let mut run = planned();
        answer_late(&mut run, at(NOW), at(NOW - answered), &both());
        answer(&mut run, at(NOW - counted), &[count()]);
        assert_eq!(wants(&mut run, at(NOW - removes)).command(), LOOK, "{answered} {counted} {removes}");
    }
}

/// Two machines, or NTP corrections: no endless counting, and no look becomes younger.
#[test]
fn clock_that_jitters() {
    let (now, tremble) = (at(NOW), Duration::from_millis(100));
    for times in [[now - tremble, now, now - tremble], [now + tremble, now, now + tremble]] {
        let mut run = planned();
        for ((time, command), told) in times.into_iter().zip([LOOK, COUNT, REMOVE]).zip([both(), count(), ok()]) {
            assert_eq!(answer(&mut run, time, &[told]).command(), command);
        }
        assert_eq!(wants(&mut run, now), Next::Done);
    }
    // A clock that shows 20 seconds, but went back by one second eleven times, shows 31.
    let mut run = planned().pace(seconds(1000));
    let mut now = NOW + 1000;
    answer(&mut run, at(now), &[both()]);
    for i in 0..22 {
        now = if i % 2 == 0 { now - 1 } else { now + if i < 20 { 3 } else { 2 } };
        assert!(matches!(wants(&mut run, at(now)), Next::Wait(_)), "{i}");
    }
    assert_eq!(now, NOW + 1021);
    let mut run = run.pace(Duration::ZERO);
    assert_eq!(after(&mut run, at(now), &[count()]).command(), LOOK);
}

/// A clock that is 100 days ahead, and a member who spoke ten seconds ago.
#[test]
fn clock_ahead_removes_nobody_if_the_event_is_known() {
    let list =
        [member("owner", "Owner", 1, 0), member("bob", "Member", 5, NOW - 10), member("new", "Member", NOW + 60, 0)];
    let ahead = NOW + 100 * DAY;
    let cases = [
        (for_event(Some(NOW), policy(2)), ahead, true),
        // A clock behind is the earlier of the two.
        (for_event(Some(ahead), policy(2)), NOW, true),
        // The documented limit.
        (for_event(None, policy(2)), ahead, false),
        (MakeRoom::new(GROUP, policy(2)), ahead, false),
    ];
    for (run, now, spared) in cases {
        let mut run = run.plan_only().pace(Duration::ZERO);
        assert_eq!(run.group_id(), GROUP);
        assert_eq!(after(&mut run, at(now), &[count(), page(&list, None)]), Next::Done);
        assert_eq!(accounts(&run, Outcome::Planned).is_empty(), spared, "{run:?}");
    }
}

/// 10 ms between two calls, or what was set; a clock that is set back makes it no longer.
#[test]
fn pace() {
    let new = || MakeRoom::new(GROUP, a_day(2));
    for (mut run, millis) in [(new(), 10), (new().pace(Duration::from_millis(250)), 250)] {
        let pace = Duration::from_millis(millis);
        let now = at(NOW) + pace / 2;
        assert_eq!(answer_late(&mut run, at(NOW), now, &count()).command(), COUNT);
        for (now, left) in [(now, pace / 2), (at(0), pace / 2), (at(0) + pace / 2 - MILLI, MILLI)] {
            assert_eq!(wants(&mut run, now), Next::Wait(left));
        }
        // The pace is not saved.
        assert_eq!(wants(&mut restored(&run, new()), at(0)).command(), PAGE);
        assert_eq!(wants(&mut run, at(0) + pace / 2).command(), PAGE);
    }
}

/// On a clock that stands still or only runs backwards, no wait would ever end.
#[test]
fn stopped_clock_neither_ends_nor_blocks_a_run() {
    for back in [0, 1] {
        let mut run = MakeRoom::new(GROUP, a_day(2));
        let (mut now, mut calls, mut waits) = (NOW, 0, 0);
        let end = loop {
            now -= back;
            match wants(&mut run, at(now)) {
                Next::Call(..) => {
                    calls += 1;
                    run.no_response(at(now));
                }
                Next::Wait(_) => waits += 1,
                end => break end,
            }
        };
        assert_eq!((end.kind(), calls, waits), (RestErrorKind::NoResponse, 5, 40), "{back}");
    }
}
