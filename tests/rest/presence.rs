//! Members stay if they are online, or if the vendor does not say that they are offline.

use std::time::Duration;

use http::StatusCode;
use im_group_full::rest::{
    InactivityPolicy, MakeRoom, OnlineStatus, Outcome, QueryOnlineStatus, RestErrorKind, Spared, Step,
};
use serde_json::{Value, json};

use crate::canned::{Next, answer, api, at, failed, info, look, member, page, wants, with};
use crate::stand_in::Fault;
use crate::world::{ASK, GROUP, INACTIVE, LOOK, NOW, REMOVE, World, accounts, assert_removed};

fn policy(free: u32) -> InactivityPolicy {
    InactivityPolicy::new(Duration::from_secs(INACTIVE), free).max_removed_percent(100).trust_silence()
}

fn run(free: u32) -> MakeRoom {
    MakeRoom::new(GROUP, policy(free))
}

fn set_state(world: &World, accounts: &[String], state: &'static str) {
    world.with_group(|group| accounts.iter().for_each(|account| group.find(account).unwrap().state = state));
}

#[test]
fn online_members_stay_and_the_next_are_removed() {
    for (kind, members) in [("Public", 450), ("Community", 3000)] {
        let world = World::full(kind, members);
        let plan = world.expected(members);
        let each_third = |first: usize| plan.iter().skip(first).step_by(3).cloned().collect::<Vec<_>>();
        set_state(&world, &each_third(0), "Online");
        set_state(&world, &each_third(1), "PushOnline");
        let run = world.done(run(20));
        assert_eq!(accounts(&run, Outcome::Removed), each_third(2)[..20]);
        assert!(world.count(ASK) <= 9, "{}", world.count(ASK));
    }
}

/// One call asks about 500, and the plan has more.
#[test]
fn presence_is_asked_for_every_planned_member() {
    let world = World::full("Community", 2000);
    let plan = world.expected(700);
    set_state(&world, &plan[500..560], "Online");
    let run = world.done(run(600).plan_only());
    assert_eq!(accounts(&run, Outcome::Planned), [&plan[..500], &plan[560..660]].concat());
    assert_eq!(world.count(ASK), 2);
}

/// A group whose silent members are all online ends, with nobody removed.
#[test]
fn everybody_is_online() {
    let world = World::full("Community", 4000);
    world.with_group(|group| group.members.iter_mut().for_each(|member| member.state = "Online"));
    let silent = world.expected(4000).len();
    let run = world.done(run(50));
    assert_eq!((world.removed().len(), run.report().candidates().len()), (0, 0));
    let online = run.report().spared().find(|(why, _)| *why == Spared::Online);
    assert_eq!(online, Some((Spared::Online, u32::try_from(silent).unwrap())));
    assert_eq!(world.count(ASK), silent.div_ceil(500));
}

/// A member comes online after the plan was made.
#[test]
fn presence_is_asked_again_before_each_removal() {
    let world = World::full("Public", 450);
    let mut run = run(150);
    world.until(&mut run, LOOK);
    let online: Vec<_> = accounts(&run, Outcome::Planned).into_iter().step_by(3).collect();
    set_state(&world, &online, "PushOnline");
    world.done(&mut run);
    assert_eq!((world.removed().len(), accounts(&run, Outcome::Stays(Spared::Online))), (100, online));
    // Once for the plan, and once for each removal.
    assert_eq!((world.count(ASK), world.count(REMOVE)), (3, 2));
}

#[test]
fn a_refusal_fails_the_run_and_names_the_way_out() {
    let world = World::full("Public", 450);
    world.stand_in.with(|vendor| vendor.tells_who_is_online = false);
    let mut refused = run(150);
    let text = "the vendor did not say who is online, but answered 72001: not switched on; \
                to go on without it, set `InactivityPolicy::ignore_online_status`";
    assert_eq!(world.finish(&mut refused), failed(RestErrorKind::Other, text));
    assert!(world.removed().is_empty());
    let Step::Failed(error) = refused.step(&world.api, world.clock.now()) else { panic!() };
    assert_eq!(error.code(), Some(72001));
    world.done(MakeRoom::new(GROUP, policy(150).ignore_online_status()));
    assert_eq!((world.removed().len(), world.count(ASK)), (150, 1));
}

/// The call breaks once, at the plan and before a removal: nothing changes.
#[test]
fn faults_while_asking_for_presence() {
    for fault in [Fault::BreakBefore, Fault::Status(502), Fault::NotJson, Fault::Code(10006), Fault::Code(60008)] {
        for position in 1..=3 {
            let world = World::full("Public", 450);
            let plan = world.expected(150);
            let mut asked = 0;
            world.stand_in.on_call(move |call, _| {
                asked += usize::from(call.command == ASK);
                if call.command == ASK && asked == position { fault } else { Fault::None }
            });
            let run = world.done(run(150));
            assert_removed(&world, &run, &plan, &format!("{fault:?}"));
        }
    }
}

/// What the vendor says about bob, and his outcome before the removal; at the plan, the same decides who is planned.
#[test]
fn states() {
    let (unclear, online) = (Outcome::Stays(Spared::Unclear), Outcome::Stays(Spared::Online));
    let state = |account: &str, state: &str| json!({ "To_Account": account, "State": state });
    let bob = |told: &str| state("bob", told);
    let unknown = json!({ "To_Account": "bob", "ErrorCode": 70107 });
    let cases = [
        (json!([bob("Offline")]), json!([]), Outcome::Planned),
        (json!([{ "To_Account": "bob", "Status": "Offline" }]), json!([]), Outcome::Planned),
        (json!([with(bob("Offline"), "Status", "Offline")]), json!([]), Outcome::Planned),
        (json!([bob("Offline"), bob("Offline")]), json!([]), Outcome::Planned),
        (json!([bob("Online")]), json!([]), online),
        (json!([bob("PushOnline")]), json!([]), online),
        (json!([bob("Offline"), bob("Online")]), json!([]), unclear),
        (json!([bob("Online"), bob("Offline")]), json!([]), unclear),
        (json!([with(bob("Offline"), "Status", "Online")]), json!([]), unclear),
        (json!([bob("Away")]), json!([]), unclear),
        (json!([{ "To_Account": "bob" }]), json!([]), unclear),
        (json!([with(bob(""), "State", 3)]), json!([]), unclear),
        (json!([]), json!([]), unclear),
        (json!([{ "State": "Offline" }]), json!([]), unclear),
        (json!([]), json!([unknown]), unclear),
        // Also next to an `Offline`, and if the rest is unreadable.
        (json!([bob("Offline")]), json!([unknown]), unclear),
        (json!([bob("Offline")]), json!([{ "To_Account": "bob" }]), unclear),
        (json!([bob("Offline"), with(bob(""), "State", Value::Null)]), json!([]), unclear),
    ];
    let members = [member("owner", "Owner", 1, 0), member("bob", "Member", 2, 0), member("eve", "Member", 3, 5)];
    let both = json!({ "ErrorCode": 0, "QueryResult": [bob("Offline"), state("eve", "Offline")] });
    for (result, errors, expected) in cases {
        let told = json!({ "ErrorCode": 0, "QueryResult": result, "ErrorList": errors });
        let begun = [info("Public", 3), page(&members, None)];
        let mut direct = run(1).pace(Duration::ZERO);
        answer(&mut direct, at(NOW), &begun);
        assert_eq!(answer(&mut direct, at(NOW), std::slice::from_ref(&both)).command(), ASK);
        answer(&mut direct, at(NOW), &[look(&members[1..2])]);
        assert_eq!(answer(&mut direct, at(NOW), std::slice::from_ref(&told)).command(), ASK);
        assert_eq!(direct.report().candidates()[0].outcome(), expected, "{told}");
        assert_eq!(wants(&mut direct, at(NOW)) != Next::Done, expected == Outcome::Planned, "{told}");
        let mut plan = run(1).plan_only().pace(Duration::ZERO);
        answer(&mut plan, at(NOW), &begun);
        answer(&mut plan, at(NOW), std::slice::from_ref(&told));
        if wants(&mut plan, at(NOW)) != Next::Done {
            assert_eq!(answer(&mut plan, at(NOW), std::slice::from_ref(&both)).command(), ASK);
        }
        let first = if expected == Outcome::Planned { "bob" } else { "eve" };
        let planned = accounts(&plan, Outcome::Planned);
        assert!(planned.is_empty() || planned == [first], "{told} {planned:?}");
    }
}

#[test]
fn the_call_alone() {
    let call = QueryOnlineStatus::new(["a", "b"]).unwrap();
    let request = call.request(&api(), at(NOW));
    assert_eq!(request.uri().path(), "/v4/openim/query_online_status");
    assert_eq!(serde_json::from_slice::<Value>(request.body()).unwrap(), json!({ "To_Account": ["a", "b"] }));
    let body = json!({ "ErrorCode": 0, "QueryResult": [{ "To_Account": "a", "State": "PushOnline" }],
        "ErrorList": [{ "To_Account": "b", "ErrorCode": 70107 }] });
    let list = call.response(StatusCode::OK, body.to_string().as_bytes()).unwrap();
    assert_eq!((list.get("a"), list.get("b"), list.get("c")), (Some(OnlineStatus::PushOnline), None, None));
    assert_eq!((list.error_code("a"), list.error_code("b")), (None, Some(70107)));
    let error = |count: usize| QueryOnlineStatus::new(vec!["a"; count]).err().map(|error| error.to_string());
    assert_eq!(error(0).unwrap(), "accounts to ask about: expected 1 to 500, found 0");
    assert_eq!(error(500), None);
    assert_eq!(error(501).unwrap(), "accounts to ask about: expected 1 to 500, found 501");
}
