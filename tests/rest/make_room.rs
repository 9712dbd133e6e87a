use std::time::{Duration, UNIX_EPOCH};

use http::StatusCode;
use im_group_full::rest::{GroupType, InactivityPolicy, MakeRoom, Outcome, RestErrorKind, Spared, Step};

use crate::canned::{Wants, answer, api, at, info, member, page, wants};
use crate::stand_in::{Fault, Group, Member};
use crate::world::{Came, DAY, GROUP, NOW, World, accounts, anybody, expected, full_group, policy};

const COMMANDS: [&str; 4] =
    ["get_group_info", "get_group_member_info", "get_specified_group_member_info", "delete_group_member"];

/// The numbers of counts, pages, looks and removals of a run.
#[track_caller]
fn assert_calls(world: &World, expected: [usize; 4]) {
    assert_eq!(COMMANDS.map(|command| world.count(command)), expected);
}

#[test]
fn community_of_100_000_takes_the_fewest_calls() {
    let group = full_group("Community", 100_000);
    let expected = expected(&group, &[], 500);
    let world = World::new(group);
    let mut run = MakeRoom::new(GROUP, policy(500));
    assert_eq!(world.finish(&mut run), Came::Done);
    assert_calls(&world, [2, 500, 10, 5]);
    assert_eq!(world.removed().len(), 500);
    assert_eq!(accounts(&run, Outcome::Removed), expected);
    assert_eq!(run.report().group_type(), Some(GroupType::Community));
    assert_eq!(run.report().scanned(), 100_000);
}

#[test]
fn every_type_and_size() {
    // Type, members, limit, slots to free; then: calls, removed.
    let cases = [
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
    for (kind, members, limit, free, calls, removed) in cases {
        let group = Group { limit, ..full_group(kind, members) };
        let expected = expected(&group, &[], removed);
        let world = World::new(group);
        let mut run = MakeRoom::new(GROUP, policy(free));
        assert_eq!(world.finish(&mut run), Came::Done, "{kind} {members}");
        assert_calls(&world, calls);
        assert_eq!(world.removed().len(), removed, "{kind} {members}");
        assert_eq!(accounts(&run, Outcome::Removed), expected);
    }
}

#[test]
fn a_plan_only_run_ends_at_its_plan() {
    let group = full_group("Public", 450);
    let expected = expected(&group, &["u00011"], 400);
    let world = World::new(group);
    let mut run = MakeRoom::new(GROUP, policy(400).protect("u00011")).plan_only();
    assert_eq!(world.finish(&mut run), Came::Done);
    assert_eq!(accounts(&run, Outcome::Planned), expected);
    assert!(!expected.is_empty() && !expected.contains(&"u00011".to_owned()));
    assert_calls(&world, [1, 3, 0, 0]);
}

#[test]
fn second_run_frees_only_what_is_missing_then() {
    let group = full_group("Public", 450);
    let expected = expected(&group, &[], 170);
    let world = World::new(group);
    // How many join before the run; how many it removes; how often it asks how full the group is.
    for (join, removed, asks) in [(0, 150, 2), (0, 0, 1), (20, 20, 2)] {
        let before = (world.removed().len(), world.count("get_group_info"));
        world.with_group(|group| {
            for i in 0..join {
                group.members.push(crate::stand_in::Member::new(format!("new{i}"), NOW, 0));
            }
        });
        assert_eq!(world.finish(&mut MakeRoom::new(GROUP, policy(150))), Came::Done);
        assert_eq!(world.removed().len() - before.0, removed);
        assert_eq!(world.count("get_group_info") - before.1, asks);
    }
    assert_eq!(world.removed(), in_list_order(&world.removed(), &expected));
}

/// The stand-in removes in the order of its list, in each call.
fn in_list_order(removed: &[String], expected: &[String]) -> Vec<String> {
    let mut sorted = (removed.to_vec(), expected.to_vec());
    sorted.0.sort();
    sorted.1.sort();
    assert_eq!(sorted.0, sorted.1);
    removed.to_vec()
}

#[test]
fn removal_options_are_sent() {
    let world = World::new(full_group("Public", 20));
    let mut run = MakeRoom::new(GROUP, policy(1)).no_notification().reason("inactive");
    assert_eq!(world.finish(&mut run), Came::Done);
    let body = world.stand_in.with(|vendor| vendor.calls.last().unwrap().body.clone());
    assert_eq!((&body["Silence"], &body["Reason"]), (&1.into(), &"inactive".into()));
}

#[test]
fn av_chat_room_that_claims_to_be_full() {
    let world = World::new(full_group("AVChatRoom", 20));
    let mut run = MakeRoom::new(GROUP, policy(1));
    assert_eq!(world.finish(&mut run), Came::Failed("members of an AVChatRoom cannot be removed".to_owned()));
    let Step::Failed(error) = run.step(&world.api, world.clock.now()) else { panic!("no failure") };
    assert!(error.kind() == RestErrorKind::GroupType);
    assert_calls(&world, [1, 0, 0, 0]);
}

#[test]
fn waits_grow_and_end() {
    let world = World::new(full_group("Public", 20));
    let mut run = MakeRoom::new(GROUP, policy(1)).pace(Duration::ZERO);
    let mut waits = Vec::new();
    let mut now = UNIX_EPOCH + Duration::from_secs(NOW);
    let kind = loop {
        match run.step(&world.api, now) {
            Step::Send(_) => run.no_response(now),
            Step::Wait(time) => {
                waits.push(time.as_secs());
                // Half of the wait is not enough.
                now += time / 2;
                assert!(matches!(run.step(&world.api, now), Step::Wait(left) if left == time / 2));
                now += time / 2;
            }
            Step::Failed(error) => break error.kind(),
            Step::Done(report) => panic!("{report:?}"),
        }
    };
    assert_eq!((waits, kind), (vec![1, 2, 4, 8], RestErrorKind::NoResponse));
    run.resume();
    assert!(matches!(run.step(&world.api, now), Step::Send(_)));
}

#[test]
fn clock_that_is_set_back_neither_cancels_nor_extends_a_wait() {
    let second = Duration::from_secs(1);
    for back in [Duration::from_millis(1), Duration::from_secs(3600), Duration::from_secs(NOW)] {
        let mut run = MakeRoom::new(GROUP, policy(1));
        let now = at(NOW);
        assert_eq!(wants(&mut run, now).command(), "get_group_info");
        run.no_response(now);
        let mut wait = |now| match run.step(&api(), now) {
            Step::Wait(left) => Some(left),
            Step::Send(_) => None,
            other => panic!("{other:?}"),
        };
        assert_eq!(wait(now - back), Some(second));
        assert_eq!(wait(now - back + second / 4), Some(second * 3 / 4));
        assert_eq!(wait(now - back + second), None);
    }
}

#[test]
fn answers_to_nothing_change_nothing() {
    let world = World::new(full_group("Public", 20));
    let mut run = MakeRoom::new(GROUP, policy(1));
    let fresh = run.clone();
    run.response(StatusCode::OK, b"{}", world.clock.now());
    run.no_response(world.clock.now());
    run.resume();
    assert_eq!(run, fresh);
    assert_eq!(world.finish(&mut run), Came::Done);
    let done = run.clone();
    run.response(StatusCode::OK, b"{}", world.clock.now());
    assert_eq!(run, done);
}

/// A full Community.
const INFO: &[u8] = br#"{"ErrorCode":0,"GroupInfo":[{"GroupId":"@TGS#2J4SZEAEL","ErrorCode":0,"Type":"Community",
    "MemberNum":3,"MaxMemberNum":3}]}"#;

/// Maps the number of a page to where the next one begins.
type NextPage = fn(usize) -> usize;

#[test]
fn pages_that_do_not_end() {
    let page = |next: usize| {
        format!(
            r#"{{"ErrorCode":0,"MemberNum":3,"Next":"{next}","MemberList":[
                {{"Member_Account":"a","Role":"Member","JoinTime":1,"LastSendMsgTime":1}}]}}"#
        )
    };
    let world = World::new(full_group("Community", 3));
    let cases: [(NextPage, &str); 2] = [(|_| 1, "`Next` does not advance"), (|page| page % 2, "the pages do not end")];
    for (next, expected) in cases {
        let mut run = MakeRoom::new(GROUP, policy(1));
        let mut pages = 0;
        let failure = loop {
            match run.step(&world.api, world.clock.now()) {
                Step::Send(request) if request.uri().path().ends_with("get_group_info") => {
                    run.response(StatusCode::OK, INFO, world.clock.now());
                }
                Step::Send(_) => {
                    run.response(StatusCode::OK, page(next(pages)).as_bytes(), world.clock.now());
                    pages += 1;
                }
                Step::Wait(time) => world.clock.advance(time),
                Step::Failed(error) => break error.to_string(),
                Step::Done(report) => panic!("{report:?}"),
            }
        };
        assert_eq!(failure, format!("unexpected response: {expected}"));
    }
}

/// All members of a page left before it was read; there may be more after it.
#[test]
fn page_without_members_is_not_the_last_one() {
    let members = |accounts: [&str; 2]| accounts.map(|account| member(account, "Member", account.len() as u64, 0));
    let mut run = MakeRoom::new(GROUP, policy(1)).plan_only().pace(Duration::ZERO);
    answer(&mut run, at(NOW), &info("Community", 4));
    answer(&mut run, at(NOW), &page(&members(["aa", "bbb"]), Some("1")));
    answer(&mut run, at(NOW), &page(&[], Some("2")));
    answer(&mut run, at(NOW), &page(&members(["c", "dddd"]), Some("")));
    assert_eq!(wants(&mut run, at(NOW)), Wants::Done);
    assert_eq!((run.report().scanned(), accounts(&run, Outcome::Planned)), (4, vec!["c".to_owned()]));
}

#[test]
fn credential_is_in_no_debug() {
    let world = World::new(full_group("Public", 20));
    assert!(format!("{:?}", world.api).contains("SecretKey(..)"));
    let mut run = MakeRoom::new(GROUP, policy(1));
    let step = run.step(&world.api, world.clock.now());
    assert_eq!(format!("{step:?}"), r#"Send("/v4/group_open_http_svc/get_group_info")"#);
    run.no_response(world.clock.now());
    let step = run.step(&world.api, world.clock.now());
    assert_eq!(format!("{step:?}"), "Wait(1s)");
    let mut done = MakeRoom::new(GROUP, policy(1)).plan_only();
    assert_eq!(world.finish(&mut done), Came::Done);
    let done = format!("{:?}", done.step(&world.api, world.clock.now()));
    assert!(done.starts_with("Done(Report {"), "{done}");
    world.stand_in.on_call(|_, _| Fault::Code(70001));
    let mut failed = MakeRoom::new(GROUP, policy(1));
    assert!(matches!(world.finish(&mut failed), Came::Failed(_)));
    let failed = format!("{:?}", failed.step(&world.api, world.clock.now()));
    assert!(failed.starts_with("Failed(the vendor answered 70001: "), "{failed}");
    for text in [format!("{run:?}"), serde_json::to_string(&run).unwrap(), done, failed] {
        assert!(!text.contains("usersig") && !text.contains("5bd2"), "{text}");
    }
}

/// Returns the requests of a run at these seconds, each answered at once.
fn calls_at(world: &World, mut run: MakeRoom, seconds: &[u64]) -> (MakeRoom, Vec<String>) {
    run = run.pace(Duration::ZERO);
    let mut calls = Vec::new();
    for second in seconds {
        let now = UNIX_EPOCH + Duration::from_secs(NOW + second);
        let Step::Send(request) = run.step(&world.api, now) else { panic!("{run:?}") };
        calls.push(request.uri().path().rsplit('/').next().unwrap().to_owned());
        let (status, body) = world.send(&request).unwrap();
        run.response(status, &body, now);
    }
    (run, calls)
}

/// A look is as old as its first call, even if the clock is set back during it: 100 candidates take two calls.
#[test]
fn clock_that_is_set_back_makes_no_look_younger() {
    let world = World::new(full_group("Public", 450));
    let run = MakeRoom::new(GROUP, policy(100));
    assert_eq!(
        calls_at(&world, run, &[0, 0, 0, 0, 15, 0, 25, 35]).1[4..],
        [
            "get_specified_group_member_info",
            "get_specified_group_member_info",
            "get_group_info",
            "get_specified_group_member_info"
        ]
    );
}

/// Both were inactive for long enough by a clock five seconds ahead; by the correct one, only one was.
#[test]
fn corrected_clock_spares_members_not_yet_inactive() {
    let members = [
        Member { role: "Owner", ..Member::new("owner".to_owned(), NOW - 10 * DAY, 0) },
        Member::new("long".to_owned(), NOW - DAY, 0),
        Member::new("not so long".to_owned(), NOW - DAY + 5, 0),
    ];
    let world = World::new(Group { kind: "Public", limit: 3, members: members.into(), all_muted: false });
    let run = MakeRoom::new(GROUP, anybody(InactivityPolicy::new(Duration::from_secs(86_400), 2)));
    let (run, calls) = calls_at(&world, run, &[5, 5, 0, 0, 0]);
    assert_eq!(calls[4..], ["delete_group_member"]);
    assert_eq!(accounts(&run, Outcome::Stays(Spared::Active)), ["not so long"]);
    assert_eq!(world.removed(), ["long"]);
}

/// Members may have joined or left since, so a 35-second-old count removes nobody.
#[test]
fn outdated_count_after_the_look_is_repeated() {
    let world = World::new(full_group("Public", 450));
    let run = MakeRoom::new(GROUP, policy(150));
    assert_eq!(
        calls_at(&world, run, &[0, 0, 0, 0, 0, 0, 0, 0, 25, 35, 35]).1[6..],
        [
            "get_group_info",
            "delete_group_member",
            "get_specified_group_member_info",
            "get_group_info",
            "delete_group_member"
        ]
    );
}

/// 100 are removed and then 50. When the second removal fails, the run does not ask about the first hundred again.
#[test]
fn failed_removal_looks_again_only_at_its_own_candidates() {
    let world = World::new(full_group("Public", 450));
    world.stand_in.on_call(|call, _| if call.number == 9 { Fault::BreakBefore } else { Fault::None });
    assert_eq!(world.finish(&mut MakeRoom::new(GROUP, policy(150))), Came::Done);
    assert_calls(&world, [3, 3, 4, 3]);
}
