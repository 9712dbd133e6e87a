//! How many are removed, how many calls a run sends, and who may begin one.

use std::time::Duration;

use http::StatusCode;
use im_group_full::rest::{InactivityPolicy, MakeRoom, Outcome, RestErrorKind, Step};
use im_group_full::testing::Callback;
use serde_json::{Value, json};

use crate::canned::{Wants, answer, api, at, info, look, member, page, wants};
use crate::stand_in::Group;
use crate::world::{APP, Came, GROUP, INACTIVE, NOW, World, accounts, anybody, full_group, restored};

/// A tenth of the limit, rounded up, unless the policy names another share.
#[test]
fn aim() {
    let policy = |free| InactivityPolicy::new(Duration::from_secs(INACTIVE), free);
    let cases = [
        (policy(50), 20, 2),
        (policy(50), 21, 3),
        (policy(1), 20, 1),
        (policy(50), 1, 1),
        (policy(50), 6000, 50),
        (policy(700), 6000, 600),
        (policy(u32::MAX), u32::MAX, 429_496_730),
        (policy(50).max_removed_percent(25), 20, 5),
        (policy(50).max_removed_percent(100), 20, 20),
        (policy(50).max_removed_percent(255), 20, 20),
        (policy(50).max_removed_percent(0), 20, 0),
        (policy(0), 20, 0),
    ];
    for (policy, limit, aim) in cases {
        let mut run = MakeRoom::new(GROUP, policy);
        let mut count = info("Public", 0);
        count["GroupInfo"][0]["MaxMemberNum"] = json!(limit);
        answer(&mut run, at(NOW), &count);
        assert_eq!((run.report().aim(), run.report().limit()), (aim, limit));
        assert!(matches!(run.step(&api(), at(NOW)), Step::Done(_)));
    }
}

/// Ten events wait in a queue; together their runs remove no more than the first one.
#[test]
fn ten_runs_remove_no_more_than_one() {
    let world = World::new(full_group("Public", 20));
    let mut removed = Vec::new();
    for _ in 0..10 {
        let policy = InactivityPolicy::new(Duration::from_secs(INACTIVE), 50).trust_silence().ignore_online_status();
        let mut run = MakeRoom::new(GROUP, policy);
        assert_eq!(world.finish(&mut run), Came::Done);
        assert_eq!(run.report().aim(), 2);
        removed.push(accounts(&run, Outcome::Removed).len());
    }
    assert_eq!(removed, [2, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(world.with_group(|group| group.members.len()), 18);
}

/// A full topic is not a full Community.
#[test]
fn topic_is_refused() {
    let policy = || InactivityPolicy::new(Duration::from_secs(86_400), 1);
    let event = Callback::new(APP).topic_id("@TGS#_@TGS#cTESTHIM62CJ@TOPIC#_@TOPIC#cRTE1HIM62C5").event();
    assert_eq!(
        MakeRoom::for_event(&event, policy()).unwrap_err().to_string(),
        "a topic is full, not its Community: removing members of the Community makes no room in the topic"
    );
    let event = Callback::new(APP).event();
    assert_eq!(MakeRoom::for_event(&event, policy()).unwrap().group_id(), event.group_id());
}

fn policy(free: u32) -> InactivityPolicy {
    anybody(InactivityPolicy::new(Duration::from_secs(86_400), free))
}

/// Counts the calls of a run until it ends; fails if it does not.
#[track_caller]
fn calls_until_the_end(run: &mut MakeRoom, mut answer: impl FnMut(&str, u32) -> Value) -> (u32, Option<RestErrorKind>) {
    let mut now = at(NOW);
    let mut calls = 0;
    loop {
        match run.step(&api(), now) {
            Step::Send(request) => {
                assert!(calls < MakeRoom::MAX_CALLS);
                calls += 1;
                let command = request.uri().path().rsplit('/').next().unwrap().to_owned();
                run.response(StatusCode::OK, answer(&command, calls).to_string().as_bytes(), now);
            }
            Step::Wait(time) => now += time,
            Step::Failed(error) => return (calls, Some(error.kind())),
            Step::Done(_) => return (calls, None),
        }
    }
}

/// No answer of the vendor makes a run send more.
#[test]
fn calls_have_a_bound() {
    let one = |i: u32| [member(&format!("u{i}"), "Member", u64::from(i), 0)];
    let begin = || MakeRoom::new(GROUP, policy(1)).pace(Duration::ZERO);

    let mut run = begin();
    let ended = calls_until_the_end(&mut run, |_, _| info("Public", 4_294_967_295));
    assert_eq!(ended, (1, Some(RestErrorKind::TooManyCalls)));

    // A list that grows with every request, one member at a time.
    let mut run = begin();
    let ended = calls_until_the_end(&mut run, |command, i| {
        if command == "get_group_info" {
            return info("Public", 3_000_000);
        }
        let mut page = page(&one(i), None);
        page["MemberNum"] = json!(3_000_000 + i);
        page
    });
    assert_eq!(ended, (MakeRoom::MAX_CALLS, Some(RestErrorKind::TooManyCalls)));
    // As many again.
    run.resume();
    assert_eq!(serde_json::to_value(&run).unwrap()["calls"], 0);
    assert_eq!(wants(&mut run, at(NOW)).command(), "get_group_member_info");
}

/// The vendor keeps confirming a removal of a member who stays.
#[test]
fn removals_have_a_bound() {
    let mut run = MakeRoom::new(GROUP, policy(3)).pace(Duration::ZERO);
    let members = [
        member("owner", "Owner", 1, 0),
        member("a", "Member", 2, 0),
        member("b", "Member", 3, 0),
        member("c", "Member", 4, 0),
    ];
    let (calls, ended) = calls_until_the_end(&mut run, |command, _| match command {
        "get_group_info" => info("Public", 4),
        "get_group_member_info" => page(&members, None),
        "get_specified_group_member_info" => look(&members),
        _ => json!({ "ErrorCode": 60008, "ErrorInfo": "time-out" }),
    });
    assert_eq!((calls, ended), (17, Some(RestErrorKind::Server)));
}

/// Even if it was past its plan or a removal is in flight: unsent candidates are planned again.
#[test]
fn plan_only_on_a_restored_run_removes_nobody() {
    let members = [member("owner", "Owner", 1, 0), member("a", "Member", 2, 0), member("b", "Member", 3, 0)];
    let answers =
        [info("Public", 3), page(&members, None), look(&members), info("Public", 3), json!({ "ErrorCode": 0 })];
    for steps in 0..=answers.len() {
        for on_its_way in [false, true] {
            let mut run = MakeRoom::new(GROUP, policy(1)).pace(Duration::ZERO);
            for wanted in &answers[..steps] {
                answer(&mut run, at(NOW), wanted);
            }
            let sent = on_its_way.then(|| wants(&mut run, at(NOW)));
            let mut dry = restored(&run, MakeRoom::new(GROUP, policy(1)).plan_only().pace(Duration::ZERO));
            let mut now = at(NOW);
            for _ in 0..3 {
                now += Duration::from_secs(5);
                match wants(&mut dry, now) {
                    Wants::Send(command, _) => {
                        assert!(["get_group_info", "get_group_member_info"].contains(&command.as_str()), "{command}");
                        let right = if command == "get_group_info" { &answers[0] } else { &answers[1] };
                        dry.response(StatusCode::OK, right.to_string().as_bytes(), now);
                    }
                    ended => assert_eq!(ended, Wants::Done),
                }
            }
            assert_eq!(wants(&mut dry, now), Wants::Done, "{steps} {on_its_way}");
            let expected = match sent {
                // It may have been carried out.
                Some(Wants::Send(command, _)) if command == "delete_group_member" => Outcome::Unconfirmed,
                _ if steps == answers.len() => Outcome::Removed,
                _ => Outcome::Planned,
            };
            assert_eq!(accounts(&dry, expected), ["a"], "{steps} {on_its_way}");
        }
    }
}

/// Once the excess is gone, the share would allow a higher aim; the plan's aim stays.
#[test]
fn the_aim_never_grows() {
    let world = World::new(Group { limit: 2000, ..full_group("Public", 2100) });
    let policy = InactivityPolicy::new(Duration::from_secs(INACTIVE), 500).trust_silence().ignore_online_status();
    let mut run = MakeRoom::new(GROUP, policy);
    while world.count("delete_group_member") == 0 {
        world.step(&mut run);
    }
    assert_eq!((run.report().aim(), run.report().candidates().len()), (100, 200));
    let plan: Vec<_> = run.report().candidates().iter().map(|one| one.member().account().to_owned()).collect();
    world.with_group(|group| {
        let accounts = group.members.iter().map(|member| member.account.clone());
        let mut leavers: Vec<_> = accounts.filter(|account| !plan.contains(account)).take(50).collect();
        // So that the run notices it.
        leavers.push(plan[150].clone());
        group.remove(&leavers);
    });
    assert_eq!(world.finish(&mut run), Came::Done);
    assert_eq!((run.report().aim(), run.report().free(), world.removed().len()), (100, 100, 149));
}

/// Removals make no room, again and again, unless the policy covers the excess.
#[test]
fn group_above_its_limit() {
    let begin = |percent| {
        let policy = InactivityPolicy::new(Duration::from_secs(INACTIVE), 10).ignore_online_status();
        MakeRoom::new(GROUP, policy.max_removed_percent(percent))
    };
    for (percent, aim, removed) in [(10, 0, 0), (50, 0, 0), (51, 2, 102), (60, 10, 110)] {
        let world = World::new(Group { limit: 200, ..full_group("Public", 300) });
        let mut run = begin(percent);
        let came = world.finish(&mut run);
        assert_eq!((run.report().aim(), world.removed().len()), (aim, removed), "{percent}");
        if removed == 0 {
            let most = percent * 2;
            let text = format!(
                "the group has 300 members and a limit of 200, and the policy removes {most} at most: \
                 raise the limit, or `InactivityPolicy::max_removed_percent`"
            );
            assert_eq!(came, Came::Failed(text));
            assert!(
                matches!(run.step(&world.api, world.clock.now()), Step::Failed(error) if error.kind() == RestErrorKind::OverLimit)
            );
        } else {
            assert_eq!(came, Came::Done);
            assert_eq!(usize::try_from(run.report().free()).unwrap(), removed - 100);
        }
    }
}
