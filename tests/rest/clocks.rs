//! The age of data, with clocks that are behind, ahead or set back.

use std::time::{Duration, SystemTime};

use http::StatusCode;
use im_group_full::rest::{InactivityPolicy, MakeRoom, Outcome, RestErrorKind, Spared, Step};
use im_group_full::testing::Callback;
use serde_json::{Value, json};

use crate::canned::{Wants, answer, api, at, info, look, member, page, wants};
use crate::world::{APP, DAY, GROUP, NOW, accounts, anybody, restored};

const OLD: u64 = NOW - 1_000_000;

fn members() -> [Value; 3] {
    [member("owner", "Owner", 1, 0), member("bob", "Member", OLD, 0), member("eve", "Member", OLD + 5, 0)]
}

/// A run that has planned to remove bob and eve, and is about to look at them.
fn planned() -> MakeRoom {
    let policy = anybody(InactivityPolicy::new(Duration::from_secs(86_400), 2));
    let mut run = MakeRoom::new(GROUP, policy).pace(Duration::ZERO);
    answer(&mut run, at(NOW), &info("Public", 3));
    answer(&mut run, at(NOW), &page(&members(), None));
    run
}

/// Hands out a call at one time and answers it at another.
#[track_caller]
fn answer_late(run: &mut MakeRoom, sent: SystemTime, came: SystemTime, answer: &Value) {
    assert!(matches!(wants(run, sent), Wants::Send(..)));
    run.response(StatusCode::OK, answer.to_string().as_bytes(), came);
}

const MILLI: Duration = Duration::from_millis(1);

/// A look is as old as its request, and valid for exactly 30 seconds.
#[test]
fn look_is_as_old_as_its_request() {
    for (later, fresh) in [(Duration::from_secs(30), true), (Duration::from_secs(30) + MILLI, false)] {
        let mut run = planned();
        let start = at(NOW);
        answer_late(&mut run, start, start + later - MILLI, &look(&members()[1..]));
        answer(&mut run, start + later - MILLI, &info("Public", 3));
        let next = wants(&mut run, start + later);
        assert_eq!(next.command(), if fresh { "delete_group_member" } else { "get_specified_group_member_info" });
    }
}

/// The member spoke a second after the look was asked for, and the answer took two minutes.
#[test]
fn late_answer_to_a_look_removes_nobody() {
    let mut run = planned();
    let start = at(NOW);
    answer_late(&mut run, start, start + Duration::from_secs(120), &look(&members()[1..]));
    let later = start + Duration::from_secs(121);
    answer(&mut run, later, &info("Public", 3));
    let mut eve = members()[2].clone();
    eve["LastSendMsgTime"] = json!(NOW + 1);
    assert_eq!(
        answer(&mut run, later, &look(&[members()[1].clone(), eve])).command(),
        "get_specified_group_member_info"
    );
    answer(&mut run, later, &info("Public", 3));
    assert_eq!(wants(&mut run, later).removal(), ["bob"]);
    assert_eq!(accounts(&run, Outcome::Stays(Spared::Active)), ["eve"]);
}

/// So is a count, on which the second removal relies too. The look before it is always fresh.
#[test]
fn count_is_as_old_as_its_request() {
    let all: Vec<_> = (0..110_u64).map(|i| member(&format!("m{i:03}"), "Member", i + 1, 0)).collect();
    for (later, fresh) in [(Duration::from_secs(30), true), (Duration::from_secs(30) + MILLI, false)] {
        let policy = anybody(InactivityPolicy::new(Duration::from_secs(86_400), 101));
        let mut run = MakeRoom::new(GROUP, policy).pace(Duration::ZERO);
        let start = at(NOW);
        answer(&mut run, start, &info("Public", 110));
        answer(&mut run, start, &page(&all, None));
        answer(&mut run, start, &look(&all[..50]));
        answer(&mut run, start, &look(&all[50..100]));
        answer_late(&mut run, start, start + Duration::from_secs(20), &info("Public", 110));
        let after = start + Duration::from_secs(21);
        assert_eq!(answer(&mut run, after, &json!({ "ErrorCode": 0 })).removal().len(), 100);
        answer(&mut run, after, &look(&all[100..101]));
        let next = wants(&mut run, start + later);
        assert_eq!(next.command(), if fresh { "delete_group_member" } else { "get_group_info" });
    }
}

/// However slow, the run ends, and nobody is removed.
#[test]
fn answers_that_are_always_late_end_the_run() {
    let mut run = planned();
    let mut now = at(NOW);
    let mut calls = 0;
    let kind = loop {
        match run.step(&api(), now) {
            Step::Send(request) => {
                let answer = if request.uri().path().ends_with("get_group_info") {
                    info("Public", 3)
                } else {
                    look(&members()[1..])
                };
                assert!(!request.uri().path().ends_with("delete_group_member"));
                now += Duration::from_secs(31);
                run.response(StatusCode::OK, answer.to_string().as_bytes(), now);
                calls += 1;
            }
            Step::Failed(error) => break error.kind(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!((kind, calls), (RestErrorKind::TooSlow, 10));
}

/// After the clock is set back, the age of the look is unknown, and an old one must not become fresh.
#[test]
fn clock_that_is_set_back_makes_a_look_old() {
    for back in [2, 10, 3600, NOW] {
        let mut run = planned();
        answer(&mut run, at(NOW), &look(&members()[1..]));
        answer(&mut run, at(NOW), &info("Public", 3));
        assert_eq!(wants(&mut run, at(NOW - back)).command(), "get_specified_group_member_info", "{back}");
    }
    // Also a second at a time.
    let mut run = planned();
    answer(&mut run, at(NOW), &look(&members()[1..]));
    answer(&mut run, at(NOW - 1), &info("Public", 3));
    assert_eq!(wants(&mut run, at(NOW - 2)).command(), "get_specified_group_member_info");
    // Also while the answer is in flight.
    let mut run = planned();
    answer_late(&mut run, at(NOW), at(NOW - 3600), &look(&members()[1..]));
    answer(&mut run, at(NOW - 3600), &info("Public", 3));
    assert_eq!(wants(&mut run, at(NOW - 3600)).command(), "get_specified_group_member_info");
}

/// Two machines, or NTP corrections: no endless counting, and no look becomes younger.
#[test]
fn clock_that_jitters() {
    let tremble = Duration::from_millis(100);
    for early in 0..2 {
        let mut run = planned();
        let mut calls = Vec::new();
        let mut now = at(NOW);
        for i in 0..8 {
            now = if i % 2 == early { now - tremble } else { now + tremble };
            let Wants::Send(command, _) = wants(&mut run, now) else { break };
            let answer = match command.as_str() {
                "get_group_info" => info("Public", 3),
                "delete_group_member" => json!({ "ErrorCode": 0 }),
                _ => look(&members()[1..]),
            };
            calls.push(command);
            run.response(StatusCode::OK, answer.to_string().as_bytes(), now);
        }
        assert_eq!(calls, ["get_specified_group_member_info", "get_group_info", "delete_group_member"]);
    }
    // A clock that shows 20 seconds, but went back by one second eleven times, shows 31.
    let mut run = planned().pace(Duration::from_secs(1000));
    assert!(matches!(run.step(&api(), at(NOW + 1000)), Step::Send(_)));
    let mut now = NOW + 1000;
    run.response(StatusCode::OK, look(&members()[1..]).to_string().as_bytes(), at(now));
    for i in 0..22 {
        now = if i % 2 == 0 { now - 1 } else { now + if i < 20 { 3 } else { 2 } };
        assert!(matches!(run.step(&api(), at(now)), Step::Wait(_)), "{i}");
    }
    assert_eq!(now, NOW + 1021);
    let mut run = run.pace(Duration::ZERO);
    answer(&mut run, at(now), &info("Public", 3));
    assert_eq!(wants(&mut run, at(now)).command(), "get_specified_group_member_info");
}

/// A clock that is 100 days ahead, and a member who spoke ten seconds ago.
#[test]
fn clock_ahead_removes_nobody_if_the_event_is_known() {
    let policy = || anybody(InactivityPolicy::new(Duration::from_secs(90 * DAY), 2));
    let event = |millis: Option<u64>| Callback::new(APP).group_id(GROUP).event_time_millis(millis).event();
    let list =
        [member("owner", "Owner", 1, 0), member("bob", "Member", 5, NOW - 10), member("new", "Member", NOW + 60, 0)];
    let cases = [
        (MakeRoom::for_event(&event(Some(NOW * 1000)), policy()).unwrap(), NOW + 100 * DAY, true),
        // A clock behind is the earlier of the two.
        (MakeRoom::for_event(&event(Some((NOW + 100 * DAY) * 1000)), policy()).unwrap(), NOW, true),
        // The documented limit.
        (MakeRoom::for_event(&event(None), policy()).unwrap(), NOW + 100 * DAY, false),
        (MakeRoom::new(GROUP, policy()), NOW + 100 * DAY, false),
    ];
    for (run, now, spared) in cases {
        let mut run = run.plan_only().pace(Duration::ZERO);
        assert_eq!(run.group_id(), GROUP);
        answer(&mut run, at(now), &info("Public", 3));
        answer(&mut run, at(now), &page(&list, None));
        assert_eq!(wants(&mut run, at(now)), Wants::Done);
        assert_eq!(accounts(&run, Outcome::Planned).is_empty(), spared, "{run:?}");
    }
}

/// 10 ms between two calls, or what was set; a clock that is set back makes it no longer.
#[test]
fn pace() {
    let policy = || anybody(InactivityPolicy::new(Duration::from_secs(86_400), 2));
    let cases =
        [(MakeRoom::new(GROUP, policy()), 10), (MakeRoom::new(GROUP, policy()).pace(Duration::from_millis(250)), 250)];
    for (mut run, millis) in cases {
        let pace = Duration::from_millis(millis);
        let mut now = at(NOW);
        assert_eq!(wants(&mut run, now).command(), "get_group_info");
        now += pace / 2;
        run.response(StatusCode::OK, info("Public", 3).to_string().as_bytes(), now);
        assert!(matches!(run.step(&api(), now), Step::Wait(left) if left == pace / 2));
        assert!(matches!(run.step(&api(), at(0)), Step::Wait(left) if left == pace / 2));
        assert!(matches!(run.step(&api(), at(0) + pace / 2 - MILLI), Step::Wait(left) if left == MILLI));
        // The pace is not saved.
        let mut restored = restored(&run, MakeRoom::new(GROUP, policy()));
        assert_eq!(wants(&mut restored, at(0)).command(), "get_group_member_info");
        assert_eq!(wants(&mut run, at(0) + pace / 2).command(), "get_group_member_info");
    }
}

/// On a clock that stands still or only runs backwards, no wait would ever end.
#[test]
fn stopped_clock_neither_ends_nor_blocks_a_run() {
    for back in [0, 1] {
        let mut run = MakeRoom::new(GROUP, anybody(InactivityPolicy::new(Duration::from_secs(86_400), 2)));
        let (mut now, mut calls, mut waits) = (NOW, 0, 0);
        let kind = loop {
            now -= back;
            match run.step(&api(), at(now)) {
                Step::Send(_) => {
                    calls += 1;
                    run.no_response(at(now));
                }
                Step::Wait(_) => waits += 1,
                Step::Failed(error) => break error.kind(),
                Step::Done(report) => panic!("{report:?}"),
            }
        };
        assert_eq!((kind, calls, waits), (RestErrorKind::NoResponse, 5, 40), "{back}");
    }
}

/// The age of the count, on which the second removal relies, is then unknown too.
#[test]
fn clock_that_is_set_back_makes_a_count_old() {
    let all: Vec<_> = (0..110_u64).map(|i| member(&format!("m{i:03}"), "Member", i + 1, 0)).collect();
    for (back, next) in [(1, "delete_group_member"), (2, "get_group_info"), (3600, "get_group_info")] {
        let policy = anybody(InactivityPolicy::new(Duration::from_secs(86_400), 101));
        let mut run = MakeRoom::new(GROUP, policy).pace(Duration::ZERO);
        answer(&mut run, at(NOW), &info("Public", 110));
        answer(&mut run, at(NOW), &page(&all, None));
        answer(&mut run, at(NOW), &look(&all[..50]));
        answer(&mut run, at(NOW), &look(&all[50..100]));
        answer(&mut run, at(NOW), &info("Public", 110));
        assert_eq!(answer(&mut run, at(NOW), &json!({ "ErrorCode": 0 })).removal().len(), 100);
        answer(&mut run, at(NOW - back), &look(&all[100..101]));
        assert_eq!(wants(&mut run, at(NOW - back)).command(), next, "{back}");
    }
}
