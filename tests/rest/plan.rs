//! Whom a run chooses among given members.

use im_group_full::rest::MakeRoom;
use serde_json::Value;

use crate::canned::{self, a_day, info, member, with};
use crate::world::{DAY, GROUP, NOW};

/// Reads these pages of a Community, and returns whom the run plans to remove.
fn plan(slots: usize, pages: &[&[Value]]) -> Vec<String> {
    let policy = a_day(u32::try_from(slots).unwrap()).protect("support");
    canned::plan(MakeRoom::new(GROUP, policy), &info("Community", pages.concat().len()), pages).unwrap()
}

#[test]
fn least_recently_active_first_then_earlier_joined_then_account() {
    let mut members = [
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
        for _ in 0..3 {
            assert_eq!(plan(slots, &[&members]), order[..slots.min(order.len())]);
            members.reverse();
            members.rotate_left(3);
        }
    }
}

#[test]
fn no_duplicates_and_the_latest_entry_counts() {
    let a = || member("a", "Member", 10, 0);
    let first = [a(), member("b", "Member", 20, 0), member("c", "Member", 30, 0)];
    let again: [(_, &[&str]); 5] = [
        (a(), &["a", "b", "c"]),
        (with(a(), "LastSendMsgTime", 25), &["b", "a", "c"]),
        (with(a(), "LastSendMsgTime", NOW), &["b", "c"]),
        (with(a(), "Role", "Admin"), &["b", "c"]),
        // Cannot be understood.
        (with(a(), "Role", "Moderator"), &["b", "c"]),
    ];
    for (again, expected) in again {
        assert_eq!(plan(3, &[&first, &[member("owner", "Owner", 1, 0), again]]), expected);
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
        let mut rows: Vec<_> = (0..2 + random(60))
            .map(|i| (NOW - 2 * DAY + random(30) * 100, 1 + random(20), format!("u{i}"), random(4) < 3))
            .collect();
        let to_json = |(sent, joined, account, ordinary): &(u64, u64, String, bool)| {
            member(account, if *ordinary { "Member" } else { "Admin" }, *joined, *sent)
        };
        let members: Vec<_> = rows.iter().map(to_json).collect();
        rows.retain(|(sent, _, _, ordinary)| sent + DAY <= NOW && *ordinary);
        rows.sort();
        let [slots, length] = [1 + random(20), 1 + random(9)].map(|number| usize::try_from(number).unwrap());
        let expected: Vec<_> = rows.into_iter().take(slots).map(|(_, _, account, _)| account).collect();
        // Each page begins with two members whose times tell them apart.
        let pages: Vec<_> = members.chunks(length).map(|page| [&owners[..], page].concat()).collect();
        assert_eq!(plan(slots, &pages.iter().map(Vec::as_slice).collect::<Vec<_>>()), expected);
    }
}
