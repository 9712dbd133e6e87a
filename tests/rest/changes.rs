//! The group changes during a run, at every position.

use std::sync::mpsc;
use std::time::Duration;

use im_group_full::rest::{InactivityPolicy, MakeRoom, Outcome, RestErrorKind, Spared, Step};

use crate::stand_in::{Fault, Group, Member};
use crate::world::{
    Came, FREE, GROUP, NOW, World, accounts, anybody, assert_exact, calls, expected, full_group, group_of, groups,
    policy, run,
};

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
                matches!(run.step(&world.api, world.clock.now()), Step::Failed(error) if error.kind() == RestErrorKind::GroupGone),
                "{position}"
            );
            assert_exact(&world, &run);
        }
    }
}

/// What happens to a member, and its reported outcome.
type Change = (Outcome, fn(&mut Group, &str));

const CHANGES: [Change; 4] = [
    (Outcome::Stays(Spared::Active), |group, account| group.find(account).unwrap().last_send_msg_time = NOW),
    (Outcome::Stays(Spared::Active), |group, account| group.find(account).unwrap().join_time = NOW),
    (Outcome::Stays(Spared::Role), |group, account| group.find(account).unwrap().role = "Admin"),
    (Outcome::Left, |group, account| group.members.retain(|member| member.account != account)),
];

/// Members who spoke, were promoted, rejoined or left before their last look stay or are `Left`; later
/// changes cannot be seen.
#[test]
fn members_change_while_it_runs() {
    for group in groups() {
        let plan = expected(&group, &[], FREE as usize);
        // In the first look, in the second, and in the second removal.
        for index in [0, 60, 105] {
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
                        // Changed before it was read, so it is not in the plan.
                        None => assert!(hit && !world.removed().contains(&account), "{context}"),
                    }
                    let free = world.with_group(|group| group.limit - group.members.len());
                    assert!(free <= FREE as usize, "{context}: {free} free");
                }
            }
        }
    }
}

/// Others leave by themselves: their slots need not be freed, unless they leave after the last count.
#[test]
fn others_leave_while_it_runs() {
    for mut group in groups() {
        let others: Vec<_> = (0..10).map(|i| format!("zz{i}")).collect();
        for account in &others {
            group.members.push(Member::new(account, NOW, NOW));
        }
        group.limit += 10;
        for position in 0..calls(&group) {
            let world = World::new(group.clone());
            let leave = others.clone();
            world.stand_in.on_call(move |call, vendor| {
                if call.number == position {
                    group_of(vendor).remove(&leave);
                }
                Fault::None
            });
            let mut run = run();
            assert_eq!(world.finish(&mut run), Came::Done);
            let free = world.with_group(|group| group.limit - group.members.len());
            let unseen = if world.last_call("get_group_info") >= position { 0 } else { others.len() };
            assert_eq!(free, FREE as usize + unseen, "at {position}");
            assert_exact(&world, &run);
        }
    }
}

/// Reading backwards, no page loses a member because others leave.
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
    let mut run = MakeRoom::new(GROUP, policy(500)).plan_only();
    assert_eq!(world.finish(&mut run), Came::Done);
    let planned = accounts(&run, Outcome::Planned);
    let missed: Vec<_> = plan.iter().filter(|account| !planned.contains(account) && !leave.contains(account)).collect();
    assert_eq!(missed, [""; 0]);
}

/// The policy is so short that a member who has just spoken is inactive again.
#[test]
fn a_member_who_speaks_after_the_plan_stays_under_any_policy() {
    let world = World::new(full_group("Public", 20));
    world.stand_in.on_call(|call, vendor| {
        if call.command == "get_specified_group_member_info" {
            group_of(vendor).find("u00002").unwrap().last_send_msg_time = NOW - 1;
        }
        Fault::None
    });
    let mut run = MakeRoom::new(GROUP, anybody(InactivityPolicy::new(Duration::from_secs(86_400), 18)));
    assert_eq!(world.finish(&mut run), Came::Done);
    assert_eq!(accounts(&run, Outcome::Stays(Spared::Active)), ["u00002"]);
    assert_eq!(world.removed().len(), 17);
    assert_exact(&world, &run);
}

/// Once the number of members changes during a scan, the run counts before every removal.
#[test]
fn group_that_changes_is_counted_before_every_removal() {
    for mut group in groups() {
        let others: Vec<_> = (0..8).map(|i| format!("zz{i}")).collect();
        group.members.extend(others.iter().map(|account| Member::new(account.as_str(), NOW, NOW)));
        group.limit += others.len();
        let world = World::new(group);
        world.stand_in.on_call(move |call, vendor| {
            match call.command.as_str() {
                "get_group_member_info" => drop(group_of(vendor).remove(&others[..1])),
                "delete_group_member" => drop(group_of(vendor).remove(&others[1..])),
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
