//! The run considers every member who was present throughout the scan, or fails with a reason.

use std::time::Duration;

use http::StatusCode;
use im_group_full::rest::{MakeRoom, Outcome, Step};
use serde_json::{Value, json};

use crate::canned::{Wants, answer, api, at, info, member, page, wants};
use crate::stand_in::{Fault, Member};
use crate::world::{Came, GROUP, NOW, World, accounts, expected, full_group, group_of, policy};

/// The vendor's own web SDK gets 100 when it asks for more; this one is worse.
#[test]
fn pages_shorter_than_asked_for() {
    for kind in ["Public", "Community"] {
        for longest in [200, 199, 100, 37, 9] {
            let group = full_group(kind, 450);
            let all = expected(&group, &[], 450);
            let world = World::new(group);
            world.stand_in.with(|vendor| vendor.longest_page = longest);
            let mut run = MakeRoom::new(GROUP, policy(450)).plan_only();
            assert_eq!(world.finish(&mut run), Came::Done, "{kind} {longest}");
            assert_eq!(accounts(&run, Outcome::Planned), all, "{kind} {longest}");
        }
    }
}

/// Every page is shorter than the one before.
#[test]
fn pages_that_grow_shorter() {
    let group = full_group("Public", 450);
    let all = expected(&group, &[], 450);
    let world = World::new(group);
    world.stand_in.on_call(|call, vendor| {
        if call.command == "get_group_member_info" {
            vendor.longest_page = (vendor.longest_page * 2 / 3).max(20);
        }
        Fault::None
    });
    let mut run = MakeRoom::new(GROUP, policy(450)).plan_only();
    assert_eq!(world.finish(&mut run), Came::Done);
    assert_eq!(accounts(&run, Outcome::Planned), all);
}

/// Some leave and some join between any two pages; newcomers are listed at the end or at the beginning.
#[test]
fn list_that_shifts() {
    for at_front in [false, true] {
        for (leave, join) in [(0, 5), (5, 0), (9, 3), (0, 90)] {
            let group = full_group("Public", 1000);
            let all = expected(&group, &[], 1000);
            let leavers: Vec<_> = (0..20).map(|i| format!("u{:05}", i * 50 + 10)).collect();
            let world = World::new(group);
            let mut gone = leavers.clone();
            let mut joined = 0;
            world.stand_in.on_call(move |call, vendor| {
                vendor.longest_page = 150;
                if call.command == "get_group_member_info" && joined < 300 {
                    let some: Vec<_> = gone.drain(..leave.min(gone.len())).collect();
                    let group = group_of(vendor);
                    group.remove(&some);
                    for _ in 0..join {
                        joined += 1;
                        let at = if at_front { 0 } else { group.members.len() };
                        group.members.insert(at, Member::new(format!("new{joined}"), NOW, 0));
                    }
                }
                Fault::None
            });
            let mut run = MakeRoom::new(GROUP, policy(1000)).plan_only();
            assert_eq!(world.finish(&mut run), Came::Done);
            let planned = accounts(&run, Outcome::Planned);
            let stayed: Vec<_> = all.iter().filter(|account| !leavers.contains(account)).cloned().collect();
            let planned: Vec<_> = planned.into_iter().filter(|account| !leavers.contains(account)).collect();
            assert_eq!(planned, stayed, "{at_front} {leave} {join}");
        }
    }
}

/// A page, and why the run fails.
#[test]
fn pages_that_hide_somebody() {
    let start = "unexpected response: ";
    let some = [member("owner", "Owner", 1, 0), member("bob", "Member", 2, 0)];
    let cases: [(&str, Value, &str); 5] = [
        (
            "Public",
            json!({ "ErrorCode": 0, "MemberNum": 3, "MemberList": [] }),
            "the group has members, but none is listed",
        ),
        ("Public", json!({ "ErrorCode": 0, "MemberNum": 3 }), "the group has members, but none is listed"),
        ("Public", json!({ "ErrorCode": 0 }), "the group has members, but none is listed"),
        ("Community", page(&[], Some("")), "the group has members, but none is listed"),
        (
            "Community",
            {
                let mut page = page(&some, None);
                page["MemberNum"] = json!(3);
                page
            },
            "no `Next`, but members are missing",
        ),
    ];
    for (kind, page, expected) in cases {
        let mut run = MakeRoom::new(GROUP, policy(1)).pace(Duration::ZERO);
        let mut now = at(NOW);
        answer(&mut run, now, &info(kind, 3));
        let failure = loop {
            match run.step(&api(), now) {
                Step::Send(_) => run.response(StatusCode::OK, page.to_string().as_bytes(), now),
                Step::Wait(time) => now += time,
                Step::Failed(error) => break error.to_string(),
                Step::Done(report) => panic!("{report:?}"),
            }
        };
        assert_eq!(failure, format!("{start}{expected}"));
    }
}

/// The vendor marks these as optional.
#[test]
fn pages_without_member_num_or_next() {
    let members: Vec<_> = (0..300_u64).map(|i| member(&format!("u{i:03}"), "Member", i + 1, 0)).collect();
    let mut run = MakeRoom::new(GROUP, policy(300)).plan_only().pace(Duration::ZERO);
    answer(&mut run, at(NOW), &info("Public", 300));
    let mut pages = 0;
    while let Wants::Send(_, body) = wants(&mut run, at(NOW)) {
        let offset = usize::try_from(body["Offset"].as_u64().unwrap()).unwrap();
        let page = json!({ "ErrorCode": 0, "MemberList": members[offset..300.min(offset + 120)] });
        run.response(StatusCode::OK, page.to_string().as_bytes(), at(NOW));
        pages += 1;
    }
    assert_eq!((pages, accounts(&run, Outcome::Planned).len()), (5, 300));

    let mut run = MakeRoom::new(GROUP, policy(300)).plan_only().pace(Duration::ZERO);
    answer(&mut run, at(NOW), &info("Community", 300));
    answer(&mut run, at(NOW), &page(&members, None));
    assert_eq!(wants(&mut run, at(NOW)), Wants::Done);
    assert_eq!(accounts(&run, Outcome::Planned).len(), 300);
}
