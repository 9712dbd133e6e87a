//! The run considers every member who was present throughout the scan, or fails with a reason.

use im_group_full::rest::{MakeRoom, Outcome, RestErrorKind, Spared};
use serde_json::{Value, json};

use crate::canned::{Next, a_day, drive, failed, info, many, member, page, silent, with};
use crate::stand_in::Member;
use crate::world::{COUNT, GROUP, NOW, PAGE, World, accounts, group_of, policy};

/// Makes a plan, and returns it without these members; and whom of the others it has to contain.
fn planned(world: &World, leavers: &[String]) -> (Vec<String>, Vec<String>) {
    let members = world.with_group(|group| group.members.len());
    let expected = world.expected(members);
    let run = world.done(MakeRoom::new(GROUP, policy(u32::try_from(members).unwrap())).plan_only());
    let others = |list: Vec<String>| list.into_iter().filter(|account| !leavers.contains(account)).collect();
    (others(accounts(&run, Outcome::Planned)), others(expected))
}

/// The vendor's own web SDK gets 100 when it asks for more; this one is worse.
#[test]
fn pages_shorter_than_asked_for() {
    for (kind, longest) in ["Public", "Community"].iter().flat_map(|kind| [200, 199, 100, 37, 9].map(|l| (*kind, l))) {
        let world = World::full(kind, 450);
        world.stand_in.with(|vendor| vendor.longest_page = longest);
        let (planned, expected) = planned(&world, &[]);
        assert_eq!(planned, expected, "{kind} {longest}");
    }
    // Every page is shorter than the one before.
    let world = World::full("Public", 450);
    world.before_calls(|call, vendor| {
        if call.command == PAGE {
            vendor.longest_page = (vendor.longest_page * 2 / 3).max(20);
        }
    });
    let (planned, expected) = planned(&world, &[]);
    assert_eq!(planned, expected);
}

/// A page with a single entry, whose times prove nothing, costs a few calls and spares two members at most.
#[test]
fn one_bad_page_does_no_harm() {
    for bad in [1, 5, 17, 30] {
        let world = World::full("Public", 6000);
        let mut pages = 0;
        world.before_calls(move |call, vendor| {
            pages += usize::from(call.command == PAGE);
            vendor.longest_page = if pages == bad { 1 } else { 200 };
        });
        let run = world.done(MakeRoom::new(GROUP, policy(60)).plan_only());
        assert_eq!(accounts(&run, Outcome::Planned), world.expected(60));
        let unclear: Vec<_> = run.report().spared().filter(|(why, _)| *why == Spared::Unclear).collect();
        assert!(unclear.iter().all(|(_, number)| *number <= 2), "{unclear:?}");
        let calls = world.count(PAGE);
        assert!(calls <= 45, "{calls} calls after the bad page {bad}");
    }
}

/// Some leave and some join between any two pages; newcomers are listed at the end or at the beginning.
#[test]
fn list_that_shifts() {
    let cases = [(0, 5), (5, 0), (9, 3), (0, 90)];
    for (at_front, (leave, join)) in [false, true].into_iter().flat_map(|at_front| cases.map(|case| (at_front, case))) {
        let leavers: Vec<_> = (0..20).map(|i| format!("u{:05}", i * 50 + 10)).collect();
        let world = World::full("Public", 1000);
        let mut gone = leavers.clone();
        let mut joined = 0;
        world.before_calls(move |call, vendor| {
            vendor.longest_page = 150;
            if call.command == PAGE && joined < 300 {
                let some: Vec<_> = gone.drain(..leave.min(gone.len())).collect();
                let group = group_of(vendor);
                group.remove(&some);
                for _ in 0..join {
                    joined += 1;
                    let at = if at_front { 0 } else { group.members.len() };
                    group.members.insert(at, Member::new(format!("new{joined}"), NOW, 0));
                }
            }
        });
        let (planned, expected) = planned(&world, &leavers);
        assert_eq!(planned, expected, "{at_front} {leave} {join}");
    }
}

/// Returns a page, of the body and the number of its request.
type Pages<'a> = &'a dyn Fn(&Value, usize) -> Value;

/// Lets `run` read these pages of a group; returns its end, and how many it has read.
fn read_all(run: &mut MakeRoom, kind: &str, members: usize, pages: Pages<'_>) -> (Next, usize) {
    let mut number = 0;
    let end = drive(run, |command, body| {
        if command == COUNT {
            return info(kind, members);
        }
        number += 1;
        pages(body, number)
    });
    (end, number)
}

/// The pages of a list, why the run fails, and how many it has read by then.
#[test]
fn pages_that_hide_somebody() {
    let none_listed = "the group has members, but none is listed";
    let next = |next: usize| page(&silent(&["bob"]), Some(&next.to_string()));
    let no_next = with(page(&silent(&["bob"]), None), "MemberNum", 3);
    let nonsense = page(&[member("a", "member", 1, 1), member("b", "member", 2, 1)], None);
    let cases: [(_, Pages<'_>, _, _); 8] = [
        // The vendor's fault, not a member's.
        ("Public", &|_, _| nonsense.clone(), "none of 2 members can be understood", 5),
        ("Public", &|_, _| json!({ "ErrorCode": 0, "MemberNum": 3, "MemberList": [] }), none_listed, 5),
        ("Public", &|_, _| json!({ "ErrorCode": 0, "MemberNum": 3 }), none_listed, 5),
        ("Public", &|_, _| json!({ "ErrorCode": 0 }), none_listed, 5),
        ("Community", &|_, _| page(&[], Some("")), none_listed, 5),
        ("Community", &|_, _| no_next.clone(), "no `Next`, but members are missing", 5),
        ("Community", &|_, _| next(1), "`Next` does not advance", 6),
        ("Community", &|_, number| next(number % 2), "the pages do not end", 406),
    ];
    for (kind, pages, expected, number) in cases {
        let end = failed(RestErrorKind::Malformed, &format!("unexpected response: {expected}"));
        assert_eq!(read_all(&mut MakeRoom::new(GROUP, policy(1)), kind, 3, pages), (end, number));
    }
}

/// The vendor marks `MemberNum` and `Next` as optional; all members of a page may have left before it was read; and a count
/// may be above the list.
#[test]
fn pages_that_are_no_fault() {
    let members = many(300);
    let by_offset = |body: &Value, longest: usize| {
        let number = |field: &str| usize::try_from(body[field].as_u64().unwrap()).unwrap();
        let start = number("Offset").min(300);
        json!({ "ErrorCode": 0, "MemberList": members[start..300.min(start + longest.min(number("Limit")))] })
    };
    let one_empty = [page(&members[150..], Some("1")), page(&[], Some("2")), page(&members[..150], Some(""))];
    // The numbers of pages and of their entries.
    let cases: [(_, _, Pages<'_>, _); 4] = [
        ("Public", 300, &|body, _| by_offset(body, 120), (5, 600)),
        ("Public", 301, &|body, _| with(by_offset(body, 200), "MemberNum", 301), (3, 597)),
        ("Community", 300, &|_, _| page(&members, None), (1, 300)),
        ("Community", 300, &|_, number| one_empty[number - 1].clone(), (3, 300)),
    ];
    for (kind, counted, pages, (read, scanned)) in cases {
        let mut run = MakeRoom::new(GROUP, a_day(300)).plan_only();
        assert_eq!(read_all(&mut run, kind, counted, pages), (Next::Done, read));
        assert_eq!((run.report().scanned(), accounts(&run, Outcome::Planned).len()), (scanned, 300), "{kind} {read}");
    }
}
