//! A worker stops, and another one continues its saved run.

use std::time::Duration;

use http::StatusCode;
use im_group_full::rest::{MakeRoom, Outcome, RestErrorKind, SavedRun, Step};

use crate::stand_in::Fault;
use crate::world::{Came, DAY, FREE, GROUP, NOW, World, accounts, expected, full_group, groups, policy, restored};

fn run() -> MakeRoom {
    MakeRoom::new(GROUP, policy(FREE).protect("u00011"))
}

/// Calls that a run takes.
const CALLS: usize = 9;

#[track_caller]
fn saved_and_restored(old: &MakeRoom) -> MakeRoom {
    restored(old, run())
}

#[track_caller]
fn assert_removed(world: &World, run: &MakeRoom, expected: &[String]) {
    assert_eq!(accounts(run, Outcome::Removed), expected);
    let (mut removed, mut expected) = (world.removed(), expected.to_vec());
    removed.sort();
    expected.sort();
    assert_eq!(removed, expected);
}

/// Saved after each step and after each answer.
#[test]
fn between_any_two_steps() {
    for group in groups() {
        let expected = expected(&group, &["u00011"], FREE as usize);
        let world = World::new(group);
        let mut run = run();
        let mut sent = 0;
        loop {
            run = saved_and_restored(&run);
            world.clock.advance(Duration::from_millis(10));
            let Step::Send(request) = run.step(&world.api, world.clock.now()) else { break };
            let (status, body) = world.send(&request).unwrap();
            run.response(status, &body, world.clock.now());
            sent += 1;
        }
        assert_eq!(sent, CALLS);
        assert_removed(&world, &run, &expected);
    }
}

/// The worker saves, sends, and ends before it sees the answer.
#[test]
fn lost_answer() {
    for group in groups() {
        let expected = expected(&group, &["u00011"], FREE as usize);
        for position in 0..CALLS {
            let world = World::new(group.clone());
            let mut run = run();
            (0..position).for_each(|_| drop(world.step(&mut run)));
            let Step::Send(request) = run.step(&world.api, world.clock.now()) else { panic!("{:?}", run.report()) };
            let mut restored = saved_and_restored(&run);
            world.send(&request).unwrap();
            assert_eq!(world.finish(&mut restored), Came::Done);
            assert_removed(&world, &restored, &expected);
        }
    }
}

/// Candidates speak while no worker runs: those not yet removed stay.
#[test]
fn stopped_for_a_day_anywhere() {
    for group in groups() {
        let plan = expected(&group, &["u00011"], FREE as usize);
        for position in 0..CALLS {
            let world = World::new(group.clone());
            let mut run = run();
            (0..position).for_each(|_| drop(world.step(&mut run)));
            let removed_before = world.removed();
            world.clock.advance(Duration::from_secs(DAY));
            let spoke: Vec<_> = plan.iter().step_by(7).cloned().collect();
            world.with_group(|group| {
                for account in &spoke {
                    if let Some(member) = group.find(account) {
                        member.last_send_msg_time = NOW + DAY;
                    }
                }
            });
            let mut restored = saved_and_restored(&run);
            assert_eq!(world.finish(&mut restored), Came::Done);
            for account in world.removed() {
                assert!(!spoke.contains(&account) || removed_before.contains(&account), "{account} at {position}");
            }
            assert!(world.removed().len() <= FREE as usize);
        }
    }
}

/// Answers are so slow that the data is outdated before any removal.
#[test]
fn too_slow_to_remove_anybody() {
    let world = World::new(full_group("Public", 210));
    let clock = world.clock.clone();
    world.stand_in.on_call(move |_, _| {
        clock.advance(Duration::from_secs(31));
        Fault::None
    });
    let mut run = run();
    assert_eq!(world.finish(&mut run), Came::Failed("responses arrived too late to act on".to_owned()));
    assert_eq!((world.count("delete_group_member"), world.removed()), (0, Vec::new()));
    let Step::Failed(error) = run.step(&world.api, world.clock.now()) else { panic!("{run:?}") };
    assert_eq!((error.kind(), error.code(), error.info()), (RestErrorKind::TooSlow, None, None));
    world.stand_in.on_call(|_, _| Fault::None);
    let mut restored = saved_and_restored(&run);
    restored.resume();
    assert_eq!(world.finish(&mut restored), Came::Done);
    assert_eq!(world.removed().len(), FREE as usize);
}

fn continued(saved: serde_json::Value) -> MakeRoom {
    run().continue_from(serde_json::from_value(saved).unwrap()).unwrap()
}

/// No saved run causes a panic.
#[test]
fn saved_run_that_was_tampered_with() {
    let world = World::new(full_group("Public", 210));
    let mut run = run();
    // As far as the first removal.
    (0..6).for_each(|_| drop(world.step(&mut run)));
    let saved = serde_json::to_value(&run).unwrap();
    let mut many_failures = saved.clone();
    many_failures["retry"]["failures"] = u32::MAX.into();
    many_failures["calls"] = u32::MAX.into();
    assert!(matches!(
        continued(many_failures.clone()).step(&world.api, world.clock.now()),
        Step::Failed(error) if error.kind() == RestErrorKind::TooManyCalls
    ));
    many_failures["calls"] = 0.into();
    many_failures["round"]["looked"] = 0.into();
    many_failures["round"]["to_remove"] = serde_json::json!([0]);
    for phase in ["Count", "Look", "Delete"] {
        many_failures["phase"] = phase.into();
        let mut run = continued(many_failures.clone());
        assert!(matches!(run.step(&world.api, world.clock.now()), Step::Send(_)));
        run.no_response(world.clock.now());
        assert!(matches!(run.step(&world.api, world.clock.now()), Step::Failed(_)), "{phase}");
    }
    let mut answered_when_done = saved.clone();
    answered_when_done["phase"] = "Done".into();
    answered_when_done["sent"] = true.into();
    let mut done = continued(answered_when_done);
    done.response(StatusCode::OK, b"{}", world.clock.now());
    assert_eq!(world.finish(&mut done), Came::Done);
    for (field, value) in [("end", u64::MAX), ("looked", u64::MAX), ("end", 0), ("looked", 0)] {
        for phase in ["Look", "LookOnline", "Count", "Delete", "Done"] {
            let mut tampered = saved.clone();
            tampered["round"][field] = value.into();
            tampered["round"]["to_remove"] = serde_json::json!([0, u64::MAX, 3]);
            tampered["round"]["candidates"] = serde_json::json!([0, u64::MAX, 3]);
            tampered["phase"] = phase.into();
            let mut run = continued(tampered);
            let came = world.finish(&mut run);
            assert!(matches!(came, Came::Done | Came::Failed(_)), "{field} {phase}: {came:?}");
        }
    }
}

/// The version is checked first, wherever it is, and no key is ignored.
#[test]
fn saved_run_of_another_version() {
    let saved = serde_json::to_string(&run()).unwrap();
    assert!(saved.starts_with(r#"{"version":2,"app":"#), "{saved}");
    let cases = [
        (saved.replacen("2,", "3,\"new\":[],", 1), "expected a run saved as version 2, found 3"),
        (saved.replacen("\"version\":2,", "", 1), "expected a run saved as version 2, found none"),
        (saved.replacen("2,", "2,\"dry_run\":true,", 1), "unknown field `dry_run`"),
        (saved.replacen("\"plan_only\"", "\"plan-only\"", 1), "unknown field `plan-only`"),
        (saved.replacen("\"free\"", "\"protect\":[],\"free\"", 1), "unknown field `protect`"),
        ("[1]".to_owned(), "invalid type: sequence, expected a map"),
    ];
    for (json, expected) in cases {
        let error = serde_json::from_str::<SavedRun>(&json).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}");
    }
    let moved = format!("{{{},\"version\":2}}", &saved.replacen("\"version\":2,", "", 1)[1..saved.len() - 13]);
    assert_eq!(serde_json::from_str::<SavedRun>(&moved).unwrap(), serde_json::from_str(&saved).unwrap());
}

/// A look from the future does not count.
#[test]
fn saved_run_with_a_look_from_the_future() {
    let world = World::new(full_group("Public", 210));
    let mut run = run();
    // As far as the first removal.
    (0..6).for_each(|_| drop(world.step(&mut run)));
    let mut saved = serde_json::to_value(&run).unwrap();
    for (later, next) in [(0, "delete_group_member"), (1, "get_specified_group_member_info")] {
        let secs = saved["clock"]["seen"]["secs"].as_u64().unwrap();
        saved["round"]["looked_at"]["secs"] = (secs + later).into();
        let mut run = continued(saved.clone());
        let Step::Send(request) = run.step(&world.api, world.clock.now()) else { panic!("{run:?}") };
        assert!(request.uri().path().ends_with(next), "{later}: {}", request.uri().path());
    }
}
