//! Faults at every position of a run.

use std::collections::BTreeSet;
use std::time::Duration;

use im_group_full::rest::{InactivityPolicy, LimitRaise, MakeRoom, Outcome, RestErrorKind, Step};

use crate::canned::{Next, failed};
use crate::stand_in::Fault;
use crate::world::{
    CALLS, FREE, GROUP, INACTIVE, PAGE, REMOVE, World, accounts, assert_exact, assert_removed, restored, run,
    worlds_of_each_call,
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

/// Each fault at each call of a run of two removals, and of one that raises and asks who is online: direct, approved, and
/// with another worker that continues after it. Every outcome is exact.
#[test]
fn one_fault_at_any_position_changes_nothing() {
    let policy = InactivityPolicy::new(Duration::from_secs(INACTIVE), 5).max_removed_percent(100).raise_limit_to(32);
    let raising = MakeRoom::new(GROUP, policy.trust_silence());
    let raised = Some(LimitRaise::Raised);
    // Type, members, and run; then the raise, calls without a fault, removals, and slots that are free at the end.
    let cases = [
        ("Public", 210, run(), None, CALLS, FREE, 110),
        ("Community", 210, run(), None, CALLS, FREE, 110),
        ("Public", 30, raising.clone(), raised, 9, 3, 5),
        ("Public", 30, raising.plan_only(), raised, 9, 3, 5),
    ];
    for (kind, members, new, raise, calls, removed, free) in cases {
        let faults = (0..calls).flat_map(|position| FAULTS.map(|fault| (position, fault)));
        for (position, fault) in faults.chain([(calls, Fault::None)]) {
            // The other worker in the short runs only, for speed.
            for replaced in [false, true].into_iter().take(if members == 30 { 2 } else { 1 }) {
                let context = format!("{kind} {members}: {fault:?} at {position}, {replaced}");
                let world = World::full(kind, members);
                let expected = world.expected(removed);
                world.fault_at(position, fault);
                let mut run = new.clone();
                loop {
                    let next = world.step(&mut run);
                    if replaced && world.calls() == position + 1 {
                        run = restored(&run, new.clone());
                    }
                    match next {
                        Next::Done if run.awaits_approval() => {
                            assert_eq!(
                                (accounts(&run, Outcome::Planned), world.removed().len()),
                                (expected.clone(), 0)
                            );
                            run.approve(&expected).unwrap();
                        }
                        Next::Done => break,
                        Next::Failed(_, error) => panic!("{context}: {error}"),
                        Next::Call(..) | Next::Wait(_) => {}
                    }
                }
                assert_removed(&world, &run, &expected, &context);
                assert_eq!((run.report().limit_raise(), run.report().free()), (raise, free), "{context}");
                assert!(fault != Fault::None || world.calls() == calls, "{context}");
            }
        }
    }
}

#[test]
fn permanent_failures_stop_the_run_until_it_is_resumed() {
    use RestErrorKind::{CredentialInvalid, GroupGone, InvalidRequest, NotPermitted};
    for (code, kind) in [
        (10004, InvalidRequest),
        (10007, NotPermitted),
        (10010, GroupGone),
        (70003, CredentialInvalid),
        (70013, CredentialInvalid),
    ] {
        for (position, world) in worlds_of_each_call() {
            let expected = world.expected(FREE);
            world.fault_at(position, Fault::Code(code));
            let mut run = run();
            let failed = failed(kind, &format!("the vendor answered {code}: as the test wants it"));
            assert_eq!(world.finish(&mut run), failed);
            assert_eq!(world.step(&mut run), failed);
            assert_exact(&world, &run);
            run.resume();
            world.done(&mut run);
            assert_removed(&world, &run, &expected, &format!("{code} at {position}"));
        }
    }
}

#[test]
fn removals_that_are_carried_out_but_never_answered() {
    for fault in [Fault::BreakAfter, Fault::StatusAfter(502), Fault::NotJson] {
        let world = World::full("Public", 210);
        let expected = world.expected(FREE);
        world.fault_on(REMOVE, fault);
        let run = world.done(run());
        assert_removed(&world, &run, &expected, &format!("{fault:?}"));
        assert_eq!(world.count(REMOVE), 2);
    }
}

#[test]
fn removals_that_never_arrive() {
    let world = World::full("Public", 210);
    let expected = world.expected(FREE);
    world.fault_on(REMOVE, Fault::BreakBefore);
    let mut run = run();
    assert_eq!(world.finish(&mut run), failed(RestErrorKind::NoResponse, "no response"));
    assert_eq!((world.count(REMOVE), world.removed().len()), (5, 0));
    // The outcome is still unknown, so nobody counts as removed.
    assert_eq!(accounts(&run, Outcome::Unconfirmed), expected[..100]);
    assert_eq!(accounts(&run, Outcome::Removed), [""; 0]);
    world.no_faults();
    run.resume();
    world.done(&mut run);
    assert_removed(&world, &run, &expected, "resumed");
}

#[test]
fn too_many_calls_in_a_second() {
    let world = World::full("Community", 20_000);
    let expected = world.expected(FREE);
    world.stand_in.with(|vendor| vendor.calls_per_second = 30);
    let mut run = run();
    let mut waits = BTreeSet::new();
    loop {
        match world.step(&mut run) {
            Next::Call(..) => {}
            Next::Wait(time) => drop(waits.insert(time)),
            end => break assert_eq!(end, Next::Done),
        }
    }
    assert_eq!(waits, BTreeSet::from([Duration::from_secs(1)]));
    assert_removed(&world, &run, &expected, "");
}

/// The call arrives two hours after it was built; its credential lasts for one.
#[test]
fn credential_that_expires_in_flight() {
    for (position, world) in worlds_of_each_call() {
        let expected = world.expected(FREE);
        let clock = world.clock.clone();
        world.before_call(position, move |_| clock.advance(Duration::from_secs(7200)));
        let run = world.done(run());
        assert!(world.calls() > CALLS, "nothing was repeated");
        assert_removed(&world, &run, &expected, &format!("at {position}"));
    }
}

#[test]
fn clock_that_is_wrong_ends_the_run() {
    let world = World::full("Public", 210);
    let mut run = run().pace(Duration::ZERO);
    let mut sent = 0;
    let late = world.clock.now() - Duration::from_secs(3600);
    let error = loop {
        match run.step(&world.api, late) {
            Step::Send(request) => {
                let (status, body) = world.stand_in.call(&request).unwrap();
                run.response(status, &body, late);
                sent += 1;
            }
            Step::Failed(error) => break error.clone(),
            // Without a wait: a new credential can be had at once.
            other => panic!("{other:?}"),
        }
    };
    assert_eq!((sent, error.to_string().as_str()), (5, "the vendor answered 70001: usersig expired"));
    assert_eq!(error.kind(), RestErrorKind::CredentialExpired);
}

/// Ten failures in total, and never more than one without progress.
#[test]
fn every_page_fails_once() {
    let world = World::full("Community", 2000);
    let expected = world.expected(FREE);
    world.stand_in.on_call(|call, _| match call.command.as_str() {
        PAGE if call.number % 2 == 1 => Fault::Code(10002),
        _ => Fault::None,
    });
    let run = world.done(run());
    assert_eq!(world.count(PAGE), 20);
    assert_removed(&world, &run, &expected, "");
}
