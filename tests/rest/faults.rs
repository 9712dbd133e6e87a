//! What goes wrong, at every position of a run: through the real client and the stand-in.

use std::collections::BTreeSet;
use std::sync::mpsc;
use std::time::Duration;

use im_group_full::rest::{InactivityPolicy, MakeRoom, Outcome, Step};

use crate::stand_in::{Fault, Group, Member};
use crate::world::{Came, GROUP, NOW, World, accounts, expected, full_group, group_of, policy};

const FREE: u32 = 150;

/// Several pages, two removals, and looks of one and of two calls.
fn groups() -> [Group; 2] {
    [full_group("Public", 450), full_group("Community", 450)]
}

fn run() -> MakeRoom {
    MakeRoom::new(GROUP, policy(FREE))
}

fn sorted(mut accounts: Vec<String>) -> Vec<String> {
    accounts.sort();
    accounts
}

/// How many calls a run takes when nothing goes wrong.
fn calls(group: &Group) -> usize {
    let world = World::new(group.clone());
    assert_eq!(world.finish(&mut run()), Came::Done);
    world.stand_in.with(|vendor| vendor.calls.len())
}

/// Everybody whom the stand-in removed, and nobody else, is `Removed` in the report, and nobody is there twice.
#[track_caller]
fn assert_exact(world: &World, run: &MakeRoom) {
    assert_eq!(sorted(accounts(run, Outcome::Removed)), sorted(world.removed()));
    assert_eq!(accounts(run, Outcome::Unconfirmed), [""; 0]);
}

#[test]
fn one_fault_at_any_position_changes_nothing() {
    let faults = [
        Fault::BreakBefore,
        Fault::BreakAfter,
        Fault::Status(500),
        Fault::StatusAfter(500),
        Fault::NotJson,
        Fault::Code(10002),
        Fault::Code(10006),
        Fault::Code(70001),
    ];
    for group in groups() {
        let expected = expected(&group, &[], FREE as usize);
        let calls = calls(&group);
        assert_eq!(calls, 10);
        for fault in faults {
            for position in 0..calls {
                let world = World::new(group.clone());
                world.stand_in.on_call(move |call, _| if call.number == position { fault } else { Fault::None });
                let mut run = run();
                assert_eq!(world.finish(&mut run), Came::Done, "{fault:?} at {position}");
                assert_eq!(accounts(&run, Outcome::Removed), expected, "{fault:?} at {position}");
                assert_exact(&world, &run);
            }
        }
    }
}

#[test]
fn what_is_not_worth_repeating_stops_the_run_and_it_goes_on_later() {
    let codes = [(10004, "10004"), (10007, "10007"), (10010, "10010"), (70003, "70003"), (70013, "70013")];
    for group in groups() {
        let expected = expected(&group, &[], FREE as usize);
        for position in 0..calls(&group) {
            for (code, text) in codes {
                let world = World::new(group.clone());
                let fault = Fault::Code(code);
                world.stand_in.on_call(move |call, _| if call.number == position { fault } else { Fault::None });
                let mut run = run();
                let failed = Came::Failed(format!("the vendor answered {text}: as the test wants it"));
                assert_eq!(world.finish(&mut run), failed);
                assert_eq!(world.step(&mut run), failed);
                assert_exact(&world, &run);
                run.resume();
                assert_eq!(world.finish(&mut run), Came::Done);
                assert_eq!(accounts(&run, Outcome::Removed), expected);
                assert_exact(&world, &run);
            }
        }
    }
}

#[test]
fn removals_that_are_carried_out_but_never_answered() {
    for fault in [Fault::BreakAfter, Fault::StatusAfter(502), Fault::NotJson] {
        let group = full_group("Public", 450);
        let expected = expected(&group, &[], FREE as usize);
        let world = World::new(group);
        world.stand_in.on_call(move |call, _| match call.command.as_str() {
            "delete_group_member" => fault,
            _ => Fault::None,
        });
        let mut run = run();
        assert_eq!(world.finish(&mut run), Came::Done);
        assert_eq!(accounts(&run, Outcome::Removed), expected);
        assert_exact(&world, &run);
        assert_eq!(world.count("delete_group_member"), 2);
    }
}

#[test]
fn removals_that_never_arrive() {
    let group = full_group("Public", 450);
    let expected = expected(&group, &[], FREE as usize);
    let world = World::new(group);
    world.stand_in.on_call(|call, _| match call.command.as_str() {
        "delete_group_member" => Fault::BreakBefore,
        _ => Fault::None,
    });
    let mut run = run();
    assert_eq!(world.finish(&mut run), Came::Failed("no response".to_owned()));
    assert_eq!((world.count("delete_group_member"), world.removed().len()), (5, 0));
    // Nobody knows yet, so nobody is said to be removed.
    assert_eq!(accounts(&run, Outcome::Unconfirmed), expected[..100]);
    assert_eq!(accounts(&run, Outcome::Removed), [""; 0]);
    world.stand_in.on_call(|_, _| Fault::None);
    run.resume();
    assert_eq!(world.finish(&mut run), Came::Done);
    assert_eq!(accounts(&run, Outcome::Removed), expected);
    assert_exact(&world, &run);
}

#[test]
fn too_many_calls_in_a_second() {
    let group = full_group("Community", 20_000);
    let expected = expected(&group, &[], FREE as usize);
    let world = World::new(group);
    world.stand_in.with(|vendor| vendor.calls_per_second = 30);
    let mut run = run();
    let mut waits = BTreeSet::new();
    loop {
        match world.step(&mut run) {
            Came::Sent(_) => {}
            Came::Waited(time) => drop(waits.insert(time)),
            Came::Done => break,
            Came::Failed(error) => panic!("{error}"),
        }
    }
    assert_eq!(waits, BTreeSet::from([Duration::from_secs(1)]));
    assert_eq!(accounts(&run, Outcome::Removed), expected);
    assert_exact(&world, &run);
}

#[test]
fn credential_that_expires_on_its_way() {
    let group = full_group("Public", 450);
    let expected = expected(&group, &[], FREE as usize);
    let calls = calls(&group);
    for position in 0..calls {
        let world = World::new(group.clone());
        let clock = world.clock.clone();
        // The call arrives two hours after it was built; its credential lasts for one.
        world.stand_in.on_call(move |call, _| {
            if call.number == position {
                clock.advance(Duration::from_secs(7200));
            }
            Fault::None
        });
        let mut run = run();
        assert_eq!(world.finish(&mut run), Came::Done);
        assert!(world.stand_in.with(|vendor| vendor.calls.len()) > calls, "nothing was repeated");
        assert_eq!(accounts(&run, Outcome::Removed), expected);
        assert_exact(&world, &run);
    }
}

#[test]
fn clock_that_is_wrong_ends_the_run() {
    let world = World::new(full_group("Public", 450));
    let mut run = run();
    let mut sent = 0;
    let late = world.clock.now() - Duration::from_secs(3600);
    let error = loop {
        match run.step(&world.api, late) {
            Step::Send(request) => {
                let (status, body) = world.send(request).unwrap();
                run.response(status, &body, late);
                sent += 1;
            }
            Step::Wait(time) => panic!("waited {time:?}: a new credential can be had at once"),
            Step::Done(report) => panic!("{report:?}"),
            Step::Failed(error) => break error.clone(),
        }
    };
    assert_eq!((sent, error.to_string().as_str()), (5, "the vendor answered 70001: usersig expired"));
    assert!(error.is_credential_expired());
}

#[test]
fn group_that_is_dissolved() {
    for group in groups() {
        for position in 0..calls(&group) {
            let world = World::new(group.clone());
            world.stand_in.on_call(move |call, vendor| {
                if call.number == position {
                    vendor.groups.clear();
                }
                Fault::None
            });
            let mut run = run();
            assert_eq!(world.finish(&mut run), Came::Failed("the vendor answered 10010: no such group".to_owned()));
            assert!(
                matches!(run.step(&world.api, world.clock.now()), Step::Failed(error) if error.is_group_gone()),
                "{position}"
            );
            assert_exact(&world, &run);
        }
    }
}

/// What happens to a member, and what is then reported.
type Change = (Outcome, fn(&mut Group, &str));

const CHANGES: [Change; 4] = [
    (Outcome::Active, |group, account| group.find(account).unwrap().last_send_msg_time = NOW),
    (Outcome::Active, |group, account| group.find(account).unwrap().join_time = NOW),
    (Outcome::Promoted, |group, account| group.find(account).unwrap().role = "Admin"),
    (Outcome::Left, |group, account| group.members.retain(|member| member.account != account)),
];

/// Who spoke, was promoted, joined anew or left before its last look stays or is `Left`; nobody can help the others.
#[test]
fn members_change_while_it_runs() {
    for group in groups() {
        let plan = expected(&group, &[], FREE as usize);
        // In the first look, in the second, and in the second removal.
        for index in [0, 60, 120] {
            for position in 0..calls(&group) {
                for (outcome, change) in CHANGES {
                    let world = World::new(group.clone());
                    let (account, happened) = (plan[index].clone(), mpsc::channel());
                    let who = account.clone();
                    world.stand_in.on_call(move |call, vendor| {
                        if call.number == position && group_of(vendor).has(&who) {
                            change(group_of(vendor), &who);
                            happened.0.send(()).unwrap();
                        }
                        Fault::None
                    });
                    let mut run = run();
                    assert_eq!(world.finish(&mut run), Came::Done);
                    let hit = happened.1.try_recv().is_ok();
                    let looked_later = world.looks_at(&account, position);
                    let planned = run.report().candidates().iter().find(|c| c.member().account() == account);
                    let context = format!("{account} {outcome:?} at {position}: {planned:?}");
                    match planned {
                        Some(planned) if hit && looked_later => assert_eq!(planned.outcome(), outcome, "{context}"),
                        Some(planned) => assert_eq!(planned.outcome(), Outcome::Removed, "{context}"),
                        // Changed before it was read, so that it is not in the plan at all.
                        None => assert!(hit && !world.removed().contains(&account), "{context}"),
                    }
                    let free = world.with_group(|group| group.limit - group.members.len());
                    assert!(free <= FREE as usize, "{context}: {free} free");
                }
            }
        }
    }
}

/// Others leave by themselves: what they free need not be freed, unless they leave after it was asked for the last time.
#[test]
fn strangers_leave_while_it_runs() {
    for mut group in groups() {
        let strangers: Vec<_> = (0..10).map(|i| format!("zz{i}")).collect();
        for account in &strangers {
            group.members.push(Member::new(account, NOW, NOW));
        }
        group.limit += 10;
        for position in 0..calls(&group) {
            let world = World::new(group.clone());
            let leave = strangers.clone();
            world.stand_in.on_call(move |call, vendor| {
                if call.number == position {
                    group_of(vendor).remove(&leave);
                }
                Fault::None
            });
            let mut run = run();
            assert_eq!(world.finish(&mut run), Came::Done);
            let free = world.with_group(|group| group.limit - group.members.len());
            let unseen = if world.last_call("get_group_info") >= position { 0 } else { strangers.len() };
            assert_eq!(free, FREE as usize + unseen, "at {position}");
            assert_exact(&world, &run);
        }
    }
}

/// Reading backwards, a page never loses anybody because others leave.
#[test]
fn leaving_hides_nobody() {
    let group = full_group("Public", 1000);
    let plan = expected(&group, &[], 500);
    let world = World::new(group);
    let leave: Vec<_> = (0..50).map(|i| format!("u{:05}", i * 20)).collect();
    let all = leave.clone();
    world.stand_in.on_call(move |call, vendor| {
        if call.command == "get_group_member_info" {
            let some: Vec<_> = all.iter().skip(call.number * 7).take(7).cloned().collect();
            group_of(vendor).remove(&some);
        }
        Fault::None
    });
    let mut run = MakeRoom::new(GROUP, policy(500)).dry_run();
    assert_eq!(world.finish(&mut run), Came::Done);
    let planned = accounts(&run, Outcome::Planned);
    let missed: Vec<_> = plan.iter().filter(|account| !planned.contains(account) && !leave.contains(account)).collect();
    assert_eq!(missed, [""; 0]);
}

/// With a policy so short that who has just spoken is inactive again.
#[test]
fn who_speaks_after_the_plan_stays_whatever_the_policy() {
    let world = World::new(full_group("Public", 20));
    world.stand_in.on_call(|call, vendor| {
        if call.command == "get_specified_group_member_info" {
            group_of(vendor).find("u00002").unwrap().last_send_msg_time = NOW - 1;
        }
        Fault::None
    });
    let mut run = MakeRoom::new(GROUP, InactivityPolicy::new(Duration::ZERO, 18));
    assert_eq!(world.finish(&mut run), Came::Done);
    assert_eq!(accounts(&run, Outcome::Active), ["u00002"]);
    assert_eq!(world.removed().len(), 17);
    assert_exact(&world, &run);
}

/// Once the number of members has changed under a scan, it is asked before every removal.
#[test]
fn group_that_changes_is_counted_before_every_removal() {
    for mut group in groups() {
        let strangers: Vec<_> = (0..11).map(|i| format!("zz{i:02}")).collect();
        group.members.extend(strangers.iter().map(|account| Member::new(account.as_str(), NOW, NOW)));
        group.limit += strangers.len();
        let world = World::new(group);
        world.stand_in.on_call(move |call, vendor| {
            match call.command.as_str() {
                "get_group_member_info" => drop(group_of(vendor).remove(&strangers[..1])),
                "delete_group_member" => drop(group_of(vendor).remove(&strangers[1..])),
                _ => {}
            }
            Fault::None
        });
        let mut run = run();
        assert_eq!(world.finish(&mut run), Came::Done);
        assert_eq!(world.with_group(|group| group.limit - group.members.len()), FREE as usize);
        assert_eq!((world.count("get_group_info"), world.count("delete_group_member")), (3, 2));
        assert_exact(&world, &run);
    }
}
