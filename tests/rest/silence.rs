//! Silence that was forced or not recorded means nothing, and only people are removed.

use std::time::Duration;

use http::StatusCode;
use im_group_full::rest::{Candidate, MakeRoom, Outcome, RestErrorKind, Spared};
use serde_json::{Value, json};

use crate::canned::{Next, after, answer, at, failed, info, look, ok, page, plan, read, refused, silent, with};
use crate::stand_in::{Group, Member};
use crate::world::{
    APP, COUNT, DAY, GROUP, INACTIVE, LOOK, NOW, PAGE, REMOVE, SECRET, World, accounts, api, full_group, policy, saved,
};

fn muted() -> Next {
    failed(
        RestErrorKind::SilenceUnproven,
        "cannot tell who is inactive: the group is or was muted within the time that the policy looks back; \
         to judge by what members read, set `InactivityPolicy::spare_readers`",
    )
}

fn spared(run: &MakeRoom) -> Vec<(Spared, u32)> {
    run.report().spared().collect()
}

#[test]
fn a_muted_group_removes_nobody() {
    let cases = [
        (json!("On"), true),
        (json!("Off"), false),
        // An unreadable value counts as muted.
        (Value::Null, true),
        (json!("on"), true),
        (json!(0), true),
    ];
    let members = silent(&["bob"]);
    let pages = [&members[..]];
    for (told, is_muted) in cases {
        for name in ["MuteAllMember", "ShutUpAllMember"] {
            let count = with(with(info("Public", 2), "MuteAllMember", "Off"), name, told.clone());
            let (pages, expected) =
                if is_muted { (&[][..], Err(muted())) } else { (&pages[..], Ok(vec!["bob".to_owned()])) };
            assert_eq!(plan(MakeRoom::new(GROUP, policy(1)), &count, pages), expected, "{count}");
        }
    }
    // It continues with what members read.
    let mut run = MakeRoom::new(GROUP, policy(1).spare_readers(5)).pace(Duration::ZERO);
    let count = with(info("Public", 3), "MuteAllMember", "On");
    assert_eq!(after(&mut run, at(NOW), &[count]).command(), PAGE);
}

/// A group that is muted after the plan, and one that was unmuted a minute ago.
#[test]
fn a_mute_is_seen_at_every_count_and_kept() {
    let world = World::full("Public", 200);
    let mut run = MakeRoom::new(GROUP, policy(50));
    world.until(&mut run, LOOK);
    for all_muted in [true, false] {
        world.with_group(|group| group.all_muted = all_muted);
        assert_eq!(world.finish(&mut run), muted());
        run.resume();
    }
    // Another policy starts over, and does not forget the mute.
    let mut run = MakeRoom::new(GROUP, policy(40)).continue_from(saved(&run)).unwrap();
    assert_eq!(world.finish(&mut run), muted());
    // Until silence can mean something again.
    world.clock.advance(Duration::from_secs(INACTIVE));
    run.resume();
    world.done(&mut run);
    assert!(!world.removed().is_empty());
}

/// A group with an owner and these members.
fn group(members: impl IntoIterator<Item = Member>) -> World {
    let owner = Member { role: "Owner", ..Member::new("owner", NOW - 2000 * DAY, NOW - DAY) };
    let members: Vec<_> = std::iter::once(owner).chain(members).collect();
    World::new(Group { limit: members.len(), members, ..full_group("Public", 0) })
}

fn old(account: &str) -> Member {
    Member::new(account, NOW - 1000 * DAY, 0)
}

#[test]
fn a_muted_member_is_silent_from_the_end_of_the_mute() {
    let world = group([
        Member { mute_until: NOW + 30 * DAY, ..old("muted") },
        Member { mute_until: NOW - INACTIVE + 1, ..old("was muted") },
        Member { mute_until: NOW - INACTIVE - DAY, ..old("long ago") },
    ]);
    let run = world.done(MakeRoom::new(GROUP, policy(3)).plan_only());
    assert_eq!(accounts(&run, Outcome::Planned), ["long ago"]);
    assert_eq!(spared(&run), [(Spared::Role, 1), (Spared::Muted, 2)]);
}

/// Muted between the plan and the look, and unmuted between two pages that overlap.
#[test]
fn mutes_that_come_and_go() {
    let members = silent(&["bob", "eve"]);
    let with_mute = [members[0].clone(), with(members[1].clone(), "MuteUntil", NOW + 5), members[2].clone()];
    let mut run = read(policy(2), "Public", &members);
    assert_eq!(after(&mut run, at(NOW), &[look(&with_mute[1..]), info("Public", 3)]).removal(), ["eve"]);
    assert_eq!(accounts(&run, Outcome::Stays(Spared::Muted)), ["bob"]);

    let mut run = MakeRoom::new(GROUP, policy(2)).plan_only().pace(Duration::ZERO);
    answer(&mut run, at(NOW), &[info("Community", 3), page(&with_mute, Some("1")), page(&members, Some(""))]);
    assert_eq!(accounts(&run, Outcome::Planned), ["eve"]);
    // Each is counted once, although each was read twice.
    assert_eq!(spared(&run), [(Spared::Role, 1), (Spared::Muted, 1)]);
}

/// After an unanswered removal, the member is muted at the next look but not at the one after that.
#[test]
fn a_mute_is_kept_from_look_to_look() {
    let members = silent(&["bob", "eve"]);
    let mut run = read(policy(2), "Public", &members);
    for (second, until, expected) in [(0, 0, &["bob", "eve"][..]), (5, NOW - 5, &["bob"]), (15, 0, &["bob"])] {
        let list = [members[1].clone(), with(members[2].clone(), "MuteUntil", until)];
        let removal = answer(&mut run, at(NOW + second), &[look(&list), info("Public", 3), refused(60008)]);
        assert_eq!(removal.removal(), expected, "{second}");
    }
}

/// The clock was right at the count, and shows a second less at the look.
#[test]
fn silence_that_is_too_short_at_the_look() {
    let outcome_at = |run: &mut MakeRoom, seconds: u64| {
        let members = silent(&["bob", "eve"]);
        answer(run, at(seconds), &[with(info("Public", 3), "MuteAllMember", "Off"), page(&members, None)]);
        answer(run, at(seconds - 1), &[look(&members[1..])]);
        let outcomes: Vec<_> = run.report().candidates().iter().map(Candidate::outcome).collect();
        assert!(outcomes.len() == 2 && outcomes[0] == outcomes[1], "{outcomes:?}");
        outcomes[0]
    };
    let run = || MakeRoom::new(GROUP, policy(2).recorded_since(at(NOW - INACTIVE))).pace(Duration::ZERO);
    assert_eq!(outcome_at(&mut run(), NOW), Outcome::Stays(Spared::Unclear));
    let mut run = run();
    assert_eq!(after(&mut run, at(NOW), &[with(info("Public", 3), "MuteAllMember", "On")]), muted());
    run.resume();
    assert_eq!(outcome_at(&mut run, NOW + INACTIVE), Outcome::Stays(Spared::Muted));
}

#[test]
fn removable_members_that_are_not_needed_are_counted() {
    let world = group([old("bob"), old("eve"), Member::new("dan", NOW - 1000 * DAY, NOW), old("ann")]);
    let run = world.done(MakeRoom::new(GROUP, policy(1)).plan_only());
    assert_eq!(run.report().candidates().len(), 1);
    assert_eq!(spared(&run), [(Spared::Role, 1), (Spared::Active, 1), (Spared::NotNeeded, 2)]);
}

#[test]
fn imported_members_were_not_recorded_before() {
    let too_short = "cannot tell who is inactive: messages have been recorded for less time than the policy looks back";
    let too_short = || failed(RestErrorKind::SilenceUnproven, too_short);
    // Since when; then the end, and the numbers of removals and calls.
    let cases =
        [(NOW - INACTIVE + 1, too_short(), 0, 1), (NOW - INACTIVE, Next::Done, 5, 5), (NOW + DAY, too_short(), 0, 1)];
    for (since, end, removed, calls) in cases {
        let world = World::full("Public", 200);
        assert_eq!(world.finish(&mut MakeRoom::new(GROUP, policy(5).recorded_since(at(since)))), end);
        assert_eq!((world.removed().len(), world.calls()), (removed, calls));
    }
}

#[test]
fn robots_and_the_calling_account_stay() {
    let world = group(["@RBT#helper", "administrator", "bob", "@RBT"].map(old));
    let run = world.done(MakeRoom::new(GROUP, policy(4).protect("nobody").protect("bob")));
    assert_eq!(world.removed(), ["@RBT"]);
    // They are not planned either.
    assert_eq!(run.report().candidates().len(), 1);
    let why = [Spared::Role, Spared::Protected, Spared::Robot, Spared::ApiAdmin];
    assert_eq!(spared(&run), why.map(|why| (why, 1)));
    assert_eq!(run.report().protected_not_found().collect::<Vec<_>>(), ["nobody"]);
}

/// One admin begins a run, and another one continues it.
#[test]
fn another_admin_looks_again() {
    let members = silent(&["b", "eve"]);
    let (look, count) = (look(&members[1..]), info("Public", 3));
    let mut run = MakeRoom::new(GROUP, policy(2)).pace(Duration::ZERO);
    let mut last = Next::Done;
    for (admin, answer, command) in [
        ("a", &count, COUNT),
        ("a", &page(&members, None), PAGE),
        ("a", &look, LOOK),
        ("a", &count, COUNT),
        ("b", &look, LOOK),
        ("b", &count, COUNT),
        ("b", &ok(), REMOVE),
    ] {
        last = Next::from(&run.step(&api(APP, admin, SECRET), at(NOW)));
        assert_eq!(last.command(), command);
        run.response(StatusCode::OK, answer.to_string().as_bytes(), at(NOW));
    }
    assert_eq!(last.removal(), ["eve"]);
    assert_eq!(accounts(&run, Outcome::Stays(Spared::ApiAdmin)), ["b"]);
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
        let mut members = silent(&["bob"]);
        members[1][name] = until;
        let run = read(policy(2), "Public", &members);
        let expected: Vec<_> = std::iter::once(Spared::Role).chain(stays).map(|why| (why, 1)).collect();
        assert_eq!(spared(&run), expected, "{name}");
    }
}
