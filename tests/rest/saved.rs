//! A worker stops, and another one continues its saved run.

use std::time::Duration;

use http::StatusCode;
use im_group_full::rest::{MakeRoom, RestErrorKind, SavedRun, Step};
use serde_json::{Value, json};

use crate::canned::{Next, failed};
use crate::world::{
    CALLS, DAY, FREE, GROUP, LOOK, NOW, REMOVE, World, assert_removed, expected, policy, restored, speak, worlds,
    worlds_of_each_call,
};

fn run() -> MakeRoom {
    MakeRoom::new(GROUP, policy(110).protect("u00011"))
}

fn plan(world: &World) -> Vec<String> {
    world.with_group(|group| expected(group, &["u00011"], FREE))
}

/// Saved after each step and after each answer.
#[test]
fn between_any_two_steps() {
    for world in worlds() {
        let expected = plan(&world);
        let mut old = run();
        while !world.is_done(&mut old) && world.calls() <= CALLS {
            old = restored(&old, run());
        }
        assert_eq!(world.calls(), CALLS);
        assert_removed(&world, &old, &expected, "");
    }
}

/// The worker saves, sends, and ends before it sees the answer.
#[test]
fn lost_answer() {
    for (position, world) in worlds_of_each_call() {
        let expected = plan(&world);
        let mut old = run();
        world.steps(&mut old, position);
        let Step::Send(request) = old.step(&world.api, world.clock.now()) else { panic!("{:?}", old.report()) };
        let new = restored(&old, run());
        world.stand_in.call(&request).unwrap();
        assert_removed(&world, &world.done(new), &expected, &format!("at {position}"));
    }
}

/// Candidates speak while no worker runs: those not yet removed stay.
#[test]
fn stopped_for_a_day_anywhere() {
    for (position, world) in worlds_of_each_call() {
        let spoke: Vec<_> = plan(&world).into_iter().step_by(7).collect();
        let mut old = run();
        world.steps(&mut old, position);
        let removed_before = world.removed();
        world.clock.advance(Duration::from_secs(DAY));
        world.with_group(|group| speak(group, &spoke, NOW + DAY));
        world.done(restored(&old, run()));
        for account in world.removed() {
            assert!(!spoke.contains(&account) || removed_before.contains(&account), "{account} at {position}");
        }
        assert!(world.removed().len() <= FREE);
    }
}

/// Answers are so slow that the data is outdated before any removal. However slow, the run ends.
#[test]
fn too_slow_to_remove_anybody() {
    // From the count on, or from the first look on.
    for first in [0, 3] {
        let world = World::full("Public", 210);
        let clock = world.clock.clone();
        world.before_calls(move |call, _| {
            if call.number >= first {
                clock.advance(Duration::from_secs(31));
            }
        });
        let mut old = run();
        assert_eq!(world.finish(&mut old), failed(RestErrorKind::TooSlow, "responses arrived too late to act on"));
        assert_eq!((world.calls(), world.count(REMOVE), world.removed()), (18, 0, Vec::new()));
        let Step::Failed(error) = old.step(&world.api, world.clock.now()) else { panic!("{old:?}") };
        assert_eq!((error.code(), error.info()), (None, None));
        world.no_faults();
        let mut new = restored(&old, run());
        new.resume();
        world.done(new);
        assert_eq!(world.removed().len(), FREE);
    }
}

/// A world whose run has got as far as the first removal, and the saved run.
fn before_the_first_removal() -> (World, Value) {
    let world = World::full("Public", 210);
    let mut run = run();
    world.steps(&mut run, 6);
    (world, serde_json::to_value(&run).unwrap())
}

/// Continues a saved run in which the values at some JSON pointers were changed.
fn tampered(saved: &Value, changes: &[(&str, Value)]) -> MakeRoom {
    let mut saved = saved.clone();
    for (pointer, value) in changes {
        *saved.pointer_mut(pointer).unwrap() = value.clone();
    }
    run().continue_from(serde_json::from_value(saved).unwrap()).unwrap()
}

/// No saved run causes a panic.
#[test]
fn saved_run_that_was_tampered_with() {
    let (world, saved) = before_the_first_removal();
    let now = || world.clock.now();
    let many = json!(u32::MAX);
    let mut run = tampered(&saved, &[("/retry/failures", many.clone()), ("/calls", many.clone())]);
    assert_eq!(world.step(&mut run).kind(), RestErrorKind::TooManyCalls);
    for phase in ["Count", "Look", "Delete"] {
        let round = [("/round/looked", json!(0)), ("/round/to_remove", json!([0]))];
        let changes = [&[("/retry/failures", many.clone()), ("/phase", json!(phase))], &round[..]].concat();
        let mut run = tampered(&saved, &changes);
        assert!(matches!(run.step(&world.api, now()), Step::Send(_)));
        run.no_response(now());
        assert!(matches!(run.step(&world.api, now()), Step::Failed(_)), "{phase}");
    }
    let mut done = tampered(&saved, &[("/phase", json!("Done")), ("/sent", json!(true))]);
    done.response(StatusCode::OK, b"{}", now());
    world.done(done);
    let numbers = json!([0, u64::MAX, 3]);
    for field in ["/round/end", "/round/looked"] {
        for (value, phase) in [u64::MAX, 0]
            .into_iter()
            .flat_map(|value| ["Look", "LookOnline", "Count", "Delete", "Done"].map(|phase| (value, phase)))
        {
            let round = [("/round/to_remove", numbers.clone()), ("/round/candidates", numbers.clone())];
            let changes = [&[(field, json!(value)), ("/phase", json!(phase))], &round[..]].concat();
            let end = world.finish(&mut tampered(&saved, &changes));
            assert!(matches!(end, Next::Done | Next::Failed(..)), "{field} {phase}: {end:?}");
        }
    }
}

/// A look from the future does not count.
#[test]
fn saved_run_with_a_look_from_the_future() {
    let (world, saved) = before_the_first_removal();
    let seen = saved["clock"]["seen"]["secs"].as_u64().unwrap();
    for (later, next) in [(0, REMOVE), (1, LOOK)] {
        let mut run = tampered(&saved, &[("/round/looked_at/secs", json!(seen + later))]);
        assert_eq!(Next::from(&run.step(&world.api, world.clock.now())).command(), next, "{later}");
    }
}

/// The version is checked first, wherever it is, and no key is ignored.
#[test]
fn saved_run_of_another_version() {
    let saved = serde_json::to_string(&run()).unwrap();
    assert!(saved.starts_with(r#"{"version":2,"app":"#), "{saved}");
    let replaced = |from: &str, to: &str| saved.replacen(from, to, 1);
    let cases = [
        (replaced("2,", "3,\"new\":[],"), "expected a run saved as version 2, found 3"),
        (replaced("\"version\":2,", ""), "expected a run saved as version 2, found none"),
        (replaced("2,", "2,\"dry_run\":true,"), "unknown field `dry_run`"),
        (replaced("\"plan_only\"", "\"plan-only\""), "unknown field `plan-only`"),
        (replaced("\"free\"", "\"protect\":[],\"free\""), "unknown field `protect`"),
        ("[1]".to_owned(), "invalid type: sequence, expected a map"),
    ];
    for (json, expected) in cases {
        let error = serde_json::from_str::<SavedRun>(&json).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}");
    }
    let moved = replaced("\"version\":2,", "");
    let moved = format!("{},\"version\":2}}", moved.strip_suffix('}').unwrap());
    assert_eq!(serde_json::from_str::<SavedRun>(&moved).unwrap(), serde_json::from_str(&saved).unwrap());
}
