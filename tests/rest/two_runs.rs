//! Two workers on one group at once: together they remove the members that one of them would remove alone.

use std::time::Duration;

use im_group_full::rest::{InactivityPolicy, MakeRoom, Outcome};

use crate::canned::Next;
use crate::world::{CALLS, FREE, GROUP, NOW, REMOVE, World, accounts, policy, run, sorted, speak, worlds};

#[track_caller]
fn assert_together(world: &World, runs: &[MakeRoom], expected: &[String], context: &str) {
    let expected = sorted(expected.to_vec());
    assert_eq!(sorted(world.removed()), expected, "{context}");
    let mut reported = Vec::new();
    for run in runs {
        let removed = accounts(run, Outcome::Removed);
        assert!(removed.len() <= FREE);
        reported.extend(removed);
    }
    reported.sort();
    reported.dedup();
    assert_eq!(reported, expected, "{context}");
}

/// Every two numbers of calls.
fn every_two() -> impl Iterator<Item = (usize, usize)> {
    (0..=CALLS).flat_map(|first| (0..=CALLS).map(move |second| (first, second)))
}

/// The first run makes some calls, then the second; then the first finishes, then the second.
#[test]
fn interleaved_at_every_two_positions() {
    for (first, second) in every_two() {
        for world in worlds() {
            let expected = world.expected(FREE);
            let mut runs = [run(), run()];
            world.steps(&mut runs[0], first);
            world.steps(&mut runs[1], second);
            let runs = runs.map(|run| world.done(run));
            assert_together(&world, &runs, &expected, &format!("{first} {second}"));
        }
    }
}

/// In turn, two or four of them, with one of them ahead.
#[test]
fn interleaved_call_by_call() {
    let turns: [&[usize]; 5] = [&[1, 1], &[2, 1], &[1, 2], &[3, 1], &[1, 1, 1, 1]];
    for (ahead, turns) in (0..=CALLS).flat_map(|ahead| turns.map(|turns| (ahead, turns))) {
        for world in worlds() {
            let expected = world.expected(FREE);
            let mut runs: Vec<_> = turns.iter().map(|_| run()).collect();
            world.steps(&mut runs[0], ahead);
            let mut done = vec![false; runs.len()];
            while done.contains(&false) {
                for (i, number) in turns.iter().enumerate() {
                    (0..*number).for_each(|_| done[i] = world.is_done(&mut runs[i]));
                }
            }
            assert_together(&world, &runs, &expected, &format!("{ahead} ahead, {turns:?}"));
        }
    }
}

/// Candidates speak between the two scans, so that the runs plan differently. Only a removal that one run had
/// decided on before the other began can be added.
#[test]
fn with_different_plans() {
    for (steps, position) in every_two() {
        for world in worlds() {
            let who = world.expected(FREE);
            world.before_call(position, move |group| speak(group, who.iter().step_by(5), NOW));
            let (mut first, second) = (run(), run());
            world.steps(&mut first, steps);
            let next = Next::from(&first.clone().step(&world.api, world.clock.now()));
            let decided = matches!(next, Next::Call(command, _) if command == REMOVE);
            world.done(second);
            world.done(first);
            let most = FREE + if decided { 100 } else { 0 };
            assert!(world.free() <= most, "{steps} {position}: {} free", world.free());
        }
    }
}

/// The vendor's API cannot prevent this: both runs see missing slots and remove different members. The
/// documented bound is reached, and not exceeded.
#[test]
fn the_one_race_that_is_left() {
    let world = World::full("Public", 420);
    let plan = world.expected(200);
    // The two plans share nobody: each policy protects the other's candidates.
    let protect = |accounts: &[String]| accounts.iter().fold(policy(100), InactivityPolicy::protect);
    let mut runs = [&plan[100..], &plan[..100]].map(|accounts| MakeRoom::new(GROUP, protect(accounts)));
    // All calls but the removal: a count, three pages, two looks, another count.
    for run in &mut runs {
        world.steps(run, 7);
        assert_eq!(world.count(REMOVE), 0);
    }
    for run in &mut runs {
        world.done(run);
    }
    assert_eq!(world.count(REMOVE), 2);
    assert_eq!(sorted(world.removed()), sorted(plan));
    assert_eq!(world.free(), 200);
}

/// A second run that begins long after the first stopped frees the rest.
#[test]
fn one_stops_and_a_new_one_finishes() {
    for steps in 0..=CALLS {
        for world in worlds() {
            let expected = world.expected(FREE);
            let mut stopped = run();
            world.steps(&mut stopped, steps);
            world.clock.advance(Duration::from_secs(600));
            let second = world.done(run());
            assert_together(&world, &[stopped, second], &expected, &format!("{steps}"));
        }
    }
}
