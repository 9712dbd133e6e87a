//! The group changes during a run, at every position.

use std::sync::mpsc;

use im_group_full::rest::{MakeRoom, Outcome, RestErrorKind, Spared};

use crate::canned::{a_day, failed};
use crate::stand_in::{Call, Group, Member};
use crate::world::{
    COUNT, FREE, GROUP, LOOK, NOW, PAGE, REMOVE, World, accounts, assert_exact, group_of, policy, run, worlds,
    worlds_of_each_call,
};

#[test]
fn group_that_is_dissolved() {
    for (position, world) in worlds_of_each_call() {
        world.before_calls(move |call, vendor| {
            if call.number == position {
                vendor.groups.clear();
            }
        });
        let mut run = run();
        let gone = failed(RestErrorKind::GroupGone, "the vendor answered 10010: no such group");
        assert_eq!(world.finish(&mut run), gone, "{position}");
        assert_exact(&world, &run);
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
    // In the first look, in the second, and in the second removal.
    for (index, (outcome, change)) in [0, 60, 105].into_iter().flat_map(|index| CHANGES.map(|change| (index, change))) {
        for (position, world) in worlds_of_each_call() {
            let (account, happened) = (world.expected(FREE)[index].clone(), mpsc::channel());
            let who = account.clone();
            world.before_call(position, move |group| {
                if group.has(&who) {
                    change(group, &who);
                    happened.0.send(()).unwrap();
                }
            });
            let run = world.done(run());
            let hit = happened.1.try_recv().is_ok();
            let looks = |call: &Call| call.body["Member_List_Account"].to_string().contains(&account);
            let looked_later = world.stand_in.with(|vendor| vendor.calls.iter().skip(position).any(looks));
            let planned = run.report().candidates().iter().find(|one| one.member().account() == account);
            let context = format!("{account} {outcome:?} at {position}: {planned:?}");
            match planned {
                Some(planned) => {
                    let expected = if hit && looked_later { outcome } else { Outcome::Removed };
                    assert_eq!(planned.outcome(), expected, "{context}");
                }
                // Changed before it was read, so it is not in the plan.
                None => assert!(hit && !world.removed().contains(&account), "{context}"),
            }
            assert!(world.free() <= FREE, "{context}: {} free", world.free());
        }
    }
}

/// Adds members who were active, and returns them.
fn join(world: &World, number: usize) -> Vec<String> {
    let others: Vec<_> = (0..number).map(|i| format!("zz{i}")).collect();
    world.with_group(|group| {
        group.members.extend(others.iter().map(|account| Member::new(account, NOW, NOW)));
        group.limit += number;
    });
    others
}

/// Others leave by themselves: their slots need not be freed, unless they leave after the last count.
#[test]
fn others_leave_while_it_runs() {
    for (position, world) in worlds_of_each_call() {
        let others = join(&world, 10);
        world.before_call(position, move |group| drop(group.remove(&others)));
        let run = world.done(run());
        let counts = |call: &Call| call.command == COUNT;
        let seen = world.stand_in.with(|vendor| vendor.calls.iter().skip(position).any(counts));
        assert_eq!(world.free(), FREE + if seen { 0 } else { 10 }, "at {position}");
        assert_exact(&world, &run);
    }
}

/// Reading backwards, no page loses a member because others leave.
#[test]
fn leaving_hides_nobody() {
    let world = World::full("Public", 1000);
    let leave: Vec<_> = (0..50).map(|i| format!("u{:05}", i * 20)).collect();
    let mut expected = world.expected(500);
    expected.retain(|account| !leave.contains(account));
    world.before_calls(move |call, vendor| {
        if call.command == PAGE {
            let some: Vec<_> = leave.iter().skip(call.number * 7).take(7).cloned().collect();
            group_of(vendor).remove(&some);
        }
    });
    let run = world.done(MakeRoom::new(GROUP, policy(500)).plan_only());
    let planned = accounts(&run, Outcome::Planned);
    expected.retain(|account| !planned.contains(account));
    assert_eq!(expected, [""; 0], "missed");
}

/// The policy is so short that a member who has just spoken is inactive again.
#[test]
fn a_member_who_speaks_after_the_plan_stays_under_any_policy() {
    let world = World::full("Public", 20);
    world.before_calls(|call, vendor| {
        if call.command == LOOK {
            group_of(vendor).find("u00002").unwrap().last_send_msg_time = NOW - 1;
        }
    });
    let run = world.done(MakeRoom::new(GROUP, a_day(18)));
    assert_eq!(accounts(&run, Outcome::Stays(Spared::Active)), ["u00002"]);
    assert_eq!(world.removed().len(), 17);
    assert_exact(&world, &run);
}

/// Once the number of members changes during a scan, the run counts before every removal.
#[test]
fn group_that_changes_is_counted_before_every_removal() {
    for world in worlds() {
        let others = join(&world, 8);
        world.before_calls(move |call, vendor| match call.command.as_str() {
            PAGE => drop(group_of(vendor).remove(&others[..1])),
            REMOVE => drop(group_of(vendor).remove(&others[1..])),
            _ => {}
        });
        let run = world.done(run());
        assert_eq!(world.free(), FREE);
        assert_eq!((world.count(COUNT), world.count(REMOVE)), (3, 2));
        assert_exact(&world, &run);
    }
}
