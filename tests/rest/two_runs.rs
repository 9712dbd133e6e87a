//! Two workers on one group at once: together they remove the members that one of them would remove alone.

use std::time::Duration;

use im_group_full::rest::{InactivityPolicy, MakeRoom, Outcome, Step};

use crate::stand_in::Fault;
use crate::world::{Came, FREE, GROUP, NOW, World, accounts, expected, full_group, group_of, groups, policy, run};

/// How many calls a run takes alone.
const CALLS: usize = 9;

#[track_caller]
fn assert_together(world: &World, runs: &[MakeRoom], expected: &[String], context: &str) {
    let sorted = |mut accounts: Vec<String>| {
        accounts.sort();
        accounts
    };
    assert_eq!(sorted(world.removed()), sorted(expected.to_vec()), "{context}");
    let mut reported: Vec<_> = runs.iter().flat_map(|run| accounts(run, Outcome::Removed)).collect();
    reported.sort();
    reported.dedup();
    assert_eq!(reported, sorted(expected.to_vec()), "{context}");
    for run in runs {
        let removed = accounts(run, Outcome::Removed);
        assert!(removed.len() <= FREE as usize && removed.iter().all(|account| expected.contains(account)));
    }
}

/// The first run makes some calls, then the second; then the first finishes, then the second.
#[test]
fn interleaved_at_every_two_positions() {
    for group in groups() {
        let expected = expected(&group, &[], FREE as usize);
        let alone = World::new(group.clone());
        assert_eq!(alone.finish(&mut run()), Came::Done);
        assert_eq!(alone.stand_in.with(|vendor| vendor.calls.len()), CALLS);
        for (first, second) in (0..=CALLS).flat_map(|first| (0..=CALLS).map(move |second| (first, second))) {
            let world = World::new(group.clone());
            let mut runs = [run(), run()];
            for (run, steps) in runs.iter_mut().zip([first, second]) {
                (0..steps).for_each(|_| drop(world.step(run)));
            }
            for run in &mut runs {
                assert_eq!(world.finish(run), Came::Done);
            }
            assert_together(&world, &runs, &expected, &format!("{first} {second}"));
        }
    }
}

/// In turn, with one of them ahead.
#[test]
fn interleaved_call_by_call() {
    for group in groups() {
        let expected = expected(&group, &[], FREE as usize);
        for ahead in 0..=CALLS {
            for turns in [[1, 1], [2, 1], [1, 2], [3, 1]] {
                let world = World::new(group.clone());
                let mut runs = [run(), run()];
                (0..ahead).for_each(|_| drop(world.step(&mut runs[0])));
                let mut done = [false, false];
                while done != [true, true] {
                    for i in 0..2 {
                        for _ in 0..turns[i] {
                            done[i] = world.step(&mut runs[i]) == Came::Done;
                        }
                    }
                }
                assert_together(&world, &runs, &expected, &format!("{ahead} ahead, {turns:?}"));
            }
        }
    }
}

/// Interleaved by the scheduler.
#[test]
fn at_the_same_time() {
    for group in groups() {
        let expected = expected(&group, &[], FREE as usize);
        let world = World::new(group);
        let mut runs = [run(), run(), run(), run()];
        std::thread::scope(|scope| {
            for run in &mut runs {
                scope.spawn(|| assert_eq!(world.finish(run), Came::Done));
            }
        });
        assert_together(&world, &runs, &expected, "four threads");
    }
}

/// Candidates speak between the two scans, so that the runs plan differently. Only a removal that one run had
/// decided on before the other began can be added.
#[test]
fn with_different_plans() {
    for group in groups() {
        let first_plan = expected(&group, &[], FREE as usize);
        for (steps, position) in (0..=CALLS).flat_map(|steps| (0..=CALLS).map(move |position| (steps, position))) {
            let world = World::new(group.clone());
            let speak = first_plan.clone();
            world.stand_in.on_call(move |call, vendor| {
                if call.number == position {
                    for account in speak.iter().step_by(5) {
                        if let Some(member) = group_of(vendor).find(account) {
                            member.last_send_msg_time = NOW;
                        }
                    }
                }
                Fault::None
            });
            let mut runs = [run(), run()];
            (0..steps).for_each(|_| drop(world.step(&mut runs[0])));
            let mut first = runs[0].clone();
            let next = first.step(&world.api, world.clock.now());
            let decided = matches!(&next, Step::Send(request) if request.uri().path().ends_with("delete_group_member"));
            for run in runs.iter_mut().rev() {
                assert_eq!(world.finish(run), Came::Done);
            }
            let free = world.with_group(|group| group.limit - group.members.len());
            let most = FREE as usize + if decided { 100 } else { 0 };
            assert!(free <= most, "{steps} {position}: {free} free");
        }
    }
}

/// The vendor's API cannot prevent this: both runs see missing slots and remove different members. The
/// documented bound is reached, and not exceeded.
#[test]
fn the_one_race_that_is_left() {
    let mut group = full_group("Public", 420);
    let plan = expected(&group, &[], 200);
    let world = World::new(group.clone());
    // The two plans share nobody: each policy protects the other's candidates.
    let protect = |accounts: &[String]| accounts.iter().fold(policy(100), InactivityPolicy::protect);
    let mut runs = [MakeRoom::new(GROUP, protect(&plan[100..])), MakeRoom::new(GROUP, protect(&plan[..100]))];
    // All calls but the removal: a count, three pages, two looks, another count.
    for run in &mut runs {
        (0..7).for_each(|_| drop(world.step(run)));
        assert_eq!(world.count("delete_group_member"), 0);
    }
    for run in &mut runs {
        assert_eq!(world.finish(run), Came::Done);
    }
    assert_eq!(world.count("delete_group_member"), 2);
    let mut removed = world.removed();
    removed.sort();
    let mut both = plan;
    both.sort();
    assert_eq!(removed, both);
    group.remove(&removed);
    assert_eq!(group.limit - group.members.len(), 200);
}

/// A second run that begins long after the first stopped frees the rest.
#[test]
fn one_stops_and_a_new_one_finishes() {
    for group in groups() {
        let expected = expected(&group, &[], FREE as usize);
        for steps in 0..=CALLS {
            let world = World::new(group.clone());
            let mut runs = [run(), run()];
            (0..steps).for_each(|_| drop(world.step(&mut runs[0])));
            world.clock.advance(Duration::from_secs(600));
            assert_eq!(world.finish(&mut runs[1]), Came::Done);
            assert_together(&world, &runs, &expected, &format!("{steps}"));
        }
    }
}
