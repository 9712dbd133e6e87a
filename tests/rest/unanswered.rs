//! Removals that got no answer: done, not done, or done later.

use std::time::Duration;

use http::StatusCode;
use im_group_full::rest::{InactivityPolicy, MakeRoom, Outcome, Spared};
use serde_json::{Value, json};

use crate::canned::{Wants, answer, at, info, look, member, page, wants};
use crate::world::{GROUP, NOW, anybody};

const MEMBERS: usize = 8;

fn all() -> Vec<Value> {
    (0..MEMBERS).map(|i| member(&format!("m{i}"), if i == 0 { "Owner" } else { "Member" }, i as u64 + 1, 0)).collect()
}

/// Returns a run whose removal of m1, m2 and m3 got no answer, about to look again.
fn unanswered(code: Option<i32>) -> MakeRoom {
    unanswered_with(|run| match code {
        None => run.no_response(at(NOW)),
        Some(code) => {
            let body = json!({ "ErrorCode": code, "ErrorInfo": "" }).to_string();
            run.response(StatusCode::OK, body.as_bytes(), at(NOW));
        }
    })
}

fn unanswered_with(came: impl FnOnce(&mut MakeRoom)) -> MakeRoom {
    let policy = anybody(InactivityPolicy::new(Duration::from_secs(86_400), 3));
    let mut run = MakeRoom::new(GROUP, policy).pace(Duration::ZERO);
    answer(&mut run, at(NOW), &info("Public", MEMBERS));
    answer(&mut run, at(NOW), &page(&all(), None));
    answer(&mut run, at(NOW), &look(&all()[1..4]));
    answer(&mut run, at(NOW), &info("Public", MEMBERS));
    assert_eq!(wants(&mut run, at(NOW)).removal(), ["m1", "m2", "m3"]);
    came(&mut run);
    run
}

fn outcomes(run: &MakeRoom) -> Vec<Outcome> {
    run.report().candidates().iter().map(im_group_full::rest::Candidate::outcome).collect()
}

fn full(members: usize) -> Value {
    let mut count = info("Public", MEMBERS);
    count["GroupInfo"][0]["MemberNum"] = json!(members);
    count
}

/// After these codes the removal may have been carried out; after the others it was not.
#[test]
fn codes_that_leave_the_outcome_open() {
    use Outcome::{Planned, Unconfirmed};
    for code in [10002, 91000, 60008, 60013, 60014] {
        let mut run = unanswered(Some(code));
        assert_eq!(outcomes(&run), [Unconfirmed; 3], "{code}");
        // The removal was carried out: nobody "had left".
        answer(&mut run, at(NOW + 1), &look(&[]));
        assert_eq!(outcomes(&run), [Outcome::Removed; 3], "{code}");
    }
    for status in [301, 404, 429, 500, 502] {
        let mut run = unanswered_with(|run| {
            run.response(StatusCode::from_u16(status).unwrap(), br#"{"ErrorCode":0}"#, at(NOW));
        });
        assert_eq!(outcomes(&run), [Unconfirmed; 3], "{status}");
        run.resume();
        answer(&mut run, at(NOW + 1), &look(&[]));
        assert_eq!(outcomes(&run), [Outcome::Removed; 3], "{status}");
    }
    for code in [10006, 60007, 60011, 60018, 60019, 70001, 10007, 60020] {
        assert_eq!(outcomes(&unanswered(Some(code))), [Planned; 3], "{code}");
    }
}

/// The outcome of each, by the next look. None is reported as staying, and only these are sent again.
#[test]
fn what_the_next_look_says() {
    use Outcome::{Rejoined, Removed, Unconfirmed};
    let mut active = all()[1].clone();
    active["LastSendMsgTime"] = json!(NOW);
    let mut anew = all()[1].clone();
    anew["JoinTime"] = json!(NOW);
    let mut admin = all()[1].clone();
    admin["Role"] = json!("Admin");
    let mut unclear = all()[1].clone();
    unclear["Role"] = json!("?");
    let unnamed = json!({});
    let cases = [
        (Some(all()[1].clone()), Unconfirmed, true),
        (Some(active), Unconfirmed, false),
        (Some(admin), Unconfirmed, false),
        (Some(unclear), Unconfirmed, false),
        (Some(unnamed), Unconfirmed, false),
        (Some(anew), Rejoined, false),
        (None, Removed, false),
    ];
    for (m1, outcome, again) in cases {
        let mut run = unanswered(None);
        let found: Vec<_> = m1.clone().into_iter().chain(all()[2..4].to_vec()).collect();
        let gone = usize::from(m1.is_none());
        answer(&mut run, at(NOW + 1), &look(&found));
        assert_eq!(outcomes(&run)[0], outcome, "{m1:?}");
        answer(&mut run, at(NOW + 1), &full(MEMBERS - gone));
        let removal = answer(&mut run, at(NOW + 1), &json!({ "ErrorCode": 0 }));
        let expected: &[&str] = if again { &["m1", "m2", "m3"] } else { &["m2", "m3"] };
        assert_eq!(removal.removal(), expected, "{m1:?}");
        // m1 counts as removed, so nobody is removed in its place.
        assert_eq!(wants(&mut run, at(NOW + 1)), Wants::Done, "{m1:?}");
        let ended = if again { Removed } else { outcome };
        assert_eq!(outcomes(&run), [ended, Removed, Removed], "{m1:?}");
    }
}

/// The removal is carried out after the look, and slots are not freed twice.
#[test]
fn carried_out_after_the_look() {
    let mut run = unanswered(None);
    answer(&mut run, at(NOW + 1), &look(&all()[1..4]));
    answer(&mut run, at(NOW + 1), &full(MEMBERS - 3));
    assert_eq!(wants(&mut run, at(NOW + 1)), Wants::Done);
    assert_eq!(outcomes(&run), [Outcome::Unconfirmed; 3]);
}

/// Another member has left meanwhile: if all three removals are carried out later, that is already one too many.
#[test]
fn not_again_if_fewer_are_missing() {
    let mut anew = all()[1].clone();
    anew["JoinTime"] = json!(NOW);
    for (m1, outcome) in [(all()[1].clone(), Outcome::Unconfirmed), (anew, Outcome::Rejoined)] {
        let mut run = unanswered(None);
        answer(&mut run, at(NOW + 1), &look(&[&[m1][..], &all()[2..4]].concat()));
        answer(&mut run, at(NOW + 1), &full(MEMBERS - 1));
        assert_eq!(wants(&mut run, at(NOW + 1)), Wants::Done);
        assert_eq!(outcomes(&run), [outcome, Outcome::Unconfirmed, Outcome::Unconfirmed]);
    }
}

/// While the outcome is unknown, earlier removals count as done.
#[test]
fn others_are_removed_only_for_the_slots_still_missing() {
    let policy = anybody(InactivityPolicy::new(Duration::from_secs(86_400), 150));
    let many: Vec<_> = (0..300_u64).map(|i| member(&format!("m{i:03}"), "Member", i + 1, 0)).collect();
    let count = |members: usize| {
        let mut count = info("Public", 300);
        count["GroupInfo"][0]["MemberNum"] = json!(members);
        count
    };
    let mut run = MakeRoom::new(GROUP, policy).pace(Duration::ZERO);
    answer(&mut run, at(NOW), &info("Public", 300));
    for members in [&many[100..], &many[..200]] {
        let mut page = page(members, None);
        page["MemberNum"] = json!(300);
        answer(&mut run, at(NOW), &page);
    }
    answer(&mut run, at(NOW), &look(&many[..50]));
    answer(&mut run, at(NOW), &look(&many[50..100]));
    answer(&mut run, at(NOW), &count(300));
    assert_eq!(wants(&mut run, at(NOW)).removal().len(), 100);
    run.no_response(at(NOW));
    // All are still present, and 40 have spoken: their removal may still be carried out.
    let spoke: Vec<_> = many[..40]
        .iter()
        .cloned()
        .map(|mut member| {
            member["LastSendMsgTime"] = json!(NOW);
            member
        })
        .collect();
    let now = at(NOW + 1);
    answer(&mut run, now, &look(&[&spoke[..], &many[40..50]].concat()));
    answer(&mut run, now, &look(&many[50..100]));
    // Ten other members have left.
    answer(&mut run, now, &count(290));
    assert_eq!(answer(&mut run, now, &json!({ "ErrorCode": 0 })).removal().len(), 60);
    // 80 slots are missing now, and 40 of the removals are in flight.
    answer(&mut run, now, &look(&many[100..140]));
    answer(&mut run, now, &count(230));
    let removal = answer(&mut run, now, &json!({ "ErrorCode": 0 }));
    assert_eq!((removal.removal().len(), removal.removal()[0]), (40, "m100"));
    assert_eq!(wants(&mut run, now), Wants::Done);
    assert_eq!(run.report().with_outcome(Outcome::Unconfirmed).count(), 40);
    assert_eq!(run.report().with_outcome(Outcome::Stays(Spared::NotNeeded)).count(), 10);
}

/// A removal is never repeated without a look, even if no answer ever arrives.
#[test]
fn no_removal_is_repeated_without_a_look() {
    let mut run = unanswered(None);
    let mut now = at(NOW);
    for _ in 0..4 {
        now += Duration::from_secs(20);
        assert_eq!(answer(&mut run, now, &look(&all()[1..4])).command(), "get_specified_group_member_info");
        assert_eq!(answer(&mut run, now, &full(MEMBERS)).command(), "get_group_info");
        assert_eq!(wants(&mut run, now).removal(), ["m1", "m2", "m3"]);
        run.no_response(now);
    }
    assert_eq!(wants(&mut run, now), Wants::Failed("no response".to_owned()));
    assert_eq!(outcomes(&run), [Outcome::Unconfirmed; 3]);
}
