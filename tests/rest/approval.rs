//! Approved plans, and saved runs, which never override the caller.

use std::time::Duration;

use im_group_full::rest::{InactivityPolicy, LimitRaise, MakeRoom, Outcome, RestErrorKind, SavedRun, Spared, Step};
use im_group_full::testing::Callback;

use crate::stand_in::Fault;
use crate::world::{APP, Came, DAY, GROUP, NOW, SECRET, World, accounts, api, expected, full_group, policy, restored};

fn plan(world: &World, policy: InactivityPolicy) -> MakeRoom {
    let mut run = MakeRoom::new(GROUP, policy).plan_only();
    assert_eq!(world.finish(&mut run), Came::Done);
    run
}

fn saved(run: &MakeRoom) -> SavedRun {
    serde_json::from_str(&serde_json::to_string(run).unwrap()).unwrap()
}

#[test]
fn only_approved_accounts_are_removed() {
    let world = World::new(full_group("Public", 450));
    let mut run = plan(&world, policy(150));
    let names = accounts(&run, Outcome::Planned);
    let approved: Vec<_> = names.iter().step_by(2).cloned().collect();
    run.approve(&approved).unwrap();
    // Hours later, in another process, some have spoken, and nobody takes their place.
    world.clock.advance(Duration::from_secs(DAY));
    world.with_group(|group| {
        for account in approved.iter().step_by(5) {
            group.find(account).unwrap().last_send_msg_time = NOW + DAY;
        }
    });
    let mut run = restored(&run, MakeRoom::new(GROUP, policy(150)).plan_only());
    assert_eq!(world.finish(&mut run), Came::Done);
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
    let world = World::new(full_group("Public", 450));
    let mut run = plan(&world, policy(150));
    let names = accounts(&run, Outcome::Planned);
    world.with_group(|group| group.members.truncate(330));
    run.approve(&names).unwrap();
    assert_eq!(world.finish(&mut run), Came::Done);
    assert_eq!(world.removed().len(), 30);
    assert_eq!(world.with_group(|group| group.limit - group.members.len()), 150);
}

#[test]
fn all_or_nothing() {
    let world = World::new(full_group("Public", 450));
    let mut run = MakeRoom::new(GROUP, policy(10)).plan_only();
    let text = |result: Result<(), im_group_full::rest::NotPlanned>| result.unwrap_err().to_string();
    assert_eq!(text(run.approve(["a"])), "the run has no finished plan");
    assert!(!run.awaits_approval());
    let mut run = plan(&world, policy(10));
    assert!(run.awaits_approval());
    let names = accounts(&run, Outcome::Planned);
    assert_eq!(text(run.approve(names.iter().map(String::as_str).chain(["bob"]))), "`bob` is not in the plan");
    assert_eq!(accounts(&run, Outcome::Planned), names);
    assert_eq!(text(run.approve::<&str>([])), "no account was given, and the plan does not raise the limit");
    run.approve(&names[..1]).unwrap();
    assert_eq!(text(run.approve(&names[1..2])), "the plan is already approved");
    assert!(!run.awaits_approval());
    assert_eq!(world.finish(&mut run), Came::Done);
    assert_eq!(world.removed(), names[..1]);
    assert_eq!(text(run.approve(&names[1..2])), "the plan is already approved");
    let mut direct = MakeRoom::new(GROUP, policy(10));
    assert_eq!(world.finish(&mut direct), Came::Done);
    assert_eq!(text(direct.approve(["a"])), "the run has no finished plan");
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
        let mut group = full_group("Public", 4);
        group.limit = limit;
        for member in &mut group.members[usize::from(silent) + 2..] {
            member.last_send_msg_time = NOW;
        }
        let world = World::new(group);
        let mut run = plan(&world, policy.clone());
        assert_eq!(run.awaits_approval(), awaits, "{number}");
        let waits = restored(&run, MakeRoom::new(GROUP, policy.clone()).plan_only());
        assert_eq!(waits.awaits_approval(), awaits, "{number}");
        // Without `plan_only`, it is carried out unapproved.
        assert!(!restored(&run, MakeRoom::new(GROUP, policy.clone())).awaits_approval(), "{number}");
        let planned = accounts(&run, Outcome::Planned);
        assert_eq!(run.approve(&planned).is_ok(), awaits, "{number}");
    }
    // A raise can be approved even if the rest of the plan failed.
    let mut group = full_group("Community", 4);
    group.members.truncate(4);
    let world = World::new(group);
    let policy = InactivityPolicy::new(Duration::from_secs(DAY), 3).max_removed_percent(100).raise_limit_to(5);
    let mut run = MakeRoom::new(GROUP, policy).plan_only();
    assert!(matches!(world.finish(&mut run), Came::Failed(_)));
    assert!(run.awaits_approval());
}

/// An old saved run overrides neither a new protection nor `plan_only`.
#[test]
fn the_current_policy_and_options_apply() {
    let world = World::new(full_group("Public", 450));
    let mut old = MakeRoom::new(GROUP, policy(10));
    while world.count("get_specified_group_member_info") == 0 {
        world.step(&mut old);
    }
    let names = accounts(&old, Outcome::Planned);
    let new = MakeRoom::new(GROUP, policy(10).protect(&names[0])).plan_only();
    let mut run = new.continue_from(saved(&old)).unwrap();
    assert_eq!(world.finish(&mut run), Came::Done);
    assert!(world.removed().is_empty() && !accounts(&run, Outcome::Planned).contains(&names[0]));
    // With the same policy it continues, and goes back to its plan.
    let mut run = restored(&old, MakeRoom::new(GROUP, policy(10)).plan_only());
    assert_eq!(world.finish(&mut run), Came::Done);
    assert_eq!((accounts(&run, Outcome::Planned), world.removed().len()), (names.clone(), 0));
    // An unapproved plan waits on under `plan_only`, and is carried out without it.
    let mut waits = restored(&run, MakeRoom::new(GROUP, policy(10)).plan_only());
    assert_eq!((world.finish(&mut waits), world.removed().len()), (Came::Done, 0));
    waits.approve(&names).unwrap();
    let mut run = restored(&run, MakeRoom::new(GROUP, policy(10)));
    assert_eq!(world.finish(&mut run), Came::Done);
    let mut removed = world.removed();
    let mut sorted = names;
    removed.sort();
    sorted.sort();
    assert_eq!(removed, sorted);
    // Completed removals stay.
    let calls = world.stand_in.with(|vendor| vendor.calls.len());
    let mut run = restored(&run, MakeRoom::new(GROUP, policy(10)));
    assert_eq!(world.finish(&mut run), Came::Done);
    assert_eq!(world.stand_in.with(|vendor| vendor.calls.len()), calls);
}

#[test]
fn another_group_or_app_is_an_error() {
    let old = MakeRoom::new("other", policy(1));
    let error = MakeRoom::new(GROUP, policy(1)).continue_from(saved(&old)).unwrap_err();
    assert_eq!(error.to_string(), "the saved run is of the group `other`");
    let event = |app: u64| Callback::new(im_group_full::SdkAppId::new(app)).group_id(GROUP).event();
    let old = MakeRoom::for_event(&event(7), policy(1)).unwrap();
    let new = || MakeRoom::for_event(&event(APP.get()), policy(1)).unwrap();
    assert_eq!(new().continue_from(saved(&old)).unwrap_err().to_string(), "the saved run is of the app 7");
    assert!(MakeRoom::new(GROUP, policy(1)).continue_from(saved(&old)).is_ok());
    assert!(new().continue_from(saved(&MakeRoom::new(GROUP, policy(1)))).is_ok());
    // A run keeps the app of its calls.
    let world = World::new(full_group("Public", 20));
    let mut old = MakeRoom::new(GROUP, policy(1));
    world.step(&mut old);
    let other = MakeRoom::for_event(&event(7), policy(1)).unwrap();
    let text = format!("the saved run is of the app {APP}");
    assert_eq!(other.continue_from(saved(&old)).unwrap_err().to_string(), text);
}

/// Group IDs can be the same in two apps.
#[test]
fn rest_api_of_another_app_fails_the_run() {
    let group = full_group("Public", 20);
    let plan = expected(&group, &[], 5);
    // Its admin is an ordinary member here, who is not spared because of it.
    let other = api(im_group_full::SdkAppId::new(999), &plan[0], SECRET);
    let event = Callback::new(APP).group_id(GROUP).event();
    let text = format!("the run is for the app {APP}, and the `RestApi` for the app 999");
    // The run knows its app from the event, or from its first call.
    for (new, first) in [(MakeRoom::for_event(&event, policy(5)).unwrap(), 0), (MakeRoom::new(GROUP, policy(5)), 1)] {
        // Before each of the five calls, and at the end.
        for steps in first..=5 {
            let world = World::new(group.clone());
            let mut run = new.clone();
            (0..steps).for_each(|_| drop(world.step(&mut run)));
            let removed = world.removed();
            let Step::Failed(error) = run.step(&other, world.clock.now()) else {
                panic!("{steps}: {:?}", run.report())
            };
            assert_eq!((error.kind(), error.to_string()), (RestErrorKind::AppMismatch, text.clone()), "{steps}");
            assert_eq!(error.retry_after(), None);
            assert_eq!((world.finish(&mut run), world.removed()), (Came::Failed(text.clone()), removed));
            run.resume();
            assert_eq!(
                (world.finish(&mut run), accounts(&run, Outcome::Removed)),
                (Came::Done, plan.clone()),
                "{steps}"
            );
        }
    }
    assert_eq!((other.sdk_app_id().get(), other.admin()), (999, plan[0].as_str()));
}

/// Another policy starts over, and an unanswered removal counts as done until a look shows who is gone.
#[test]
fn another_policy_does_not_forget_what_was_sent() {
    for carried_out in [false, true] {
        let world = World::new(full_group("Public", 450));
        let fault = if carried_out { Fault::BreakAfter } else { Fault::BreakBefore };
        world.stand_in.on_call(move |call, _| if call.command == "delete_group_member" { fault } else { Fault::None });
        let mut old = MakeRoom::new(GROUP, policy(10));
        while world.count("delete_group_member") == 0 {
            world.step(&mut old);
        }
        world.stand_in.on_call(|_, _| Fault::None);
        let sent = accounts(&old, Outcome::Unconfirmed);
        let mut run = MakeRoom::new(GROUP, policy(20)).continue_from(saved(&old)).unwrap();
        assert_eq!(accounts(&run, Outcome::Unconfirmed), sent);
        assert_eq!(world.finish(&mut run), Came::Done);
        let free = world.with_group(|group| group.limit - group.members.len());
        assert!(free <= 20, "{free}");
        for account in sent {
            assert_eq!(
                accounts(&run, Outcome::Removed).contains(&account),
                world.with_group(|group| !group.has(&account))
            );
        }
    }
}

/// Inactivity is measured at the earlier of both events.
#[test]
fn the_earlier_event_counts() {
    let at = |millis: u64| Callback::new(APP).group_id(GROUP).event_time_millis(millis).event();
    let early = (NOW - 10 * DAY) * 1000;
    for (old, new) in [(early, NOW * 1000), (NOW * 1000, early)] {
        let mut group = full_group("Public", 20);
        // Ninety days inactive now, and eighty at the earlier event.
        group.members.iter_mut().for_each(|member| member.last_send_msg_time = NOW - 90 * DAY);
        group.members[3].last_send_msg_time = NOW - DAY;
        let world = World::new(group);
        let old = MakeRoom::for_event(&at(old), policy(5)).unwrap();
        let mut run = MakeRoom::for_event(&at(new), policy(5)).unwrap().continue_from(saved(&old)).unwrap();
        assert_eq!(world.finish(&mut run), Came::Done);
        assert!(world.removed().is_empty());
    }
}

/// Even in the same process: a removal and a raise in flight are not forgotten.
#[test]
fn plan_only_during_a_call() {
    let world = World::new(full_group("Public", 30));
    for (command, outcome) in [("modify_group_base_info", None), ("delete_group_member", Some(Outcome::Unconfirmed))] {
        let mut run = MakeRoom::new(GROUP, policy(5).raise_limit_to(32));
        world.with_group(|group| group.limit = 30);
        let sent = loop {
            let Step::Send(request) = run.step(&world.api, world.clock.now()) else { panic!("{:?}", run.report()) };
            if request.uri().path().ends_with(command) {
                break request;
            }
            let (status, body) = world.send(&request).unwrap();
            world.clock.advance(Duration::from_millis(10));
            run.response(status, &body, world.clock.now());
        };
        let mut run = run.plan_only();
        let (status, body) = world.send(&sent).unwrap();
        run.response(status, &body, world.clock.now());
        match outcome {
            Some(outcome) => assert_eq!(accounts(&run, outcome).len(), 3),
            None => assert_eq!(run.report().limit_raise(), Some(LimitRaise::Unconfirmed)),
        }
        assert_eq!(world.finish(&mut run), Came::Done);
        assert_eq!(run.report().limit_raise(), Some(LimitRaise::Raised));
    }
}

/// An unanswered raise does not count as done because the new policy raises nothing.
#[test]
fn a_raise_of_another_policy_stays_open() {
    let world = World::new(full_group("Public", 30));
    world.stand_in.on_call(|call, _| match call.command.as_str() {
        "modify_group_base_info" => Fault::BreakBefore,
        _ => Fault::None,
    });
    let mut old = MakeRoom::new(GROUP, policy(5).raise_limit_to(32));
    while world.count("modify_group_base_info") == 0 {
        world.step(&mut old);
    }
    for (limit, expected) in [(31, LimitRaise::Unconfirmed), (32, LimitRaise::Raised)] {
        world.with_group(|group| group.limit = limit);
        let mut run = MakeRoom::new(GROUP, policy(4)).plan_only().continue_from(saved(&old)).unwrap();
        assert_eq!(world.finish(&mut run), Came::Done);
        assert_eq!(run.report().limit_raise(), Some(expected), "{limit}");
    }
}

/// Members that a finished run did not need are planned again.
#[test]
fn a_run_that_is_done_goes_back_to_its_plan() {
    let world = World::new(full_group("Public", 450));
    let mut run = MakeRoom::new(GROUP, policy(10));
    while world.count("get_specified_group_member_info") == 0 {
        world.step(&mut run);
    }
    let plan = accounts(&run, Outcome::Planned);
    world.with_group(|group| {
        let others = group.members.iter().map(|member| member.account.clone());
        let others: Vec<_> = others.filter(|account| !plan.contains(account)).take(7).collect();
        group.remove(&others);
    });
    assert_eq!(world.finish(&mut run), Came::Done);
    assert_eq!(accounts(&run, Outcome::Removed), plan[..3]);
    assert_eq!(accounts(&run, Outcome::Stays(Spared::NotNeeded)), plan[3..]);
    let run = restored(&run, MakeRoom::new(GROUP, policy(10)).plan_only());
    assert_eq!(accounts(&run, Outcome::Planned), plan[3..]);
}

/// A removal from before the approval, which got no answer, is not sent again.
#[test]
fn an_approval_does_not_cover_earlier_removals() {
    let world = World::new(full_group("Public", 450));
    let lost = |call: &crate::stand_in::Call| call.command == "delete_group_member";
    world.stand_in.on_call(move |call, _| if lost(call) { Fault::BreakBefore } else { Fault::None });
    let mut run = MakeRoom::new(GROUP, policy(150));
    while world.count("delete_group_member") == 0 {
        world.step(&mut run);
    }
    world.stand_in.on_call(|_, _| Fault::None);
    let mut run = restored(&run, MakeRoom::new(GROUP, policy(150)).plan_only());
    let planned = accounts(&run, Outcome::Planned);
    assert_eq!((planned.len(), accounts(&run, Outcome::Unconfirmed).len()), (50, 100));
    run.approve(&planned[..5]).unwrap();
    assert_eq!(world.finish(&mut run), Came::Done);
    assert_eq!(world.removed().len(), 5);
    assert_eq!(accounts(&run, Outcome::Removed), planned[..5]);
}
