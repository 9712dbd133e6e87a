//! Silence that was forced or not recorded means nothing, and only people are removed.

use std::time::Duration;

use im_group_full::rest::{Candidate, Endpoint, InactivityPolicy, MakeRoom, Outcome, RestApi, SecretKey, Spared, Step};
use serde_json::{Value, json};

use crate::canned::{Wants, answer, at, info, look, member, page, wants};
use crate::stand_in::{Group, Member};
use crate::world::{APP, Came, DAY, GROUP, INACTIVE, NOW, SECRET, World, accounts, full_group, policy};

const MUTED: &str = "cannot tell who is inactive: the group is or was muted within the time that the policy looks back; \
                     to judge by what members read, set `InactivityPolicy::spare_readers`";

fn muted(told: Value) -> Value {
    let mut count = info("Public", 3);
    count["GroupInfo"][0]["MuteAllMember"] = told;
    count
}

#[test]
fn a_muted_group_removes_nobody() {
    for (told, is_muted) in [
        (json!("On"), true),
        (json!("Off"), false),
        // An unreadable value counts as muted.
        (Value::Null, true),
        (json!("on"), true),
        (json!(0), true),
    ] {
        for old_name in [false, true] {
            let mut count = muted(json!("Off"));
            count["GroupInfo"][0][if old_name { "ShutUpAllMember" } else { "MuteAllMember" }] = told.clone();
            let mut run = MakeRoom::new(GROUP, policy(1)).pace(Duration::ZERO);
            answer(&mut run, at(NOW), &count);
            match wants(&mut run, at(NOW)) {
                Wants::Failed(text) => assert!(is_muted && text == MUTED, "{told}: {text}"),
                other => assert!(!is_muted && other.command() == "get_group_member_info", "{told}"),
            }
        }
    }
    // It continues with what members read.
    let mut run = MakeRoom::new(GROUP, policy(1).spare_readers(5)).pace(Duration::ZERO);
    answer(&mut run, at(NOW), &muted(json!("On")));
    assert_eq!(wants(&mut run, at(NOW)).command(), "get_group_member_info");
}

/// A group that is muted after the plan, and one that was unmuted a minute ago.
#[test]
fn a_mute_is_seen_at_every_count_and_kept() {
    let world = World::new(full_group("Public", 200));
    let mut run = MakeRoom::new(GROUP, policy(50));
    while world.count("get_specified_group_member_info") == 0 {
        world.step(&mut run);
    }
    world.with_group(|group| group.all_muted = true);
    assert_eq!(world.finish(&mut run), Came::Failed(MUTED.to_owned()));
    world.with_group(|group| group.all_muted = false);
    run.resume();
    assert_eq!(world.finish(&mut run), Came::Failed(MUTED.to_owned()));
    // Another policy starts over, and does not forget the mute.
    let saved = serde_json::from_str(&serde_json::to_string(&run).unwrap()).unwrap();
    let mut run = MakeRoom::new(GROUP, policy(40)).continue_from(saved).unwrap();
    assert_eq!(world.finish(&mut run), Came::Failed(MUTED.to_owned()));
    // Until silence can mean something again.
    world.clock.advance(Duration::from_secs(INACTIVE));
    run.resume();
    assert_eq!(world.finish(&mut run), Came::Done);
    assert!(!world.removed().is_empty());
}

fn group(members: Vec<Member>) -> Group {
    let owner = Member { role: "Owner", ..Member::new("owner", NOW - 2000 * DAY, NOW - DAY) };
    let members: Vec<_> = std::iter::once(owner).chain(members).collect();
    Group { kind: "Public", limit: members.len(), members, all_muted: false }
}

fn old(account: &str) -> Member {
    Member::new(account, NOW - 1000 * DAY, 0)
}

#[test]
fn a_muted_member_is_silent_from_the_end_of_the_mute() {
    let world = World::new(group(vec![
        Member { mute_until: NOW + 30 * DAY, ..old("muted") },
        Member { mute_until: NOW - INACTIVE + 1, ..old("was muted") },
        Member { mute_until: NOW - INACTIVE - DAY, ..old("long ago") },
    ]));
    let mut run = MakeRoom::new(GROUP, policy(3)).plan_only();
    assert_eq!(world.finish(&mut run), Came::Done);
    assert_eq!(accounts(&run, Outcome::Planned), ["long ago"]);
    assert_eq!(run.report().spared().collect::<Vec<_>>(), [(Spared::Role, 1), (Spared::Muted, 2)]);
}

/// Muted between the plan and the look, and unmuted between two pages that overlap.
#[test]
fn mutes_that_come_and_go() {
    let members = |until: u64| {
        let mut bob = member("bob", "Member", 2, 0);
        bob["MuteUntil"] = json!(until);
        [member("owner", "Owner", 1, NOW), bob, member("eve", "Member", 3, 0)]
    };
    let mut run = MakeRoom::new(GROUP, policy(2)).pace(Duration::ZERO);
    answer(&mut run, at(NOW), &info("Public", 3));
    answer(&mut run, at(NOW), &page(&members(0), None));
    answer(&mut run, at(NOW), &look(&members(NOW + 5)[1..]));
    answer(&mut run, at(NOW), &info("Public", 3));
    assert_eq!(wants(&mut run, at(NOW)).removal(), ["eve"]);
    assert_eq!(accounts(&run, Outcome::Stays(Spared::Muted)), ["bob"]);

    let mut run = MakeRoom::new(GROUP, policy(2)).plan_only().pace(Duration::ZERO);
    answer(&mut run, at(NOW), &info("Community", 3));
    answer(&mut run, at(NOW), &page(&members(NOW + 5), Some("1")));
    answer(&mut run, at(NOW), &page(&members(0), Some("")));
    assert_eq!(wants(&mut run, at(NOW)), Wants::Done);
    assert_eq!(accounts(&run, Outcome::Planned), ["eve"]);
    // Each is counted once, although each was read twice.
    assert_eq!(run.report().spared().collect::<Vec<_>>(), [(Spared::Role, 1), (Spared::Muted, 1)]);
}

/// After an unanswered removal, the member is muted at the next look but not at the one after that.
#[test]
fn a_mute_is_kept_from_look_to_look() {
    let muted = |account: &str, until: u64| {
        let mut one = member(account, "Member", 2, 0);
        one["MuteUntil"] = json!(until);
        one
    };
    let list = |until: u64| [muted("bob", 0), muted("eve", until)];
    let mut run = MakeRoom::new(GROUP, policy(2)).pace(Duration::ZERO);
    let no_answer = json!({ "ErrorCode": 60008 });
    answer(&mut run, at(NOW), &info("Public", 3));
    answer(&mut run, at(NOW), &page(&[&[member("owner", "Owner", 1, NOW)], &list(0)[..]].concat(), None));
    for (second, until, expected) in [(0, 0, &["bob", "eve"][..]), (5, NOW - 5, &["bob"]), (15, 0, &["bob"])] {
        let now = at(NOW + second);
        answer(&mut run, now, &look(&list(until)));
        answer(&mut run, now, &info("Public", 3));
        assert_eq!(answer(&mut run, now, &no_answer).removal(), expected, "{second}");
    }
}

/// The clock was right at the count, and shows a second less at the look.
#[test]
fn silence_that_is_too_short_at_the_look() {
    let outcome_at = |run: &mut MakeRoom, seconds: u64| {
        let list = [member("bob", "Member", 2, 0), member("eve", "Member", 3, 0)];
        let all = [&[member("owner", "Owner", 1, 0)], &list[..]].concat();
        answer(run, at(seconds), &muted(json!("Off")));
        answer(run, at(seconds), &page(&all, None));
        answer(run, at(seconds - 1), &look(&list));
        let outcomes: Vec<_> = run.report().candidates().iter().map(Candidate::outcome).collect();
        assert!(outcomes.len() == 2 && outcomes[0] == outcomes[1], "{outcomes:?}");
        outcomes[0]
    };
    let run = || MakeRoom::new(GROUP, policy(2).recorded_since(at(NOW - INACTIVE))).pace(Duration::ZERO);
    assert_eq!(outcome_at(&mut run(), NOW), Outcome::Stays(Spared::Unclear));
    let mut run = run();
    answer(&mut run, at(NOW), &muted(json!("On")));
    assert_eq!(wants(&mut run, at(NOW)), Wants::Failed(MUTED.to_owned()));
    run.resume();
    assert_eq!(outcome_at(&mut run, NOW + INACTIVE), Outcome::Stays(Spared::Muted));
}

#[test]
fn removable_members_that_are_not_needed_are_counted() {
    let world = World::new(group(vec![old("bob"), old("eve"), Member::new("dan", NOW - 1000 * DAY, NOW), old("ann")]));
    let mut run = MakeRoom::new(GROUP, policy(1)).plan_only();
    assert_eq!(world.finish(&mut run), Came::Done);
    assert_eq!(run.report().candidates().len(), 1);
    let spared = [(Spared::Role, 1), (Spared::Active, 1), (Spared::NotNeeded, 2)];
    assert_eq!(run.report().spared().collect::<Vec<_>>(), spared);
}

#[test]
fn imported_members_were_not_recorded_before() {
    for (since, ends) in [(NOW - INACTIVE + 1, false), (NOW - INACTIVE, true), (NOW + DAY, false)] {
        let world = World::new(full_group("Public", 200));
        let mut run = MakeRoom::new(GROUP, policy(5).recorded_since(at(since)));
        let came = world.finish(&mut run);
        if ends {
            assert_eq!((came, world.removed().len()), (Came::Done, 5));
        } else {
            let text =
                "cannot tell who is inactive: messages have been recorded for less time than the policy looks back";
            assert_eq!(came, Came::Failed(text.to_owned()));
            assert_eq!(world.stand_in.with(|vendor| vendor.calls.len()), 1);
        }
    }
}

#[test]
fn robots_and_the_calling_account_stay() {
    let world = World::new(group(vec![old("@RBT#helper"), old("administrator"), old("bob"), old("@RBT")]));
    let mut run = MakeRoom::new(GROUP, policy(4).protect("nobody").protect("bob"));
    assert_eq!(world.finish(&mut run), Came::Done);
    assert_eq!(world.removed(), ["@RBT"]);
    // They are not planned either.
    assert_eq!(run.report().candidates().len(), 1);
    let spared = [(Spared::Role, 1), (Spared::Protected, 1), (Spared::Robot, 1), (Spared::ApiAdmin, 1)];
    assert_eq!(run.report().spared().collect::<Vec<_>>(), spared);
    assert_eq!(run.report().protected_not_found().collect::<Vec<_>>(), ["nobody"]);
}

/// One admin begins a run, and another one continues it.
#[test]
fn another_admin_looks_again() {
    let api = |admin: &str| RestApi::new(Endpoint::China, APP, admin, SecretKey::new(SECRET).unwrap()).unwrap();
    let send = |run: &mut MakeRoom, admin: &str, answer: Value| {
        let Step::Send(request) = run.step(&api(admin), at(NOW)) else { panic!("{run:?}") };
        let command = request.uri().path().rsplit('/').next().unwrap().to_owned();
        run.response(http::StatusCode::OK, answer.to_string().as_bytes(), at(NOW));
        (command, serde_json::from_slice::<Value>(request.body()).unwrap())
    };
    let members = [member("owner", "Owner", 1, 0), member("b", "Member", 2, 0), member("eve", "Member", 3, 0)];
    let mut run = MakeRoom::new(GROUP, policy(2)).pace(Duration::ZERO);
    for answer in [info("Public", 3), page(&members, None), look(&members[1..]), info("Public", 3)] {
        send(&mut run, "a", answer);
    }
    assert_eq!(send(&mut run, "b", look(&members[1..])).0, "get_specified_group_member_info");
    assert_eq!(send(&mut run, "b", info("Public", 3)).0, "get_group_info");
    let (command, body) = send(&mut run, "b", json!({ "ErrorCode": 0 }));
    assert_eq!((command.as_str(), &body["MemberToDel_Account"]), ("delete_group_member", &json!(["eve"])));
    assert_eq!(accounts(&run, Outcome::Stays(Spared::ApiAdmin)), ["b"]);
}

/// "FAIL" with code 0 is not a successful removal.
#[test]
fn fail_without_a_code_is_not_success() {
    let members = [member("owner", "Owner", 1, 0), member("b", "Member", 2, 0), member("eve", "Member", 3, 0)];
    let mut run = MakeRoom::new(GROUP, policy(1)).pace(Duration::ZERO);
    for told in [info("Public", 3), page(&members, None), look(&members[1..2]), info("Public", 3)] {
        answer(&mut run, at(NOW), &told);
    }
    answer(&mut run, at(NOW), &json!({ "ActionStatus": "FAIL", "ErrorCode": 0, "ErrorInfo": "" }));
    assert_eq!(accounts(&run, Outcome::Unconfirmed), ["b"]);
}

/// Only clear entries prove anything: one without a join time, or with a time after now, does not.
#[test]
fn only_clear_entries_are_evidence() {
    let silent = [member("a", "Member", 5, 5), member("b", "Member", 9, 9)];
    for (third, judged) in [
        (member("c", "Member", 0, 7), false),
        (member("c", "Member", 7, NOW + 1), false),
        (member("c", "Member", NOW + 1, 0), false),
        (member("c", "Member", 7, 8), true),
    ] {
        let mut run = MakeRoom::new(GROUP, policy(2)).plan_only().pace(Duration::ZERO);
        answer(&mut run, at(NOW), &info("Public", 3));
        answer(&mut run, at(NOW), &page(&[&silent[..], &[third]].concat(), None));
        let ended = wants(&mut run, at(NOW));
        assert_eq!(ended == Wants::Done, judged, "{ended:?}");
    }
    // Measured at the event's time, like inactivity, not now.
    let event =
        im_group_full::testing::Callback::new(APP).group_id(GROUP).event_time_millis((NOW - DAY) * 1000).event();
    let mut run = MakeRoom::for_event(&event, policy(2)).unwrap().plan_only().pace(Duration::ZERO);
    answer(&mut run, at(NOW), &info("Public", 3));
    answer(&mut run, at(NOW), &page(&[&silent[..], &[member("c", "Member", 7, NOW - 5)]].concat(), None));
    assert!(matches!(wants(&mut run, at(NOW)), Wants::Failed(_)));
}

/// A page with a single entry costs a few calls, and its member is judged. The same holds for a count above the list.
#[test]
fn one_bad_page_does_no_harm() {
    for bad in [1, 5, 17, 30] {
        let world = World::new(full_group("Public", 6000));
        let expected = crate::world::expected(&full_group("Public", 6000), &[], 60);
        let mut pages = 0;
        world.stand_in.on_call(move |call, vendor| {
            pages += usize::from(call.command == "get_group_member_info");
            vendor.longest_page = if pages == bad { 1 } else { 200 };
            crate::stand_in::Fault::None
        });
        let mut run = MakeRoom::new(GROUP, policy(60)).plan_only();
        assert_eq!(world.finish(&mut run), Came::Done);
        assert_eq!(accounts(&run, Outcome::Planned), expected);
        let calls = world.count("get_group_member_info");
        assert!(calls <= 45, "{calls} calls after the bad page {bad}");
    }
    let group = full_group("Public", 5999);
    let mut run = MakeRoom::new(GROUP, policy(60)).plan_only().pace(Duration::ZERO);
    let told = |member: &Member| member_json(member);
    answer(&mut run, at(NOW), &info("Public", 6000));
    let mut pages = 0;
    while let Wants::Send(_, body) = wants(&mut run, at(NOW)) {
        let number = |name: &str| usize::try_from(body[name].as_u64().unwrap()).unwrap();
        let (offset, limit) = (number("Offset"), number("Limit"));
        let list: Vec<_> = group.members.iter().skip(offset).take(limit).map(told).collect();
        let page = json!({ "ErrorCode": 0, "MemberNum": 6000, "MemberList": list });
        run.response(http::StatusCode::OK, page.to_string().as_bytes(), at(NOW));
        pages += 1;
    }
    assert_eq!((pages <= 32, accounts(&run, Outcome::Planned).len()), (true, 60), "{pages}");
}

fn member_json(one: &Member) -> Value {
    member(&one.account, one.role, one.join_time, one.last_send_msg_time)
}

/// Old names mean the same, `null` makes a member unclear, and a policy can be used alone.
#[test]
fn old_and_new_names_of_a_mute() {
    for (name, until, stays) in [
        ("MuteUntil", json!(NOW + 5), Some(Spared::Muted)),
        ("ShutUpUntil", json!(NOW + 5), Some(Spared::Muted)),
        ("MuteUntil", json!(0), None),
        ("MuteUntil", Value::Null, Some(Spared::Unclear)),
        ("ShutUpUntil", json!("soon"), Some(Spared::Unclear)),
    ] {
        let mut bob = member("bob", "Member", 2, 0);
        bob[name] = until;
        let mut run = MakeRoom::new(GROUP, policy(2)).plan_only().pace(Duration::ZERO);
        answer(&mut run, at(NOW), &info("Public", 2));
        answer(&mut run, at(NOW), &page(&[member("owner", "Owner", 1, NOW), bob], None));
        let spared: Vec<_> = run.report().spared().filter(|(why, _)| *why != Spared::Role).collect();
        assert_eq!(spared, Vec::from_iter(stays.map(|why| (why, 1))), "{name}");
    }
    let _: InactivityPolicy = policy(1);
}
