use std::time::Duration;

use http::StatusCode;
use im_group_full::rest::{GroupType, MakeRoom, Outcome, RestErrorKind, Spared};
use serde_json::{Value, json};

use crate::canned::{Next, a_day, at, failed, wants};
use crate::stand_in::{Fault, Group, Member};
use crate::world::{COUNT, DAY, GROUP, LOOK, NOW, PAGE, REMOVE, World, accounts, expected, full_group, policy, sorted};

/// The numbers of counts, pages, looks and removals.
fn calls(world: &World) -> [usize; 4] {
    [COUNT, PAGE, LOOK, REMOVE].map(|command| world.count(command))
}

#[test]
fn every_type_and_size() {
    // Type, members, limit, slots to free; then: calls, removed.
    let cases = [
        ("Community", 100_000, 100_000, 500, [2, 500, 10, 5], 500),
        ("Public", 6000, 6000, 500, [2, 30, 10, 5], 500),
        ("Private", 6000, 6000, 1, [2, 30, 1, 1], 1),
        ("ChatRoom", 201, 201, 101, [2, 2, 3, 2], 101),
        ("Public", 200, 200, 50, [2, 1, 1, 1], 50),
        ("Guild", 200, 200, 51, [2, 1, 2, 1], 51),
        ("Community", 200, 200, 100, [2, 1, 2, 1], 100),
        ("Community", 201, 201, 5, [2, 2, 1, 1], 5),
        // Three slots are free already.
        ("Public", 297, 300, 10, [2, 2, 1, 1], 7),
        ("Public", 290, 300, 10, [1, 0, 0, 0], 0),
        ("Public", 300, 200, 10, [2, 2, 3, 2], 110),
        ("AVChatRoom", 290, 300, 10, [1, 0, 0, 0], 0),
        ("Public", 300, 300, 0, [1, 0, 0, 0], 0),
        // Fewer are inactive than slots are wanted: the owner, an admin and each tenth stay.
        ("Public", 30, 30, 30, [2, 1, 1, 1], 26),
        ("Public", 2, 2, 2, [1, 1, 0, 0], 0),
        ("Public", 0, 0, 1, [1, 0, 0, 0], 0),
        ("Community", 0, 0, 1, [1, 0, 0, 0], 0),
    ];
    for (kind, members, limit, free, numbers, removed) in cases {
        let world = World::new(Group { limit, ..full_group(kind, members) });
        let expected = world.expected(removed);
        let run = world.done(MakeRoom::new(GROUP, policy(free)));
        assert_eq!((calls(&world), world.removed().len()), (numbers, removed), "{kind} {members}");
        assert_eq!(accounts(&run, Outcome::Removed), expected);
        if kind == "Community" {
            let read = if numbers[1] > 0 { u32::try_from(members).unwrap() } else { 0 };
            assert_eq!((run.report().group_type(), run.report().scanned()), (Some(GroupType::Community), read));
        }
    }
}

#[test]
fn a_plan_only_run_ends_at_its_plan() {
    let world = World::full("Public", 450);
    let expected = world.with_group(|group| expected(group, &["u00011"], 400));
    let run = world.done(MakeRoom::new(GROUP, policy(400).protect("u00011")).plan_only());
    assert_eq!(accounts(&run, Outcome::Planned), expected);
    assert!(!expected.is_empty() && !expected.contains(&"u00011".to_owned()));
    assert_eq!(calls(&world), [1, 3, 0, 0]);
}

#[test]
fn second_run_frees_only_what_is_missing_then() {
    let world = World::full("Public", 450);
    let expected = world.expected(170);
    // How many join before the run; how many are removed and counts were made by then.
    for (join, removed, counts) in [(0, 150, 2), (0, 150, 3), (20, 170, 5)] {
        world.with_group(|group| group.members.extend((0..join).map(|i| Member::new(format!("new{i}"), NOW, 0))));
        world.done(MakeRoom::new(GROUP, policy(150)));
        assert_eq!((world.removed().len(), world.count(COUNT)), (removed, counts));
    }
    assert_eq!(sorted(world.removed()), sorted(expected));
}

#[test]
fn removal_options_are_sent() {
    let run = || MakeRoom::new(GROUP, policy(1));
    for (run, silence, reason) in [
        (run().no_notification().reason("inactive"), json!(1), json!("inactive")),
        // The vendor notifies the group unless it is told not to.
        (run(), Value::Null, Value::Null),
    ] {
        let world = World::full("Public", 20);
        world.done(run);
        let body = world.stand_in.with(|vendor| vendor.calls.last().unwrap().body.clone());
        assert_eq!((&body["Silence"], &body["Reason"]), (&silence, &reason));
    }
}

#[test]
fn av_chat_room_that_claims_to_be_full() {
    let world = World::full("AVChatRoom", 20);
    let end = world.finish(&mut MakeRoom::new(GROUP, policy(1)));
    assert_eq!(end, failed(RestErrorKind::GroupType, "members of an AVChatRoom cannot be removed"));
    assert_eq!(calls(&world), [1, 0, 0, 0]);
}

#[test]
fn waits_grow_and_end() {
    let mut run = MakeRoom::new(GROUP, policy(1)).pace(Duration::ZERO);
    let mut waits = Vec::new();
    let mut now = at(NOW);
    let end = loop {
        match wants(&mut run, now) {
            Next::Call(..) => run.no_response(now),
            Next::Wait(time) => {
                waits.push(time.as_secs());
                // Half of the wait is not enough.
                now += time / 2;
                assert_eq!(wants(&mut run, now), Next::Wait(time / 2));
                now += time / 2;
            }
            end => break end,
        }
    };
    assert_eq!((waits, end.kind()), (vec![1, 2, 4, 8], RestErrorKind::NoResponse));
    run.resume();
    assert_eq!(wants(&mut run, now).command(), COUNT);
}

#[test]
fn clock_that_is_set_back_neither_cancels_nor_extends_a_wait() {
    let second = Duration::from_secs(1);
    for back in [Duration::from_millis(1), Duration::from_secs(3600), Duration::from_secs(NOW)] {
        let mut run = MakeRoom::new(GROUP, policy(1));
        assert_eq!(wants(&mut run, at(NOW)).command(), COUNT);
        run.no_response(at(NOW));
        let now = at(NOW) - back;
        assert_eq!(wants(&mut run, now), Next::Wait(second));
        assert_eq!(wants(&mut run, now + second / 4), Next::Wait(second * 3 / 4));
        assert_eq!(wants(&mut run, now + second).command(), COUNT);
    }
}

#[test]
fn answers_to_nothing_change_nothing() {
    let world = World::full("Public", 20);
    let mut run = MakeRoom::new(GROUP, policy(1));
    let fresh = run.clone();
    run.response(StatusCode::OK, b"{}", world.clock.now());
    run.no_response(world.clock.now());
    run.resume();
    assert_eq!(run, fresh);
    let mut run = world.done(run);
    let done = run.clone();
    run.response(StatusCode::OK, b"{}", world.clock.now());
    assert_eq!(run, done);
}

#[test]
fn credential_is_in_no_debug() {
    let world = World::full("Public", 20);
    assert!(format!("{:?}", world.api).contains("SecretKey(..)"));
    let debug = |run: &mut MakeRoom| format!("{:?}", run.step(&world.api, world.clock.now()));
    let mut run = MakeRoom::new(GROUP, policy(1));
    assert_eq!(debug(&mut run), r#"Send("/v4/group_open_http_svc/get_group_info")"#);
    run.no_response(world.clock.now());
    assert_eq!(debug(&mut run), "Wait(1s)");
    let done = debug(&mut world.done(MakeRoom::new(GROUP, policy(1)).plan_only()));
    assert!(done.starts_with("Done(Report {"), "{done}");
    world.fault_on(COUNT, Fault::Code(70001));
    let mut failed = MakeRoom::new(GROUP, policy(1));
    assert_eq!(world.finish(&mut failed).kind(), RestErrorKind::CredentialExpired);
    let failed = debug(&mut failed);
    assert!(failed.starts_with("Failed(the vendor answered 70001: "), "{failed}");
    for text in [format!("{run:?}"), serde_json::to_string(&run).unwrap(), done, failed] {
        assert!(!text.contains("usersig") && !text.contains("5bd2"), "{text}");
    }
}

/// Returns the calls of a run at these seconds.
fn calls_at(world: &World, run: &mut MakeRoom, seconds: &[u64]) -> Vec<String> {
    let call_at = |second| {
        world.clock.set(NOW + second);
        world.step(run).command().to_owned()
    };
    seconds.iter().map(call_at).collect()
}

/// A look is as old as its first call, even if the clock is set back during it: 100 candidates take two calls. And a
/// count that is 35 seconds old removes nobody, because members may have joined or left since.
#[test]
fn outdated_looks_and_counts_are_repeated() {
    let cases: [(_, &[u64], &[&str]); 2] = [
        (100, &[0, 0, 0, 0, 15, 0, 25, 35], &[LOOK, LOOK, COUNT, LOOK]),
        (150, &[0, 0, 0, 0, 0, 0, 0, 0, 25, 35, 35], &[LOOK, LOOK, COUNT, REMOVE, LOOK, COUNT, REMOVE]),
    ];
    for (free, seconds, calls) in cases {
        let mut run = MakeRoom::new(GROUP, policy(free)).pace(Duration::ZERO);
        assert_eq!(calls_at(&World::full("Public", 450), &mut run, seconds)[4..], *calls);
    }
}

/// Both were inactive for long enough by a clock five seconds ahead; by the correct one, only one was.
#[test]
fn corrected_clock_spares_members_not_yet_inactive() {
    let members = [
        Member { role: "Owner", ..Member::new("owner", NOW - 10 * DAY, 0) },
        Member::new("long", NOW - DAY, 0),
        Member::new("not so long", NOW - DAY + 5, 0),
    ];
    let world = World::new(Group { members: members.into(), ..full_group("Public", 3) });
    let mut run = MakeRoom::new(GROUP, a_day(2)).pace(Duration::ZERO);
    assert_eq!(calls_at(&world, &mut run, &[5, 5, 0, 0, 0])[4..], [REMOVE]);
    assert_eq!(accounts(&run, Outcome::Stays(Spared::Active)), ["not so long"]);
    assert_eq!(world.removed(), ["long"]);
}

/// 100 are removed and then 50. When the second removal fails, the run does not ask about the first hundred again.
#[test]
fn failed_removal_looks_again_only_at_its_own_candidates() {
    let world = World::full("Public", 450);
    world.fault_at(9, Fault::BreakBefore);
    world.done(MakeRoom::new(GROUP, policy(150)));
    assert_eq!(calls(&world), [3, 3, 4, 3]);
}
