//! Removals that got no answer: done, not done, or done later.

use std::time::Duration;

use http::StatusCode;
use im_group_full::rest::{Candidate, MakeRoom, Outcome, RestErrorKind, Spared};
use serde_json::{Value, json};

use crate::canned::{Next, a_day, answer, at, failed, info, look, many, member, ok, page, read, refused, wants, with};
use crate::world::{COUNT, GROUP, LOOK, NOW};

const MEMBERS: usize = 8;

fn all() -> Vec<Value> {
    let owner = member("m000", "Owner", 1, 0);
    [&[owner], &many(MEMBERS as u64)[1..]].concat()
}

/// Returns a run whose removal of m001, m002 and m003 met with this, about to look again.
fn unanswered(came: impl FnOnce(&mut MakeRoom)) -> MakeRoom {
    let mut run = read(a_day(3), "Public", &all());
    answer(&mut run, at(NOW), &[look(&all()[1..4]), info("Public", MEMBERS)]);
    assert_eq!(wants(&mut run, at(NOW)).removal(), ["m001", "m002", "m003"]);
    came(&mut run);
    run
}

fn no_answer() -> MakeRoom {
    unanswered(|run| run.no_response(at(NOW)))
}

fn outcomes(run: &MakeRoom) -> Vec<Outcome> {
    run.report().candidates().iter().map(Candidate::outcome).collect()
}

fn count(members: usize) -> Value {
    with(info("Public", MEMBERS), "MemberNum", members)
}

/// After these statuses and codes the removal may have been carried out; after the others it was not.
#[test]
fn codes_that_leave_the_outcome_open() {
    let came = |status: u16, body: &Value| {
        let status = StatusCode::from_u16(status).unwrap();
        unanswered(|run| run.response(status, body.to_string().as_bytes(), at(NOW)))
    };
    let codes = [10002, 91000, 60008, 60013, 60014].map(|code| (200, refused(code)));
    let statuses = [301, 404, 429, 500, 502].map(|status| (status, ok()));
    let fail_without_a_code = (200, with(ok(), "ActionStatus", "FAIL"));
    for (status, body) in codes.into_iter().chain(statuses).chain([fail_without_a_code]) {
        let mut run = came(status, &body);
        assert_eq!(outcomes(&run), [Outcome::Unconfirmed; 3], "{status} {body}");
        run.resume();
        // The removal was carried out: nobody "had left".
        answer(&mut run, at(NOW + 1), &[look(&[])]);
        assert_eq!(outcomes(&run), [Outcome::Removed; 3], "{status} {body}");
    }
    for code in [10006, 60007, 60011, 60018, 60019, 70001, 10007, 60020] {
        assert_eq!(outcomes(&came(200, &refused(code))), [Outcome::Planned; 3], "{code}");
    }
}

/// The outcome of each, by the next look. None is reported as staying, and only these are sent again.
#[test]
fn what_the_next_look_says() {
    use Outcome::{Rejoined, Removed, Unconfirmed};
    let m1 = || all()[1].clone();
    let cases = [
        (Some(m1()), Unconfirmed, true),
        (Some(with(m1(), "LastSendMsgTime", NOW)), Unconfirmed, false),
        (Some(with(m1(), "Role", "Admin")), Unconfirmed, false),
        (Some(with(m1(), "Role", "?")), Unconfirmed, false),
        (Some(json!({})), Unconfirmed, false),
        (Some(with(m1(), "JoinTime", NOW)), Rejoined, false),
        (None, Removed, false),
    ];
    for (m1, outcome, again) in cases {
        let mut run = no_answer();
        let found: Vec<_> = m1.iter().chain(&all()[2..4]).cloned().collect();
        answer(&mut run, at(NOW + 1), &[look(&found)]);
        assert_eq!(outcomes(&run)[0], outcome, "{m1:?}");
        let removal = answer(&mut run, at(NOW + 1), &[count(MEMBERS - 3 + found.len()), ok()]);
        assert_eq!(removal.removal(), ["m001", "m002", "m003"][usize::from(!again)..], "{m1:?}");
        // m001 counts as removed, so nobody is removed in its place.
        assert_eq!(wants(&mut run, at(NOW + 1)), Next::Done, "{m1:?}");
        let ended = if again { Removed } else { outcome };
        assert_eq!(outcomes(&run), [ended, Removed, Removed], "{m1:?}");
    }
}

/// Slots are not freed twice if the removal is carried out after the look, or may still be: then one member who has left
/// by himself is already one too many.
#[test]
fn not_again_if_fewer_are_missing() {
    let m1 = all()[1].clone();
    let cases = [
        (m1.clone(), MEMBERS - 3, Outcome::Unconfirmed),
        (m1.clone(), MEMBERS - 1, Outcome::Unconfirmed),
        (with(m1, "JoinTime", NOW), MEMBERS - 1, Outcome::Rejoined),
    ];
    for (m1, members, outcome) in cases {
        let mut run = no_answer();
        answer(&mut run, at(NOW + 1), &[look(&[&[m1][..], &all()[2..4]].concat()), count(members)]);
        assert_eq!(wants(&mut run, at(NOW + 1)), Next::Done);
        assert_eq!(outcomes(&run), [outcome, Outcome::Unconfirmed, Outcome::Unconfirmed]);
    }
}

/// While the outcome is unknown, earlier removals count as done.
#[test]
fn others_are_removed_only_for_the_slots_still_missing() {
    let many = many(300);
    let count = |members: usize| with(info("Public", 300), "MemberNum", members);
    let page = |members: &[Value]| with(page(members, None), "MemberNum", 300);
    let mut run = MakeRoom::new(GROUP, a_day(150)).pace(Duration::ZERO);
    let pages = [page(&many[100..]), page(&many[..200])];
    let looks = [look(&many[..50]), look(&many[50..100])];
    answer(&mut run, at(NOW), &[&[count(300)], &pages[..], &looks, &[count(300)]].concat());
    assert_eq!(wants(&mut run, at(NOW)).removal().len(), 100);
    run.no_response(at(NOW));
    // All are still present, and 40 have spoken: their removal may still be carried out.
    let spoke = many[..40].iter().map(|member| with(member.clone(), "LastSendMsgTime", NOW));
    let spoke: Vec<_> = spoke.chain(many[40..50].to_vec()).collect();
    let now = at(NOW + 1);
    // Ten other members have left.
    let removal = answer(&mut run, now, &[look(&spoke), looks[1].clone(), count(290), ok()]);
    assert_eq!(removal.removal().len(), 60);
    // 80 slots are missing now, and 40 of the removals are in flight.
    let removal = answer(&mut run, now, &[look(&many[100..140]), count(230), ok()]);
    assert_eq!((removal.removal().len(), removal.removal()[0]), (40, "m100"));
    assert_eq!(wants(&mut run, now), Next::Done);
    assert_eq!(run.report().with_outcome(Outcome::Unconfirmed).count(), 40);
    assert_eq!(run.report().with_outcome(Outcome::Stays(Spared::NotNeeded)).count(), 10);
}

/// A removal is never repeated without a look, even if no answer ever arrives.
#[test]
fn no_removal_is_repeated_without_a_look() {
    let mut run = no_answer();
    let mut now = at(NOW);
    for _ in 0..4 {
        now += Duration::from_secs(20);
        assert_eq!(answer(&mut run, now, &[look(&all()[1..4])]).command(), LOOK);
        assert_eq!(answer(&mut run, now, &[count(MEMBERS)]).command(), COUNT);
        assert_eq!(wants(&mut run, now).removal(), ["m001", "m002", "m003"]);
        run.no_response(now);
    }
    assert_eq!(wants(&mut run, now), failed(RestErrorKind::NoResponse, "no response"));
    assert_eq!(outcomes(&run), [Outcome::Unconfirmed; 3]);
}
