//! Whom a run chooses among given members.

use std::time::Duration;

use im_group_full::rest::{MakeRoom, Outcome};
use serde_json::Value;

use crate::canned::{Next, a_day, answer, at, info, member, page, wants};
use crate::world::{DAY, GROUP, NOW, accounts};

/// Reads these pages of a Community, and returns whom the run plans to remove.
#[track_caller]
fn plan(slots: u32, pages: &[Vec<Value>]) -> Vec<String> {
    let mut run = MakeRoom::new(GROUP, a_day(slots).protect("support")).plan_only().pace(Duration::ZERO);
    answer(&mut run, at(NOW), &[info("Community", pages.iter().map(Vec::len).sum())]);
    for (number, members) in (1..).zip(pages) {
        let next = if number < pages.len() { number.to_string() } else { String::new() };
        answer(&mut run, at(NOW), &[page(members, Some(&next))]);
    }
    assert_eq!(wants(&mut run, at(NOW)), Next::Done);
    accounts(&run, Outcome::Planned)
}

#[test]
fn least_recently_active_first_then_earlier_joined_then_account() {
    let members = [
        member("late", "Member", 1, 500),
        member("b", "Member", 100, 100),
        member("a", "Member", 100, 100),
        member("joined earlier", "Member", 50, 100),
        member("silent", "Member", 70, 0),
        member("owner", "Owner", 1, 0),
        member("active", "Member", 1, NOW),
        member("support", "Member", 1, 0),
    ];
    let order = ["silent", "joined earlier", "a", "b", "late"];
    for slots in 1..=members.len() {
        let mut members = members.to_vec();
        let expected = &order[..slots.min(order.len())];
        for _ in 0..3 {
            assert_eq!(plan(u32::try_from(slots).unwrap(), &[members.clone()]), expected);
            members.reverse();
            members.rotate_left(3);
        }
    }
}

#[test]
fn no_duplicates_and_the_latest_entry_counts() {
    let others = [member("b", "Member", 20, 0), member("c", "Member", 30, 0)];
    let again = [
        (member("a", "Member", 10, 0), vec!["a", "b", "c"]),
        (member("a", "Member", 10, 25), vec!["b", "a", "c"]),
        (member("a", "Member", 10, NOW), vec!["b", "c"]),
        (member("a", "Admin", 10, 0), vec!["b", "c"]),
        // Cannot be understood.
        (member("a", "Moderator", 10, 0), vec!["b", "c"]),
    ];
    for (again, expected) in again {
        let mut first = vec![member("a", "Member", 10, 0)];
        first.extend(others.clone());
        let second = vec![member("owner", "Owner", 1, 0), again];
        assert_eq!(plan(3, &[first, second]), expected);
    }
}

/// The simple way: sort all, take the first.
#[test]
fn plan_is_the_head_of_the_sorted_list() {
    let mut seed = 1_u64;
    let mut random = |below: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    };
    let owners = [member("owner", "Owner", 1, 0), member("admin", "Admin", 2, 0)];
    for _ in 0..200 {
        let count = 2 + random(60);
        let mut rows: Vec<_> = (0..count)
            .map(|i| {
                let role = ["Member", "Member", "Member", "Admin"][usize::try_from(random(4)).unwrap()];
                (NOW - 2 * DAY + random(30) * 100, 1 + random(20), format!("u{i}"), role)
            })
            .collect();
        let members: Vec<_> =
            rows.iter().map(|(sent, joined, account, role)| member(account, role, *joined, *sent)).collect();
        rows.retain(|(sent, _, _, role)| sent + DAY <= NOW && *role == "Member");
        rows.sort();
        let slots = u32::try_from(1 + random(20)).unwrap();
        let expected: Vec<_> = rows.into_iter().take(slots as usize).map(|(_, _, account, _)| account).collect();
        // Each page begins with two members whose times tell them apart.
        let pages: Vec<_> =
            members.chunks(1 + usize::try_from(random(9)).unwrap()).map(|page| [&owners[..], page].concat()).collect();
        assert_eq!(plan(slots, &pages), expected);
    }
}
