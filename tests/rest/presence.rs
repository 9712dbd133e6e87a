//! Members stay if they are online, or if the vendor does not say that they are offline.

use std::time::Duration;

use im_group_full::rest::{
    InactivityPolicy, MakeRoom, OnlineStatus, Outcome, QueryOnlineStatus, RestErrorKind, Spared, Step,
};
use serde_json::{Value, json};

use crate::canned::{Wants, answer, api, at, info, look, member, page, wants};
use crate::stand_in::{Fault, Group};
use crate::world::{Came, GROUP, INACTIVE, NOW, World, accounts, expected, full_group};

fn policy(free: u32) -> InactivityPolicy {
    InactivityPolicy::new(Duration::from_secs(INACTIVE), free).max_removed_percent(100).trust_silence()
}

const ASK: &str = "query_online_status";

#[test]
fn online_members_stay_and_the_next_are_removed() {
    for (kind, members) in [("Public", 450), ("Community", 3000)] {
        let mut group = full_group(kind, members);
        let plan = expected(&group, &[], members);
        for (index, account) in plan.iter().enumerate() {
            group.find(account).unwrap().state = ["Online", "PushOnline", "Offline"][index % 3];
        }
        let online = |account: &String| plan.iter().position(|other| other == account).unwrap() % 3 < 2;
        let offline: Vec<_> = plan.iter().filter(|account| !online(account)).take(20).cloned().collect();
        let world = World::new(group);
        let mut run = MakeRoom::new(GROUP, policy(20));
        assert_eq!(world.finish(&mut run), Came::Done);
        assert_eq!(accounts(&run, Outcome::Removed), offline);
        assert!(world.count(ASK) <= 9, "{}", world.count(ASK));
    }
}

/// One call asks about 500, and the plan has more.
#[test]
fn presence_is_asked_for_every_planned_member() {
    let mut group = full_group("Community", 2000);
    let plan = expected(&group, &[], 700);
    for account in &plan[500..560] {
        group.find(account).unwrap().state = "Online";
    }
    let world = World::new(group);
    let mut run = MakeRoom::new(GROUP, policy(600)).plan_only();
    assert_eq!(world.finish(&mut run), Came::Done);
    assert_eq!(accounts(&run, Outcome::Planned), [&plan[..500], &plan[560..660]].concat());
    assert_eq!(world.count(ASK), 2);
}

/// A group whose silent members are all online ends, with nobody removed.
#[test]
fn everybody_is_online() {
    let mut group = full_group("Community", 4000);
    group.members.iter_mut().for_each(|member| member.state = "Online");
    let silent = expected(&group, &[], 4000).len();
    let world = World::new(group);
    let mut run = MakeRoom::new(GROUP, policy(50));
    assert_eq!(world.finish(&mut run), Came::Done);
    assert_eq!((world.removed().len(), run.report().candidates().len()), (0, 0));
    let online = run.report().spared().find(|(why, _)| *why == Spared::Online);
    assert_eq!(online, Some((Spared::Online, u32::try_from(silent).unwrap())));
    assert_eq!(world.count(ASK), silent.div_ceil(500));
}

/// A member comes online after the plan was made.
#[test]
fn presence_is_asked_again_before_each_removal() {
    let world = World::new(full_group("Public", 450));
    let mut run = MakeRoom::new(GROUP, policy(150));
    while world.count("get_specified_group_member_info") == 0 {
        world.step(&mut run);
    }
    let plan = accounts(&run, Outcome::Planned);
    world.with_group(|group| {
        for account in plan.iter().step_by(3) {
            group.find(account).unwrap().state = "PushOnline";
        }
    });
    assert_eq!(world.finish(&mut run), Came::Done);
    assert_eq!(world.removed().len(), 100);
    assert_eq!(accounts(&run, Outcome::Stays(Spared::Online)).len(), 50);
    // Once for the plan, and once for each removal.
    assert_eq!((world.count(ASK), world.count("delete_group_member")), (3, 2));
}

#[test]
fn a_refusal_fails_the_run_and_names_the_way_out() {
    let world = World::new(full_group("Public", 450));
    world.stand_in.with(|vendor| vendor.tells_who_is_online = false);
    let mut run = MakeRoom::new(GROUP, policy(150));
    let text = "the vendor did not say who is online, but answered 72001: not switched on; \
                to go on without it, set `InactivityPolicy::ignore_online_status`";
    assert_eq!(world.finish(&mut run), Came::Failed(text.to_owned()));
    assert!(world.removed().is_empty());
    let Step::Failed(error) = run.step(&world.api, world.clock.now()) else { panic!() };
    assert_eq!((error.code(), error.kind()), (Some(72001), RestErrorKind::Other));
    let mut run = MakeRoom::new(GROUP, policy(150).ignore_online_status());
    assert_eq!(world.finish(&mut run), Came::Done);
    assert_eq!((world.removed().len(), world.count(ASK)), (150, 1));
}

/// The call breaks once, at the plan and before a removal: nothing changes.
#[test]
fn faults_while_asking_for_presence() {
    let group = full_group("Public", 450);
    let plan = expected(&group, &[], 150);
    for fault in [Fault::BreakBefore, Fault::Status(502), Fault::NotJson, Fault::Code(10006), Fault::Code(60008)] {
        for position in 1..=3 {
            let world = World::new(group.clone());
            let mut asked = 0;
            world.stand_in.on_call(move |call, _| {
                asked += usize::from(call.command == ASK);
                if call.command == ASK && asked == position { fault } else { Fault::None }
            });
            let mut run = MakeRoom::new(GROUP, policy(150));
            assert_eq!(world.finish(&mut run), Came::Done, "{fault:?}");
            assert_eq!(accounts(&run, Outcome::Removed), plan);
        }
    }
}

/// What the vendor says about bob before the removal, and his outcome.
#[test]
fn states() {
    let state = |state: &str| json!({ "To_Account": "bob", "State": state });
    let cases = [
        (json!([state("Offline")]), json!([]), Outcome::Planned),
        (json!([{ "To_Account": "bob", "Status": "Offline" }]), json!([]), Outcome::Planned),
        (json!([{ "To_Account": "bob", "Status": "Offline", "State": "Offline" }]), json!([]), Outcome::Planned),
        (json!([state("Offline"), state("Offline")]), json!([]), Outcome::Planned),
        (json!([state("Online")]), json!([]), Outcome::Stays(Spared::Online)),
        (json!([state("PushOnline")]), json!([]), Outcome::Stays(Spared::Online)),
        (json!([state("Offline"), state("Online")]), json!([]), Outcome::Stays(Spared::Unclear)),
        (json!([state("Online"), state("Offline")]), json!([]), Outcome::Stays(Spared::Unclear)),
        (
            json!([{ "To_Account": "bob", "Status": "Online", "State": "Offline" }]),
            json!([]),
            Outcome::Stays(Spared::Unclear),
        ),
        (json!([state("Away")]), json!([]), Outcome::Stays(Spared::Unclear)),
        (json!([{ "To_Account": "bob" }]), json!([]), Outcome::Stays(Spared::Unclear)),
        (json!([{ "To_Account": "bob", "State": 3 }]), json!([]), Outcome::Stays(Spared::Unclear)),
        (json!([]), json!([]), Outcome::Stays(Spared::Unclear)),
        (json!([{ "State": "Offline" }]), json!([]), Outcome::Stays(Spared::Unclear)),
        (json!([]), json!([{ "To_Account": "bob", "ErrorCode": 70107 }]), Outcome::Stays(Spared::Unclear)),
        // Also next to an `Offline`, and if the rest is unreadable.
        (
            json!([state("Offline")]),
            json!([{ "To_Account": "bob", "ErrorCode": 70107 }]),
            Outcome::Stays(Spared::Unclear),
        ),
        (json!([state("Offline")]), json!([{ "To_Account": "bob" }]), Outcome::Stays(Spared::Unclear)),
        (json!([state("Offline"), { "To_Account": "bob", "State": null }]), json!([]), Outcome::Stays(Spared::Unclear)),
    ];
    let members = [member("owner", "Owner", 1, 0), member("bob", "Member", 2, 0), member("eve", "Member", 3, 5)];
    let offline = |account: &str| json!({ "To_Account": account, "State": "Offline" });
    for (result, errors, expected) in cases {
        let told = json!({ "ErrorCode": 0, "QueryResult": result, "ErrorList": errors });
        let mut run = MakeRoom::new(GROUP, policy(1)).pace(Duration::ZERO);
        answer(&mut run, at(NOW), &info("Public", 3));
        answer(&mut run, at(NOW), &page(&members, None));
        let both = json!({ "ErrorCode": 0, "QueryResult": [offline("bob"), offline("eve")] });
        assert_eq!(answer(&mut run, at(NOW), &both).command(), ASK);
        answer(&mut run, at(NOW), &look(&members[1..2]));
        assert_eq!(answer(&mut run, at(NOW), &told).command(), ASK);
        assert_eq!(run.report().candidates()[0].outcome(), expected, "{told}");
        let next = wants(&mut run, at(NOW));
        assert_eq!(next != Wants::Done, expected == Outcome::Planned, "{told}");
        // At the plan, the same states decide who is planned.
        let mut run = MakeRoom::new(GROUP, policy(1)).plan_only().pace(Duration::ZERO);
        answer(&mut run, at(NOW), &info("Public", 3));
        answer(&mut run, at(NOW), &page(&members, None));
        answer(&mut run, at(NOW), &told);
        if let Wants::Send(command, _) = wants(&mut run, at(NOW)) {
            assert_eq!(command, ASK);
            run.response(http::StatusCode::OK, both.to_string().as_bytes(), at(NOW));
        }
        let first = if expected == Outcome::Planned { "bob" } else { "eve" };
        let planned = accounts(&run, Outcome::Planned);
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
    let list = call.response(http::StatusCode::OK, body.to_string().as_bytes()).unwrap();
    assert_eq!((list.get("a"), list.get("b"), list.get("c")), (Some(OnlineStatus::PushOnline), None, None));
    assert_eq!((list.error_code("a"), list.error_code("b")), (None, Some(70107)));
    assert!(QueryOnlineStatus::new([""; 0]).is_err());
    assert!(QueryOnlineStatus::new(vec!["a"; 500]).is_ok());
    let error = QueryOnlineStatus::new(vec!["a"; 501]).unwrap_err();
    assert_eq!(error.to_string(), "accounts to ask about: expected 1 to 500, found 501");
    let _ = Group::clone;
}
