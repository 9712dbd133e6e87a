//! Every doubt spares, in the scan and in the second look.

use std::time::Duration;

use http::StatusCode;
use im_group_full::rest::{InactivityPolicy, MakeRoom, Outcome, Spared};
use serde_json::{Value, json};

use crate::canned::{Wants, answer, at, info, look, member, page, wants};
use crate::world::{GROUP, NOW, accounts, anybody};

const OLD: u64 = NOW - 1_000_000;

fn policy(free: u32) -> InactivityPolicy {
    anybody(InactivityPolicy::new(Duration::from_secs(86_400), free))
}

/// A run that has planned to remove bob and eve and is about to look at them.
fn planned(policy: InactivityPolicy) -> MakeRoom {
    let mut run = MakeRoom::new(GROUP, policy).pace(Duration::ZERO);
    answer(&mut run, at(NOW), &info("Public", 4));
    let members =
        [member("owner", "Owner", 1, 0), bob(), member("eve", "Member", OLD + 5, 0), member("tom", "Member", 9, NOW)];
    answer(&mut run, at(NOW), &page(&members, None));
    assert_eq!(accounts(&run, Outcome::Planned), ["bob", "eve"]);
    run
}

fn bob() -> Value {
    member("bob", "Member", OLD, 0)
}

/// What a second look says about bob, and his outcome; eve is always removed.
#[test]
fn second_look() {
    let changed = |name: &str, value: Value| {
        let mut bob = bob();
        bob[name] = value;
        bob
    };
    let cases = [
        (vec![bob()], Outcome::Removed),
        (vec![bob(), bob()], Outcome::Removed),
        (vec![], Outcome::Left),
        (vec![changed("Role", json!(" Member"))], Outcome::Removed),
        (vec![changed("Role", json!("Admin"))], Outcome::Stays(Spared::Role)),
        (vec![bob(), changed("Role", json!("Admin"))], Outcome::Stays(Spared::Unclear)),
        (vec![changed("Role", json!("Admin")), bob()], Outcome::Stays(Spared::Unclear)),
        (vec![changed("Role", json!("Moderator"))], Outcome::Stays(Spared::Unclear)),
        (vec![changed("LastSendMsgTime", Value::Null)], Outcome::Stays(Spared::Unclear)),
        (vec![changed("JoinTime", json!(0))], Outcome::Stays(Spared::Unclear)),
        (vec![changed("JoinTime", Value::Null)], Outcome::Stays(Spared::Unclear)),
        (vec![changed("LastSendMsgTime", json!(OLD + 1))], Outcome::Stays(Spared::Active)),
        (vec![changed("LastSendMsgTime", json!(NOW + 1))], Outcome::Stays(Spared::Unclear)),
        // Rejoined and silent since, even if the time of the last message did not change.
        (vec![changed("JoinTime", json!(OLD + 1))], Outcome::Stays(Spared::Active)),
        // This entry could be anyone.
        (vec![changed("Member_Account", Value::Null)], Outcome::Stays(Spared::Unclear)),
    ];
    for (entries, expected) in cases {
        let mut run = planned(policy(2));
        let list = [&entries[..], &[member("eve", "Member", OLD + 5, 0)]].concat();
        assert_eq!(answer(&mut run, at(NOW), &look(&list)).command(), "get_specified_group_member_info");
        let recounted = info("Public", 4);
        assert_eq!(answer(&mut run, at(NOW), &recounted).command(), "get_group_info");
        let removal = answer(&mut run, at(NOW), &json!({ "ErrorCode": 0 }));
        let goes = removal.removal().contains(&"bob");
        assert_eq!(goes, expected == Outcome::Removed, "{entries:?}");
        assert!(removal.removal().contains(&"eve"));
        assert_eq!(wants(&mut run, at(NOW)), Wants::Done);
        assert_eq!(run.report().candidates()[0].outcome(), expected, "{entries:?}");
    }
}

/// Rejoined with the same last message, under a policy that calls everyone inactive.
#[test]
fn a_member_who_rejoined_stays_under_any_policy() {
    let policy = anybody(InactivityPolicy::new(Duration::from_secs(86_400), 2));
    let mut run = MakeRoom::new(GROUP, policy).pace(Duration::ZERO);
    answer(&mut run, at(NOW), &info("Public", 3));
    let eve = member("eve", "Member", 5, 7);
    answer(
        &mut run,
        at(NOW),
        &page(&[member("owner", "Owner", 1, 0), member("bob", "Member", 3, 4), eve.clone()], None),
    );
    answer(&mut run, at(NOW), &look(&[member("bob", "Member", NOW - 1, 4), eve]));
    answer(&mut run, at(NOW), &info("Public", 3));
    assert_eq!(wants(&mut run, at(NOW)).removal(), ["eve"]);
    assert_eq!(accounts(&run, Outcome::Stays(Spared::Active)), ["bob"]);
}

/// Rejoined, and the later of joining and speaking is the same.
#[test]
fn another_time_of_joining_is_another_member() {
    let eve = |joined: u64| member("eve", "Member", joined, OLD + 100);
    for (joined, goes) in [(OLD, true), (OLD + 1, false), (OLD - 1, false), (OLD + 100, false)] {
        let mut run = MakeRoom::new(GROUP, policy(1)).pace(Duration::ZERO);
        answer(&mut run, at(NOW), &info("Public", 2));
        answer(&mut run, at(NOW), &page(&[member("owner", "Owner", 1, 0), eve(OLD)], None));
        answer(&mut run, at(NOW), &look(&[eve(joined)]));
        assert_eq!(accounts(&run, Outcome::Stays(Spared::Active)).is_empty(), goes, "{joined}");
    }
}

/// One entry of a page, and whether it is planned.
#[test]
fn page_with_one_doubtful_entry() {
    let cases = [
        (bob(), true),
        (member("bob", "Member", 0, 0), false),
        (member("bob", "Member", 0, OLD), false),
        (member("bob", "Member", NOW + 1, 0), false),
        (member("bob", "Member", OLD, NOW + 1), false),
        (member("bob", "Member", OLD, NOW - 86_399), false),
        (member("bob", "Guest", OLD, 0), false),
        (json!({ "Member_Account": "bob", "Role": "Member", "LastSendMsgTime": 0 }), false),
        (json!({ "Member_Account": "bob", "Role": "Member", "JoinTime": OLD }), false),
        (json!(null), false),
    ];
    for (entry, goes) in cases {
        let mut run = MakeRoom::new(GROUP, policy(3)).plan_only().pace(Duration::ZERO);
        answer(&mut run, at(NOW), &info("Public", 3));
        let members = [member("owner", "Owner", 1, 0), entry.clone(), member("eve", "Member", OLD + 5, 0)];
        answer(&mut run, at(NOW), &page(&members, None));
        assert_eq!(wants(&mut run, at(NOW)), Wants::Done);
        let expected: &[&str] = if goes { &["bob", "eve"] } else { &["eve"] };
        assert_eq!(accounts(&run, Outcome::Planned), expected, "{entry}");
    }
}

/// A page with no readable entry is the vendor's fault, not a member's.
#[test]
fn unreadable_page_fails() {
    let mut run = MakeRoom::new(GROUP, policy(3)).pace(Duration::ZERO);
    let mut now = at(NOW);
    answer(&mut run, now, &info("Public", 2));
    let nonsense = page(&[member("a", "member", 1, 1), member("b", "member", 2, 1)], None).to_string();
    for _ in 0..5 {
        now += Duration::from_secs(100);
        assert_eq!(wants(&mut run, now).command(), "get_group_member_info");
        run.response(StatusCode::OK, nonsense.as_bytes(), now);
    }
    let text = "unexpected response: none of 2 members can be understood";
    assert_eq!(wants(&mut run, now), Wants::Failed(text.to_owned()));
}

/// A look without a list says nothing about who has left.
#[test]
fn look_without_a_list_removes_nobody() {
    let mut run = planned(policy(2));
    answer(&mut run, at(NOW), &json!({ "ErrorCode": 0, "MemberList": null }));
    assert_eq!(wants(&mut run, at(NOW + 1)).command(), "get_specified_group_member_info");
    assert_eq!(accounts(&run, Outcome::Planned), ["bob", "eve"]);
}

/// `NextMsgSeq` is 1000: so a member has read one of the last 50 messages if its `MsgSeq` is 950 or more.
#[test]
fn readers_are_spared() {
    let with = |mut member: Value, seq: Value| {
        member["MsgSeq"] = seq;
        member
    };
    let cases = [
        (json!(949), true),
        (json!(0), true),
        (json!(950), false),
        (json!(999), false),
        // Outdated or restarted numbers prove nothing.
        (json!(1000), false),
        (json!(u64::MAX), false),
        (Value::Null, false),
        (json!("949"), false),
    ];
    for (seq, goes) in cases {
        let mut run = MakeRoom::new(GROUP, policy(3).spare_readers(50)).pace(Duration::ZERO);
        answer(&mut run, at(NOW), &info("Public", 3));
        let eve = with(member("eve", "Member", OLD + 5, 0), json!(3));
        answer(
            &mut run,
            at(NOW),
            &page(&[member("owner", "Owner", 1, 0), with(bob(), seq.clone()), eve.clone()], None),
        );
        let expected: &[&str] = if goes { &["bob", "eve"] } else { &["eve"] };
        assert_eq!(accounts(&run, Outcome::Planned), expected, "{seq}");
        if goes {
            // Has become a reader since, or has at least read more.
            answer(&mut run, at(NOW), &look(&[with(bob(), json!(if seq == 0 { 1 } else { 999 })), eve]));
            assert_eq!(accounts(&run, Outcome::Stays(Spared::Reader)), ["bob"], "{seq}");
        }
    }
}

/// The group's number is lower at the second count: then bob, who has read all but the last 59, has read all but 39.
#[test]
fn readers_are_judged_again_when_the_number_of_the_group_falls() {
    let mut bob = bob();
    bob["MsgSeq"] = json!(940);
    let mut eve = member("eve", "Member", OLD + 5, 0);
    eve["MsgSeq"] = json!(3);
    let mut run = MakeRoom::new(GROUP, policy(3).spare_readers(50)).pace(Duration::ZERO);
    answer(&mut run, at(NOW), &info("Public", 3));
    answer(&mut run, at(NOW), &page(&[member("owner", "Owner", 1, 0), bob.clone(), eve.clone()], None));
    answer(&mut run, at(NOW), &look(&[bob.clone(), eve.clone()]));
    let mut recount = info("Public", 3);
    recount["GroupInfo"][0]["NextMsgSeq"] = json!(980);
    answer(&mut run, at(NOW), &recount);
    answer(&mut run, at(NOW), &look(&[bob, eve]));
    answer(&mut run, at(NOW), &recount);
    assert_eq!(wants(&mut run, at(NOW)).removal(), ["eve"]);
    assert_eq!(accounts(&run, Outcome::Stays(Spared::Reader)), ["bob"]);
}
