//! The limit is raised before anybody is removed, and a raise that fails removes nobody.

use std::time::Duration;

use im_group_full::rest::{LimitRaise, MakeRoom, Outcome, RestErrorKind as Kind, Step};
use serde_json::Value;

use crate::canned::{Next, a_day, answer, at, failed, info, look, ok, read, refused, silent, wants, with};
use crate::stand_in::{Fault, Group};
use crate::world::{COUNT, GROUP, LOOK, NOW, PAGE, RAISE, World, accounts, full_group, policy, restored};

fn raising(free: u32, to: u32) -> MakeRoom {
    MakeRoom::new(GROUP, policy(free).raise_limit_to(to))
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
        let run = world.done(raising(free, to));
        assert_eq!(world.with_group(|group| group.limit), after, "{to}");
        assert_eq!((world.count(RAISE), world.removed().len()), (raises, removed), "{to}");
        assert_eq!(run.report().limit_raise(), (raises > 0).then_some(LimitRaise::Raised));
        // Nobody need be read.
        assert_eq!(world.count(PAGE) == 0, removed == 0);
    }
}

/// Every refusal fails the run, and the run raises again when it is resumed.
#[test]
fn refusals_remove_nobody() {
    for (code, kind) in [
        (10038, Kind::InvalidRequest),
        (10004, Kind::InvalidRequest),
        (10007, Kind::NotPermitted),
        (99999, Kind::Other),
    ] {
        let world = World::full("Public", 200);
        world.fault_on(RAISE, Fault::Code(code));
        let mut run = raising(50, 220);
        let Next::Failed(found, text) = world.finish(&mut run) else { panic!("{code}") };
        let hint = "`InactivityPolicy::raise_limit_to` is above what the app's package allows";
        assert_eq!((found, text.contains(hint)), (kind, code == 10038));
        let Step::Failed(error) = run.step(&world.api, world.clock.now()) else { panic!("{code}") };
        assert_eq!(error.code(), Some(code));
        assert_eq!((run.report().limit_raise(), run.report().members(), world.removed().len()), (None, 200, 0));
        world.no_faults();
        run.resume();
        world.done(&mut run);
        assert_eq!((run.report().limit_raise(), world.removed().len()), (Some(LimitRaise::Raised), 30));
    }
}

/// After an unanswered raise, the run counts, and raises again only if the limit is still the old one.
#[test]
fn raises_without_an_answer() {
    for (fault, raises) in
        [(Fault::BreakBefore, 2), (Fault::BreakAfter, 1), (Fault::StatusAfter(502), 1), (Fault::Code(60008), 2)]
    {
        let world = World::full("Public", 200);
        world.fault_on(RAISE, fault);
        let mut run = raising(50, 2000);
        world.until(&mut run, RAISE);
        assert_eq!(run.report().limit_raise(), Some(LimitRaise::Unconfirmed));
        world.no_faults();
        world.done(&mut run);
        assert_eq!((world.count(RAISE), world.removed().len()), (raises, 0), "{fault:?}");
        assert_eq!(run.report().limit_raise(), Some(LimitRaise::Raised));
    }
}

/// The vendor accepts the raise, but the count shows the old limit: the run counts once more before it fails.
#[test]
fn accepted_and_unchanged() {
    let full = || info("Public", 3);
    let counted_again = |count: Value| {
        let mut run = raising(2, 10).pace(Duration::ZERO);
        assert_eq!(answer(&mut run, at(NOW), &[full()]).command(), COUNT);
        assert_eq!(answer(&mut run, at(NOW), &[ok()]).command(), RAISE);
        assert_eq!(answer(&mut run, at(NOW), &[full()]).command(), COUNT);
        assert_eq!(answer(&mut run, at(NOW), &[count]).command(), COUNT);
        let next = wants(&mut run, at(NOW));
        (run, next)
    };
    let (mut run, next) = counted_again(full());
    assert_eq!(next, failed(Kind::LimitUnchanged, "the vendor accepted a limit of 10 members, but the limit is 3"));
    // Raises anew.
    run.resume();
    assert_eq!(answer(&mut run, at(NOW), &[full()]).command(), COUNT);
    assert_eq!(wants(&mut run, at(NOW)).command(), RAISE);
    // The new limit is reported late, or nothing is missing anymore.
    for (field, number) in [("MaxMemberNum", 10), ("MemberNum", 1)] {
        assert_eq!(counted_again(with(full(), field, number)).1, Next::Done, "{field}");
    }
}

/// Another client set a higher limit while the run was stopped.
#[test]
fn a_raise_relies_on_a_fresh_count() {
    // Also after a refusal that is worth a retry.
    for (refusal, seconds, next) in [(None, 30, RAISE), (None, 31, COUNT), (Some(refused(10006)), 5, COUNT)] {
        let mut run = raising(2, 10).pace(Duration::ZERO);
        let answers: Vec<_> = std::iter::once(info("Public", 3)).chain(refusal).collect();
        answer(&mut run, at(NOW), &answers);
        assert_eq!(wants(&mut run, at(NOW + seconds)).command(), next, "{seconds}");
    }
}

/// A limit that is lowered after the plan is raised again before any removal.
#[test]
fn a_limit_that_is_lowered_meanwhile_is_raised_again() {
    let world = World::full("Public", 200);
    let mut run = raising(50, 220);
    world.until(&mut run, LOOK);
    world.with_group(|group| group.limit = 150);
    world.done(&mut run);
    assert_eq!((world.count(RAISE), world.removed().len()), (2, 30));
    assert_eq!(world.with_group(|group| group.limit), 220);
}

/// With `plan_only` nothing is sent, and the plan covers what is missing after the raise.
#[test]
fn a_plan_names_the_raise() {
    for (to, planned) in [(220, 30), (2000, 0)] {
        let world = World::full("Public", 200);
        let run = world.done(raising(50, to).plan_only());
        assert_eq!((run.report().limit_raise(), run.report().limit()), (Some(LimitRaise::Planned), to));
        assert_eq!((world.count(RAISE), accounts(&run, Outcome::Planned).len()), (0, planned));
        let mut run = restored(&run, raising(50, to).plan_only());
        run.approve(accounts(&run, Outcome::Planned)).unwrap();
        world.done(&mut run);
        assert_eq!((run.report().limit_raise(), world.removed().len()), (Some(LimitRaise::Raised), planned));
    }
}

/// The raise is not lost when the members cannot be judged: it is the plan, and it is approved with no account.
#[test]
fn a_plan_that_is_only_a_raise() {
    let world = World::new(Group { all_muted: true, ..full_group("Public", 200) });
    let mut run = raising(50, 220).plan_only();
    let end = world.finish(&mut run);
    assert!(matches!(&end, Next::Failed(_, text) if text.starts_with("cannot tell who is inactive")), "{end:?}");
    assert_eq!(run.report().limit_raise(), Some(LimitRaise::Planned));
    let mut run = restored(&run, raising(50, 220).plan_only());
    assert_eq!(world.finish(&mut run), end);
    run.approve::<&str>([]).unwrap();
    // Nobody was approved, so nobody is removed after the raise.
    world.with_group(|group| group.all_muted = false);
    world.done(&mut run);
    let raise = run.report().limit_raise();
    assert_eq!((raise, world.count(RAISE), world.removed().len()), (Some(LimitRaise::Raised), 1, 0));
}

/// Every count updates what is missing.
#[test]
fn a_changed_limit_is_seen() {
    let members = silent(&["a", "b"]);
    let mut run = read(a_day(2), "Public", &members);
    answer(&mut run, at(NOW), &[look(&members[1..]), with(info("Public", 3), "MaxMemberNum", 4)]);
    assert_eq!(wants(&mut run, at(NOW)).removal(), ["a"]);
}
