//! The limit is raised before anybody is removed, and a raise that fails removes nobody.

use std::time::Duration;

use im_group_full::rest::{InactivityPolicy, LimitRaise, MakeRoom, Outcome, RestErrorKind, Step};
use serde_json::json;

use crate::canned::{Wants, answer, api, at, info, member, page, wants};
use crate::stand_in::{Fault, Group};
use crate::world::{Came, GROUP, NOW, World, accounts, full_group, policy, restored};

const RAISE: &str = "modify_group_base_info";

fn raising(free: u32, to: u32) -> InactivityPolicy {
    policy(free).raise_limit_to(to)
}

/// Members, limit, slots wanted, raised to; then the new limit, the number of raises, and removals.
#[test]
fn only_what_is_missing_afterwards_is_removed() {
    let cases = [
        (200, 200, 50, 2000, 2000, 1, 0),
        (200, 200, 50, 220, 220, 1, 30),
        // A limit is never lowered, and never set twice.
        (200, 200, 50, 200, 200, 0, 50),
        (200, 200, 50, 100, 200, 0, 50),
        // Nothing is missing.
        (150, 200, 50, 2000, 200, 0, 0),
        // Above its limit.
        (300, 200, 10, 2000, 2000, 1, 0),
    ];
    for (members, limit, free, to, after, raises, removed) in cases {
        let world = World::new(Group { limit, ..full_group("Public", members) });
        let mut run = MakeRoom::new(GROUP, raising(free, to));
        assert_eq!(world.finish(&mut run), Came::Done);
        assert_eq!(world.with_group(|group| group.limit), after, "{to}");
        assert_eq!((world.count(RAISE), world.removed().len()), (raises, removed), "{to}");
        assert_eq!(run.report().limit_raise(), (raises > 0).then_some(LimitRaise::Raised));
        if removed == 0 {
            assert_eq!(world.count("get_group_member_info"), 0, "nobody need be read");
        }
    }
}

/// Every refusal fails the run, and the run raises again when it is resumed.
#[test]
fn refusals_remove_nobody() {
    for (code, kind) in [
        (10038, RestErrorKind::InvalidRequest),
        (10004, RestErrorKind::InvalidRequest),
        (10007, RestErrorKind::NotPermitted),
        (99999, RestErrorKind::Other),
    ] {
        let world = World::new(full_group("Public", 200));
        world.stand_in.on_call(move |call, _| if call.command == RAISE { Fault::Code(code) } else { Fault::None });
        let mut run = MakeRoom::new(GROUP, raising(50, 220));
        let Came::Failed(text) = world.finish(&mut run) else { panic!("{code}") };
        let Step::Failed(error) = run.step(&world.api, world.clock.now()) else { panic!("{code}") };
        assert_eq!((error.kind(), error.code()), (kind, Some(code)));
        assert_eq!(
            text.contains("`InactivityPolicy::raise_limit_to` is above what the app's package allows"),
            code == 10038
        );
        assert_eq!((run.report().limit_raise(), run.report().members(), world.removed().len()), (None, 200, 0));
        world.stand_in.on_call(|_, _| Fault::None);
        run.resume();
        assert_eq!(world.finish(&mut run), Came::Done);
        assert_eq!((run.report().limit_raise(), world.removed().len()), (Some(LimitRaise::Raised), 30));
    }
}

/// After an unanswered raise, the run counts, and raises again only if the limit is still the old one.
#[test]
fn raises_without_an_answer() {
    for (fault, again) in
        [(Fault::BreakBefore, 2), (Fault::BreakAfter, 1), (Fault::StatusAfter(502), 1), (Fault::Code(60008), 2)]
    {
        let world = World::new(full_group("Public", 200));
        let mut first = true;
        world.stand_in.on_call(
            move |call, _| {
                if call.command == RAISE && std::mem::take(&mut first) { fault } else { Fault::None }
            },
        );
        let mut run = MakeRoom::new(GROUP, raising(50, 2000));
        while world.count(RAISE) == 0 {
            world.step(&mut run);
        }
        assert_eq!(run.report().limit_raise(), Some(LimitRaise::Unconfirmed));
        assert_eq!(world.finish(&mut run), Came::Done);
        assert_eq!((world.count(RAISE), world.removed().len()), (again, 0), "{fault:?}");
        assert_eq!(run.report().limit_raise(), Some(LimitRaise::Raised));
    }
}

/// The vendor accepts the raise, but the count shows the old limit: the run counts once more before it fails.
#[test]
fn accepted_and_unchanged() {
    let unchanged = || {
        let mut run = MakeRoom::new(GROUP, raising(2, 10)).pace(Duration::ZERO);
        assert_eq!(answer(&mut run, at(NOW), &info("Public", 3)).command(), "get_group_info");
        assert_eq!(answer(&mut run, at(NOW), &json!({ "ErrorCode": 0 })).command(), RAISE);
        assert_eq!(answer(&mut run, at(NOW), &info("Public", 3)).command(), "get_group_info");
        run
    };
    let mut run = unchanged();
    assert_eq!(answer(&mut run, at(NOW), &info("Public", 3)).command(), "get_group_info");
    let text = "the vendor accepted a limit of 10 members, but the limit is 3";
    assert_eq!(wants(&mut run, at(NOW)), Wants::Failed(text.to_owned()));
    let Step::Failed(error) = run.step(&api(), at(NOW)) else { panic!() };
    assert_eq!(error.kind(), RestErrorKind::LimitUnchanged);
    // Raises anew.
    run.resume();
    assert_eq!(answer(&mut run, at(NOW), &info("Public", 3)).command(), "get_group_info");
    assert_eq!(wants(&mut run, at(NOW)).command(), RAISE);
    // The new limit is reported late.
    let mut run = unchanged();
    let mut late = info("Public", 3);
    late["GroupInfo"][0]["MaxMemberNum"] = json!(10);
    answer(&mut run, at(NOW), &late);
    assert_eq!(wants(&mut run, at(NOW)), Wants::Done);
    // Nothing is missing anymore.
    let mut run = unchanged();
    let mut left = info("Public", 3);
    left["GroupInfo"][0]["MemberNum"] = json!(1);
    answer(&mut run, at(NOW), &left);
    assert_eq!(wants(&mut run, at(NOW)), Wants::Done);
}

/// Another client set a higher limit while the run was stopped.
#[test]
fn a_raise_relies_on_a_fresh_count() {
    for (seconds, next) in [(30, RAISE), (31, "get_group_info")] {
        let mut run = MakeRoom::new(GROUP, raising(2, 10)).pace(Duration::ZERO);
        answer(&mut run, at(NOW), &info("Public", 3));
        assert_eq!(wants(&mut run, at(NOW + seconds)).command(), next, "{seconds}");
    }
    // Also after a refusal that is worth a retry.
    let mut run = MakeRoom::new(GROUP, raising(2, 10)).pace(Duration::ZERO);
    answer(&mut run, at(NOW), &info("Public", 3));
    answer(&mut run, at(NOW), &json!({ "ErrorCode": 10006 }));
    assert_eq!(wants(&mut run, at(NOW + 5)).command(), "get_group_info");
}

/// A limit that is lowered after the plan is raised again before any removal.
#[test]
fn a_limit_that_is_lowered_meanwhile_is_raised_again() {
    let world = World::new(full_group("Public", 200));
    let mut run = MakeRoom::new(GROUP, raising(50, 220));
    while world.count("get_specified_group_member_info") == 0 {
        world.step(&mut run);
    }
    world.with_group(|group| group.limit = 150);
    assert_eq!(world.finish(&mut run), Came::Done);
    assert_eq!((world.count(RAISE), world.removed().len()), (2, 30));
    assert_eq!(world.with_group(|group| group.limit), 220);
}

/// With `plan_only` nothing is sent, and the plan covers what is missing after the raise.
#[test]
fn a_plan_names_the_raise() {
    for (to, planned) in [(220, 30), (2000, 0)] {
        let world = World::new(full_group("Public", 200));
        let mut run = MakeRoom::new(GROUP, raising(50, to)).plan_only();
        assert_eq!(world.finish(&mut run), Came::Done);
        assert_eq!((run.report().limit_raise(), run.report().limit()), (Some(LimitRaise::Planned), to));
        assert_eq!((world.count(RAISE), accounts(&run, Outcome::Planned).len()), (0, planned));
        let mut run = restored(&run, MakeRoom::new(GROUP, raising(50, to)).plan_only());
        let names = accounts(&run, Outcome::Planned);
        run.approve(names).unwrap();
        assert_eq!(world.finish(&mut run), Came::Done);
        assert_eq!((run.report().limit_raise(), world.removed().len()), (Some(LimitRaise::Raised), planned));
    }
}

/// The raise is not lost when the members cannot be judged: it is the plan, and it is approved with no account.
#[test]
fn a_plan_that_is_only_a_raise() {
    let world = World::new(Group { all_muted: true, ..full_group("Public", 200) });
    let mut run = MakeRoom::new(GROUP, raising(50, 220)).plan_only();
    assert!(matches!(world.finish(&mut run), Came::Failed(text) if text.starts_with("cannot tell who is inactive")));
    assert_eq!(run.report().limit_raise(), Some(LimitRaise::Planned));
    let mut run = restored(&run, MakeRoom::new(GROUP, raising(50, 220)).plan_only());
    assert!(matches!(world.finish(&mut run), Came::Failed(_)));
    run.approve::<&str>([]).unwrap();
    // Nobody was approved, so nobody is removed after the raise.
    world.with_group(|group| group.all_muted = false);
    assert_eq!(world.finish(&mut run), Came::Done);
    assert_eq!(
        (run.report().limit_raise(), world.count(RAISE), world.removed().len()),
        (Some(LimitRaise::Raised), 1, 0)
    );
}

/// Every count updates what is missing.
#[test]
fn a_changed_limit_is_seen() {
    let mut run = MakeRoom::new(GROUP, policy(2)).pace(Duration::ZERO);
    answer(&mut run, at(NOW), &info("Public", 3));
    let members = [member("owner", "Owner", 1, 0), member("a", "Member", 2, 0), member("b", "Member", 3, 0)];
    answer(&mut run, at(NOW), &page(&members, None));
    answer(&mut run, at(NOW), &crate::canned::look(&members[1..]));
    let mut higher = info("Public", 3);
    higher["GroupInfo"][0]["MaxMemberNum"] = json!(4);
    answer(&mut run, at(NOW), &higher);
    assert_eq!(wants(&mut run, at(NOW)).removal(), ["a"]);
}
