use std::time::{Duration, SystemTime, UNIX_EPOCH};

use im_group_full::rest::{InactivityPolicy, Member, Plan};
use serde_json::json;

const NOW: u64 = 1_000_000;
const INACTIVE: u64 = 1000;

fn at(secs: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(secs)
}

fn policy() -> InactivityPolicy {
    InactivityPolicy::new(Duration::from_secs(INACTIVE), 3).protect("support")
}

fn member(account: &str, role: &str, joined: u64, spoke: u64) -> Member {
    let json = json!({ "Member_Account": account, "Role": role, "JoinTime": joined, "LastSendMsgTime": spoke });
    serde_json::from_value(json).unwrap()
}

fn plan(slots: u32, members: &[Member]) -> Vec<String> {
    let mut plan = Plan::new(slots);
    for member in members {
        plan.consider(&policy(), member.clone(), at(NOW));
    }
    plan.into_members().iter().map(|member| member.account().to_owned()).collect()
}

#[test]
fn who_may_be_removed() {
    let cases = [
        ("a", "Member", NOW - INACTIVE, 0, true),
        ("a", "Member", NOW - INACTIVE + 1, 0, false),
        ("a", "Member", 0, NOW - INACTIVE, true),
        ("a", "Member", 0, NOW - INACTIVE + 1, false),
        ("a", "Member", NOW - INACTIVE, 1, true),
        ("a", "Member", 0, NOW + 1, false),
        ("a", "Member", u64::MAX, 0, false),
        ("a", "Owner", 0, 0, false),
        ("a", "Admin", 0, 0, false),
        ("a", "Moderator", 0, 0, false),
        ("support", "Member", 0, 0, false),
        ("Support", "Member", 0, 0, true),
    ];
    for (account, role, joined, spoke, expected) in cases {
        let member = member(account, role, joined, spoke);
        assert_eq!(policy().allows(&member, at(NOW)), expected, "{member:?}");
    }
}

#[test]
fn extreme_times() {
    let newborn = member("a", "Member", 0, 0);
    let cases = [
        (Duration::ZERO, UNIX_EPOCH - Duration::from_secs(5), true),
        (Duration::from_nanos(1), UNIX_EPOCH, false),
        (Duration::from_nanos(1), at(1), true),
        (Duration::MAX, at(NOW), false),
    ];
    for (inactive_for, now, expected) in cases {
        assert_eq!(InactivityPolicy::new(inactive_for, 1).allows(&newborn, now), expected, "{inactive_for:?}");
    }
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
    ];
    let order = ["silent", "joined earlier", "a", "b", "late"];
    for slots in 0..=members.len() {
        let mut members = members.to_vec();
        let expected = &order[..slots.min(order.len())];
        let slots = u32::try_from(slots).unwrap();
        assert_eq!(plan(slots, &members), expected);
        members.reverse();
        assert_eq!(plan(slots, &members), expected);
        members.rotate_left(3);
        assert_eq!(plan(slots, &members), expected);
    }
}

#[test]
fn nobody_twice_and_the_last_word_counts() {
    let others = [member("b", "Member", 20, 0), member("c", "Member", 30, 0)];
    let again = [
        (member("a", "Member", 10, 0), vec!["a", "b", "c"]),
        (member("a", "Member", 10, 25), vec!["b", "a", "c"]),
        (member("a", "Member", 10, NOW), vec!["b", "c"]),
        (member("a", "Admin", 10, 0), vec!["b", "c"]),
    ];
    for (again, expected) in again {
        let mut members = vec![member("a", "Member", 10, 0)];
        members.extend(others.clone());
        members.push(again);
        assert_eq!(plan(3, &members), expected);
    }
}

/// The plain way: sort all, take the first.
#[test]
fn plan_is_the_head_of_the_sorted_list() {
    let mut seed = 1_u64;
    let mut random = |below: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    };
    for _ in 0..200 {
        let count = random(60);
        let members: Vec<_> = (0..count)
            .map(|i| {
                let role = ["Member", "Member", "Member", "Admin"][usize::try_from(random(4)).unwrap()];
                member(&format!("u{i}"), role, random(20), NOW - 2 * INACTIVE + random(30) * 100)
            })
            .collect();
        let mut sorted: Vec<_> = members.iter().filter(|member| policy().allows(member, at(NOW))).collect();
        sorted.sort_by_key(|member| (member.last_active(), member.joined(), member.account().to_owned()));
        let slots = u32::try_from(random(20)).unwrap();
        let expected: Vec<_> = sorted.iter().take(slots as usize).map(|member| member.account().to_owned()).collect();
        assert_eq!(plan(slots, &members), expected);
    }
}

#[test]
fn plan_and_policy_come_back_from_serialisation() {
    let mut plan = Plan::new(2);
    for member in [member("a", "Member", 3, 0), member("b", "Member", 1, 0), member("c", "Member", 2, 0)] {
        plan.consider(&policy(), member, at(NOW));
    }
    let json = serde_json::to_string(&plan).unwrap();
    assert_eq!(serde_json::from_str::<Plan>(&json).unwrap(), plan);
    let json = serde_json::to_string(&policy()).unwrap();
    assert_eq!(json, r#"{"inactive_for_secs":1000,"free":3,"protected":["support"]}"#);
    assert_eq!(serde_json::from_str::<InactivityPolicy>(&json).unwrap(), policy());
}
