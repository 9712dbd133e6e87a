//! Faults at every position of a run.

use std::collections::BTreeSet;
use std::time::Duration;

use im_group_full::rest::{InactivityPolicy, LimitRaise, MakeRoom, Outcome, RestErrorKind, Step};

use crate::stand_in::Fault;
use crate::world::{
    Came, FREE, GROUP, INACTIVE, World, accounts, assert_exact, calls, expected, full_group, groups, restored, run,
};

const FAULTS: [Fault; 8] = [
    Fault::BreakBefore,
    Fault::BreakAfter,
    Fault::Status(500),
    Fault::StatusAfter(500),
    Fault::NotJson,
    Fault::Code(10002),
    Fault::Code(10006),
    Fault::Code(70001),
];

#[test]
fn one_fault_at_any_position_changes_nothing() {
    for group in groups() {
        let expected = expected(&group, &[], FREE as usize);
        let calls = calls(&group);
        assert_eq!(calls, 9);
        for fault in FAULTS {
            for position in 0..calls {
                let world = World::new(group.clone());
                world.stand_in.on_call(move |call, _| if call.number == position { fault } else { Fault::None });
                let mut run = run();
                assert_eq!(world.finish(&mut run), Came::Done, "{fault:?} at {position}");
                assert_eq!(accounts(&run, Outcome::Removed), expected, "{fault:?} at {position}");
                assert_exact(&world, &run);
            }
        }
    }
}

/// A run that counts, raises, reads, asks who is online, looks and removes: at each of its calls each fault,
/// direct and approved, and with another worker that continues after it. Every outcome is exact.
#[test]
fn each_fault_at_each_call_direct_and_approved_and_with_another_worker() {
    let group = full_group("Public", 30);
    let gone = expected(&group, &[], 3);
    let policy = || InactivityPolicy::new(Duration::from_secs(INACTIVE), 5).max_removed_percent(100).raise_limit_to(32);
    for approved in [false, true] {
        let new = || {
            let run = MakeRoom::new(GROUP, policy().trust_silence());
            if approved { run.plan_only() } else { run }
        };
        let mut calls = usize::MAX;
        let mut position = 0;
        while position < calls {
            for fault in FAULTS {
                for replaced in [false, true] {
                    let world = World::new(group.clone());
                    world.stand_in.on_call(move |call, _| if call.number == position { fault } else { Fault::None });
                    let mut run = new();
                    let mut waits_for_approval = approved;
                    loop {
                        let came = world.step(&mut run);
                        if replaced && world.stand_in.with(|vendor| vendor.calls.len()) == position + 1 {
                            run = restored(&run, new());
                        }
                        match came {
                            Came::Done if std::mem::take(&mut waits_for_approval) => {
                                let planned = accounts(&run, Outcome::Planned);
                                assert_eq!((&planned, world.removed().len()), (&gone, 0));
                                run.approve(planned).unwrap();
                            }
                            Came::Done => break,
                            Came::Failed(error) => panic!("{fault:?} at {position}: {error}"),
                            Came::Sent(_) | Came::Waited(_) => {}
                        }
                    }
                    let context = format!("{fault:?} at {position}, {approved} {replaced}");
                    assert_eq!(accounts(&run, Outcome::Removed), gone, "{context}");
                    assert_eq!(run.report().limit_raise(), Some(LimitRaise::Raised), "{context}");
                    assert_eq!((world.with_group(|group| group.limit), run.report().free()), (32, 5), "{context}");
                    assert_exact(&world, &run);
                    calls = calls.min(world.stand_in.with(|vendor| vendor.calls.len()));
                }
            }
            position += 1;
        }
        assert!(calls >= 9, "{calls}");
    }
}

#[test]
fn permanent_failures_stop_the_run_until_it_is_resumed() {
    let codes = [(10004, "10004"), (10007, "10007"), (10010, "10010"), (70003, "70003"), (70013, "70013")];
    for group in groups() {
        let expected = expected(&group, &[], FREE as usize);
        for position in 0..calls(&group) {
            for (code, text) in codes {
                let world = World::new(group.clone());
                let fault = Fault::Code(code);
                world.stand_in.on_call(move |call, _| if call.number == position { fault } else { Fault::None });
                let mut run = run();
                let failed = Came::Failed(format!("the vendor answered {text}: as the test wants it"));
                assert_eq!(world.finish(&mut run), failed);
                assert_eq!(world.step(&mut run), failed);
                assert_exact(&world, &run);
                run.resume();
                assert_eq!(world.finish(&mut run), Came::Done);
                assert_eq!(accounts(&run, Outcome::Removed), expected);
                assert_exact(&world, &run);
            }
        }
    }
}

#[test]
fn removals_that_are_carried_out_but_never_answered() {
    for fault in [Fault::BreakAfter, Fault::StatusAfter(502), Fault::NotJson] {
        let group = full_group("Public", 210);
        let expected = expected(&group, &[], FREE as usize);
        let world = World::new(group);
        world.stand_in.on_call(move |call, _| match call.command.as_str() {
            "delete_group_member" => fault,
            _ => Fault::None,
        });
        let mut run = run();
        assert_eq!(world.finish(&mut run), Came::Done);
        assert_eq!(accounts(&run, Outcome::Removed), expected);
        assert_exact(&world, &run);
        assert_eq!(world.count("delete_group_member"), 2);
    }
}

#[test]
fn removals_that_never_arrive() {
    let group = full_group("Public", 210);
    let expected = expected(&group, &[], FREE as usize);
    let world = World::new(group);
    world.stand_in.on_call(|call, _| match call.command.as_str() {
        "delete_group_member" => Fault::BreakBefore,
        _ => Fault::None,
    });
    let mut run = run();
    assert_eq!(world.finish(&mut run), Came::Failed("no response".to_owned()));
    assert_eq!((world.count("delete_group_member"), world.removed().len()), (5, 0));
    // The outcome is still unknown, so nobody counts as removed.
    assert_eq!(accounts(&run, Outcome::Unconfirmed), expected[..100]);
    assert_eq!(accounts(&run, Outcome::Removed), [""; 0]);
    world.stand_in.on_call(|_, _| Fault::None);
    run.resume();
    assert_eq!(world.finish(&mut run), Came::Done);
    assert_eq!(accounts(&run, Outcome::Removed), expected);
    assert_exact(&world, &run);
}

#[test]
fn too_many_calls_in_a_second() {
    let group = full_group("Community", 20_000);
    let expected = expected(&group, &[], FREE as usize);
    let world = World::new(group);
    world.stand_in.with(|vendor| vendor.calls_per_second = 30);
    let mut run = run();
    let mut waits = BTreeSet::new();
    loop {
        match world.step(&mut run) {
            Came::Sent(_) => {}
            Came::Waited(time) => drop(waits.insert(time)),
            Came::Done => break,
            Came::Failed(error) => panic!("{error}"),
        }
    }
    assert_eq!(waits, BTreeSet::from([Duration::from_secs(1)]));
    assert_eq!(accounts(&run, Outcome::Removed), expected);
    assert_exact(&world, &run);
}

#[test]
fn credential_that_expires_in_flight() {
    let group = full_group("Public", 210);
    let expected = expected(&group, &[], FREE as usize);
    let calls = calls(&group);
    for position in 0..calls {
        let world = World::new(group.clone());
        let clock = world.clock.clone();
        // The call arrives two hours after it was built; its credential lasts for one.
        world.stand_in.on_call(move |call, _| {
            if call.number == position {
                clock.advance(Duration::from_secs(7200));
            }
            Fault::None
        });
        let mut run = run();
        assert_eq!(world.finish(&mut run), Came::Done);
        assert!(world.stand_in.with(|vendor| vendor.calls.len()) > calls, "nothing was repeated");
        assert_eq!(accounts(&run, Outcome::Removed), expected);
        assert_exact(&world, &run);
    }
}

#[test]
fn clock_that_is_wrong_ends_the_run() {
    let world = World::new(full_group("Public", 210));
    let mut run = run().pace(Duration::ZERO);
    let mut sent = 0;
    let late = world.clock.now() - Duration::from_secs(3600);
    let error = loop {
        match run.step(&world.api, late) {
            Step::Send(request) => {
                let (status, body) = world.send(&request).unwrap();
                run.response(status, &body, late);
                sent += 1;
            }
            Step::Wait(time) => panic!("waited {time:?}: a new credential can be had at once"),
            Step::Done(report) => panic!("{report:?}"),
            Step::Failed(error) => break error.clone(),
        }
    };
    assert_eq!((sent, error.to_string().as_str()), (5, "the vendor answered 70001: usersig expired"));
    assert!(error.kind() == RestErrorKind::CredentialExpired);
}

/// Ten failures in total, and never more than one without progress.
#[test]
fn every_page_fails_once() {
    let group = full_group("Community", 2000);
    let expected = expected(&group, &[], FREE as usize);
    let world = World::new(group);
    world.stand_in.on_call(|call, _| match call.command.as_str() {
        "get_group_member_info" if call.number % 2 == 1 => Fault::Code(10002),
        _ => Fault::None,
    });
    let mut run = run();
    assert_eq!(world.finish(&mut run), Came::Done);
    assert_eq!(world.count("get_group_member_info"), 20);
    assert_eq!(accounts(&run, Outcome::Removed), expected);
}
