//! Every doubt spares, in the scan and in the second look.

use im_group_full::rest::{Outcome, Spared};
use serde_json::{Value, json};

use crate::canned::{Next, OLD, a_day, after, answer, at, info, look, member, ok, read, silent, wants, with};
use crate::world::{COUNT, LOOK, NOW, accounts};

fn bob() -> Value {
    member("bob", "Member", OLD, 0)
}

fn eve() -> Value {
    member("eve", "Member", OLD + 5, 0)
}

fn with_owner(members: impl IntoIterator<Item = Value>) -> Vec<Value> {
    silent(&[]).into_iter().chain(members).collect()
}

/// What a second look says about bob, and his outcome; eve is always removed.
#[test]
fn second_look() {
    let (unclear, active) = (Outcome::Stays(Spared::Unclear), Outcome::Stays(Spared::Active));
    let changed = |field: &str, value: Value| with(bob(), field, value);
    let cases = [
        (vec![bob()], Outcome::Removed),
        (vec![bob(), bob()], Outcome::Removed),
        (vec![], Outcome::Left),
        (vec![changed("Role", json!(" Member"))], Outcome::Removed),
        (vec![changed("Role", json!("Admin"))], Outcome::Stays(Spared::Role)),
        (vec![bob(), changed("Role", json!("Admin"))], unclear),
        (vec![changed("Role", json!("Admin")), bob()], unclear),
        (vec![changed("Role", json!("Moderator"))], unclear),
        (vec![changed("LastSendMsgTime", Value::Null)], unclear),
        (vec![changed("JoinTime", json!(0))], unclear),
        (vec![changed("JoinTime", Value::Null)], unclear),
        (vec![changed("LastSendMsgTime", json!(OLD + 1))], active),
        (vec![changed("LastSendMsgTime", json!(NOW + 1))], unclear),
        // Rejoined and silent since, even if the time of the last message did not change.
        (vec![changed("JoinTime", json!(OLD + 1))], active),
        // This entry could be anyone.
        (vec![changed("Member_Account", Value::Null)], unclear),
    ];
    for (entries, expected) in cases {
        let mut run = read(a_day(2), "Public", &with_owner([bob(), eve()]));
        let told = look(&[&entries[..], &[eve()]].concat());
        assert_eq!(answer(&mut run, at(NOW), &[told]).command(), LOOK);
        assert_eq!(answer(&mut run, at(NOW), &[info("Public", 3)]).command(), COUNT);
        let goes = expected == Outcome::Removed;
        assert_eq!(answer(&mut run, at(NOW), &[ok()]).removal(), ["bob", "eve"][usize::from(!goes)..], "{entries:?}");
        assert_eq!(wants(&mut run, at(NOW)), Next::Done);
        assert_eq!(run.report().candidates()[0].outcome(), expected, "{entries:?}");
    }
}

/// Rejoined, under a policy that calls everyone inactive: with the same last message, and with the same later of
/// joining and speaking.
#[test]
fn a_member_who_rejoined_stays_under_any_policy() {
    // When bob joined and spoke, when he has joined now, and whether he goes.
    let cases = [
        (3, 4, NOW - 1, false),
        (OLD, OLD + 100, OLD, true),
        (OLD, OLD + 100, OLD + 1, false),
        (OLD, OLD + 100, OLD - 1, false),
        (OLD, OLD + 100, OLD + 100, false),
    ];
    for (joined, sent, now, goes) in cases {
        let bob = |joined| member("bob", "Member", joined, sent);
        let mut run = read(a_day(2), "Public", &with_owner([bob(joined), eve()]));
        answer(&mut run, at(NOW), &[look(&[bob(now), eve()]), info("Public", 3)]);
        assert_eq!(wants(&mut run, at(NOW)).removal().contains(&"bob"), goes, "{now}");
        assert_eq!(accounts(&run, Outcome::Stays(Spared::Active)).is_empty(), goes, "{now}");
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
        let run = read(a_day(3), "Public", &with_owner([entry, eve()]));
        assert_eq!(accounts(&run, Outcome::Planned), ["bob", "eve"][usize::from(!goes)..]);
    }
}

/// A look without a list says nothing about who has left.
#[test]
fn look_without_a_list_removes_nobody() {
    let mut run = read(a_day(2), "Public", &with_owner([bob(), eve()]));
    answer(&mut run, at(NOW), &[with(look(&[]), "MemberList", Value::Null)]);
    assert_eq!(wants(&mut run, at(NOW + 1)).command(), LOOK);
    assert_eq!(accounts(&run, Outcome::Planned), ["bob", "eve"]);
}

/// `NextMsgSeq` is 1000: so a member has read one of the last 50 messages if its `MsgSeq` is 950 or more.
#[test]
fn readers_are_spared() {
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
        let eve = with(eve(), "MsgSeq", 3);
        let members = with_owner([with(bob(), "MsgSeq", seq.clone()), eve.clone()]);
        let mut run = read(a_day(3).spare_readers(50), "Public", &members);
        assert_eq!(accounts(&run, Outcome::Planned), ["bob", "eve"][usize::from(!goes)..], "{seq}");
        if goes {
            // Has become a reader since, or has at least read more.
            let more = if seq == 0 { 1 } else { 999 };
            answer(&mut run, at(NOW), &[look(&[with(bob(), "MsgSeq", more), eve])]);
            assert_eq!(accounts(&run, Outcome::Stays(Spared::Reader)), ["bob"], "{seq}");
        }
    }
}

/// The group's number is lower at the second count: then bob, who has read all but the last 59, has read all but 39.
#[test]
fn readers_are_judged_again_when_the_number_of_the_group_falls() {
    let members = with_owner([with(bob(), "MsgSeq", 940), with(eve(), "MsgSeq", 3)]);
    let mut run = read(a_day(3).spare_readers(50), "Public", &members);
    let look_and_count = [look(&members[1..]), with(info("Public", 3), "NextMsgSeq", 980)];
    answer(&mut run, at(NOW), &look_and_count);
    assert_eq!(after(&mut run, at(NOW), &look_and_count).removal(), ["eve"]);
    assert_eq!(accounts(&run, Outcome::Stays(Spared::Reader)), ["bob"]);
}
