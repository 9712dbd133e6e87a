//! Approved plans, and saved runs, which never override the caller.

use std::time::Duration;

use im_group_full::SdkAppId;
use im_group_full::rest::{InactivityPolicy, LimitRaise, MakeRoom, NotPlanned, Outcome, RestErrorKind, Spared, Step};
use im_group_full::testing::Callback;

use crate::canned::{Next, after, at, failed, info, look, read, silent};
use crate::stand_in::{Fault, Group};
use crate::world::{
    ADMIN, APP, DAY, GROUP, LOOK, NOW, RAISE, REMOVE, SECRET, World, accounts, api, for_event, full_group, policy,
    restored, saved, sorted, speak,
};

fn direct(free: u32) -> MakeRoom {
    MakeRoom::new(GROUP, policy(free))
}

fn plan_only(free: u32) -> MakeRoom {
    direct(free).plan_only()
}

#[test]
fn only_approved_accounts_are_removed() {
    let world = World::full("Public", 450);
    let mut run = world.done(plan_only(150));
    let approved: Vec<_> = accounts(&run, Outcome::Planned).into_iter().step_by(2).collect();
    run.approve(&approved).unwrap();
    // Hours later, in another process, some have spoken, and nobody takes their place.
    world.clock.advance(Duration::from_secs(DAY));
    world.with_group(|group| speak(group, approved.iter().step_by(5), NOW + DAY));
    let run = world.done(restored(&run, plan_only(150)));
    let gone: Vec<_> = approved.iter().enumerate().filter(|(i, _)| i % 5 > 0).map(|(_, name)| name.clone()).collect();
    assert_eq!(accounts(&run, Outcome::Removed), gone);
    assert_eq!(accounts(&run, Outcome::Stays(Spared::NotApproved)).len(), 75);
    assert_eq!(accounts(&run, Outcome::Stays(Spared::Active)).len(), 15);
    let sent = run.report().candidates().iter().filter(|one| one.removal_sent().is_some()).count();
    assert_eq!(sent, gone.len());
    assert_eq!((run.report().members(), run.report().free()), (450, u32::try_from(gone.len()).unwrap()));
}

#[test]
fn fewer_are_removed_if_fewer_slots_are_missing() {
    let world = World::full("Public", 450);
    let mut run = world.done(plan_only(150));
    world.with_group(|group| group.members.truncate(330));
    run.approve(accounts(&run, Outcome::Planned)).unwrap();
    world.done(run);
    assert_eq!((world.removed().len(), world.free()), (30, 150));
}

#[test]
fn all_or_nothing() {
    let world = World::full("Public", 450);
    let refused = |run: &mut MakeRoom, accounts: &[&str], expected: &str| {
        let result: Result<(), NotPlanned> = run.approve(accounts);
        assert_eq!(result.unwrap_err().to_string(), expected);
    };
    let no_plan = "the run has no finished plan";
    let mut run = plan_only(10);
    refused(&mut run, &["a"], no_plan);
    assert!(!run.awaits_approval());
    let mut run = world.done(plan_only(10));
    assert!(run.awaits_approval());
    let planned = accounts(&run, Outcome::Planned);
    let names: Vec<_> = planned.iter().map(String::as_str).collect();
    refused(&mut run, &[&names[..], &["bob"]].concat(), "`bob` is not in the plan");
    assert_eq!(accounts(&run, Outcome::Planned), names);
    refused(&mut run, &[], "no account was given, and the plan does not raise the limit");
    run.approve(&names[..1]).unwrap();
    refused(&mut run, &names[1..2], "the plan is already approved");
    assert!(!run.awaits_approval());
    let mut run = world.done(run);
    assert_eq!(world.removed(), names[..1]);
    refused(&mut run, &names[1..2], "the plan is already approved");
    let mut direct = world.done(direct(10));
    refused(&mut direct, &["a"], no_plan);
    assert!(!run.awaits_approval() && !direct.awaits_approval());
}

/// Both a plan and a run that is over end in `Step::Done`.
#[test]
fn plans_that_await_approval() {
    let cases = [
        // Whether one was silent, the limit, and whether the plan has an account, or a raise.
        (true, 4, policy(1), true),
        (true, 4, policy(1).raise_limit_to(5), true),
        (true, 4, policy(2).raise_limit_to(5), true),
        (false, 4, policy(1).raise_limit_to(5), true),
        // Nobody can go, or nobody has to.
        (false, 4, policy(1), false),
        (true, 5, policy(1), false),
        (true, 5, policy(1).raise_limit_to(5), false),
    ];
    for (number, (silent, limit, policy, awaits)) in cases.into_iter().enumerate() {
        let mut group = Group { limit, ..full_group("Public", 4) };
        for member in &mut group.members[usize::from(silent) + 2..] {
            member.last_send_msg_time = NOW;
        }
        let direct = MakeRoom::new(GROUP, policy);
        let plan_only = direct.clone().plan_only();
        let mut run = World::new(group).done(plan_only.clone());
        assert_eq!(run.awaits_approval(), awaits, "{number}");
        assert_eq!(restored(&run, plan_only).awaits_approval(), awaits, "{number}");
        // Without `plan_only`, it is carried out unapproved.
        assert!(!restored(&run, direct).awaits_approval(), "{number}");
        assert_eq!(run.approve(accounts(&run, Outcome::Planned)).is_ok(), awaits, "{number}");
    }
    // A raise can be approved even if the rest of the plan failed.
    let policy = InactivityPolicy::new(Duration::from_secs(DAY), 3).max_removed_percent(100).raise_limit_to(5);
    let mut run = MakeRoom::new(GROUP, policy).plan_only();
    assert!(matches!(World::full("Community", 4).finish(&mut run), Next::Failed(..)));
    assert!(run.awaits_approval());
}

/// An old saved run overrides neither a new protection nor `plan_only`.
#[test]
fn the_current_policy_and_options_apply() {
    let world = World::full("Public", 450);
    let mut old = direct(10);
    world.until(&mut old, LOOK);
    let names = accounts(&old, Outcome::Planned);
    let new = MakeRoom::new(GROUP, policy(10).protect(&names[0])).plan_only();
    let run = world.done(new.continue_from(saved(&old)).unwrap());
    assert!(world.removed().is_empty() && !accounts(&run, Outcome::Planned).contains(&names[0]));
    // With the same policy it continues, and goes back to its plan.
    let run = world.done(restored(&old, plan_only(10)));
    assert_eq!((&accounts(&run, Outcome::Planned), world.removed().len()), (&names, 0));
    // An unapproved plan waits on under `plan_only`, and is carried out without it.
    let mut waits = world.done(restored(&run, plan_only(10)));
    assert!(world.removed().is_empty());
    waits.approve(&names).unwrap();
    let run = world.done(restored(&run, direct(10)));
    assert_eq!(sorted(world.removed()), sorted(names));
    // Completed removals stay.
    let calls = world.calls();
    world.done(restored(&run, direct(10)));
    assert_eq!(world.calls(), calls);
}

#[test]
fn another_group_or_app_is_an_error() {
    let of_app = |app: u64| {
        let event = Callback::new(SdkAppId::new(app)).group_id(GROUP).event();
        MakeRoom::for_event(&event, policy(1)).unwrap()
    };
    let continued = |new: MakeRoom, old: &MakeRoom| new.continue_from(saved(old)).map_err(|error| error.to_string());
    let refused = |text: &str| Err(text.to_owned());
    let other_group = MakeRoom::new("other", policy(1));
    assert_eq!(continued(direct(1), &other_group), refused("the saved run is of the group `other`"));
    assert_eq!(continued(of_app(APP.get()), &of_app(7)), refused("the saved run is of the app 7"));
    assert!(continued(direct(1), &of_app(7)).is_ok());
    assert!(continued(of_app(APP.get()), &direct(1)).is_ok());
    // A run keeps the app of its calls.
    let mut old = direct(1);
    World::full("Public", 20).step(&mut old);
    assert_eq!(continued(of_app(7), &old), refused(&format!("the saved run is of the app {APP}")));
}

/// Group IDs can be the same in two apps.
#[test]
fn rest_api_of_another_app_fails_the_run() {
    let plan = World::full("Public", 20).expected(5);
    // Its admin is an ordinary member here, who is not spared because of it.
    let other = api(SdkAppId::new(999), &plan[0], SECRET);
    let text = format!("the run is for the app {APP}, and the `RestApi` for the app 999");
    let mismatch = failed(RestErrorKind::AppMismatch, &text);
    // The run knows its app from the event, or from its first call.
    for (new, first) in [(for_event(None, policy(5)), 0), (direct(5), 1)] {
        // Before each of the five calls, and at the end.
        for steps in first..=5 {
            let world = World::full("Public", 20);
            let mut run = new.clone();
            world.steps(&mut run, steps);
            let removed = world.removed();
            let step = run.step(&other, world.clock.now());
            assert_eq!(Next::from(&step), mismatch, "{steps}");
            assert!(matches!(step, Step::Failed(error) if error.retry_after().is_none()));
            assert_eq!((world.finish(&mut run), world.removed()), (mismatch.clone(), removed));
            run.resume();
            world.done(&mut run);
            assert_eq!(accounts(&run, Outcome::Removed), plan, "{steps}");
        }
    }
    assert_eq!((other.sdk_app_id().get(), other.admin()), (999, plan[0].as_str()));
}

/// Another policy starts over, and an unanswered removal counts as done until a look shows who is gone.
#[test]
fn another_policy_does_not_forget_what_was_sent() {
    for fault in [Fault::BreakBefore, Fault::BreakAfter] {
        let world = World::full("Public", 450);
        world.fault_on(REMOVE, fault);
        let mut old = direct(10);
        world.until(&mut old, REMOVE);
        world.no_faults();
        let sent = accounts(&old, Outcome::Unconfirmed);
        let run = direct(20).continue_from(saved(&old)).unwrap();
        assert_eq!(accounts(&run, Outcome::Unconfirmed), sent);
        let removed = accounts(&world.done(run), Outcome::Removed);
        assert!(world.free() <= 20, "{}", world.free());
        for account in sent {
            assert_eq!(removed.contains(&account), world.with_group(|group| !group.has(&account)));
        }
    }
}

/// Nor does it forget a removal on its way, or the app whose group it is.
#[test]
fn another_policy_does_not_forget_a_saved_call() {
    let members = silent(&["bob", "eve"]);
    let mut old = read(policy(2), "Public", &members);
    let removal = after(&mut old, at(NOW), &[look(&members[1..]), info("Public", 3)]);
    assert_eq!(removal.removal(), ["bob", "eve"]);
    for (free, other_app) in [(2, false), (2, true), (1, false), (1, true)] {
        let mut run = direct(free).continue_from(saved(&old)).unwrap();
        assert_eq!(accounts(&run, Outcome::Unconfirmed), ["bob", "eve"], "{free}");
        let api = api(SdkAppId::new(if other_app { 999 } else { APP.get() }), ADMIN, SECRET);
        let step = run.step(&api, at(NOW + 60));
        let error = if let Step::Failed(error) = step { Some(error.kind()) } else { None };
        assert_eq!(error, other_app.then_some(RestErrorKind::AppMismatch), "{free}");
    }
}

/// Inactivity is measured at the earlier of both events.
#[test]
fn the_earlier_event_counts() {
    let early = NOW - 10 * DAY;
    for (old, new) in [(early, NOW), (NOW, early)] {
        let mut group = full_group("Public", 20);
        // Ninety days inactive now, and eighty at the earlier event.
        group.members.iter_mut().for_each(|member| member.last_send_msg_time = NOW - 90 * DAY);
        group.members[3].last_send_msg_time = NOW - DAY;
        let world = World::new(group);
        let [old, new] = [old, new].map(|second| for_event(Some(second), policy(5)));
        world.done(new.continue_from(saved(&old)).unwrap());
        assert!(world.removed().is_empty());
    }
}

/// Even in the same process: a removal and a raise in flight are not forgotten.
#[test]
fn plan_only_during_a_call() {
    for (calls, command) in [(1, RAISE), (6, REMOVE)] {
        let world = World::full("Public", 30);
        let mut run = MakeRoom::new(GROUP, policy(5).raise_limit_to(32));
        world.steps(&mut run, calls);
        let Step::Send(sent) = run.step(&world.api, world.clock.now()) else { panic!("{:?}", run.report()) };
        assert!(sent.uri().path().ends_with(command), "{sent:?}");
        let mut run = run.plan_only();
        let (status, body) = world.stand_in.call(&sent).unwrap();
        run.response(status, &body, world.clock.now());
        if command == RAISE {
            assert_eq!(run.report().limit_raise(), Some(LimitRaise::Unconfirmed));
        } else {
            assert_eq!(accounts(&run, Outcome::Unconfirmed).len(), 3);
        }
        let run = world.done(run);
        assert_eq!(run.report().limit_raise(), Some(LimitRaise::Raised));
    }
}

/// An unanswered raise does not count as done because the new policy raises nothing.
#[test]
fn a_raise_of_another_policy_stays_open() {
    let world = World::full("Public", 30);
    world.fault_on(RAISE, Fault::BreakBefore);
    let mut old = MakeRoom::new(GROUP, policy(5).raise_limit_to(32));
    world.until(&mut old, RAISE);
    for (limit, expected) in [(31, LimitRaise::Unconfirmed), (32, LimitRaise::Raised)] {
        world.with_group(|group| group.limit = limit);
        let run = world.done(plan_only(4).continue_from(saved(&old)).unwrap());
        assert_eq!(run.report().limit_raise(), Some(expected), "{limit}");
    }
}

/// Members that a finished run did not need are planned again.
#[test]
fn a_run_that_is_done_goes_back_to_its_plan() {
    let world = World::full("Public", 450);
    let mut run = direct(10);
    world.until(&mut run, LOOK);
    let plan = accounts(&run, Outcome::Planned);
    world.with_group(|group| {
        let others = group.members.iter().map(|member| member.account.clone());
        let others: Vec<_> = others.filter(|account| !plan.contains(account)).take(7).collect();
        group.remove(&others);
    });
    world.done(&mut run);
    assert_eq!(accounts(&run, Outcome::Removed), plan[..3]);
    assert_eq!(accounts(&run, Outcome::Stays(Spared::NotNeeded)), plan[3..]);
    assert_eq!(accounts(&restored(&run, plan_only(10)), Outcome::Planned), plan[3..]);
}

/// A removal from before the approval, which got no answer, is not sent again.
#[test]
fn an_approval_does_not_cover_earlier_removals() {
    let world = World::full("Public", 450);
    world.fault_on(REMOVE, Fault::BreakBefore);
    let mut run = direct(150);
    world.until(&mut run, REMOVE);
    world.no_faults();
    let mut run = restored(&run, plan_only(150));
    let planned = accounts(&run, Outcome::Planned);
    assert_eq!((planned.len(), accounts(&run, Outcome::Unconfirmed).len()), (50, 100));
    run.approve(&planned[..5]).unwrap();
    world.done(&mut run);
    assert_eq!(world.removed().len(), 5);
    assert_eq!(accounts(&run, Outcome::Removed), planned[..5]);
}
