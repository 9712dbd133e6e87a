use std::time::{Duration, SystemTime, UNIX_EPOCH};

use im_group_full::rest::{InactivityPolicy, Member, Role};

const NOW: u64 = 1_000_000;
const INACTIVE: u64 = 1000;

fn at(secs: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(secs)
}

fn policy() -> InactivityPolicy {
    InactivityPolicy::new(Duration::from_secs(INACTIVE), 3).protect("support")
}

#[test]
fn who_may_be_removed() {
    let cases = [
        ("a", Role::Member, NOW - INACTIVE, 0, true),
        ("a", Role::Member, NOW - INACTIVE + 1, 0, false),
        ("a", Role::Member, 1, NOW - INACTIVE, true),
        ("a", Role::Member, 1, NOW - INACTIVE + 1, false),
        ("a", Role::Member, NOW - INACTIVE, 1, true),
        ("a", Role::Member, 1, NOW + 1, false),
        ("a", Role::Member, u64::MAX, 0, false),
        // The vendor does not tell when it joined.
        ("a", Role::Member, 0, 0, false),
        ("a", Role::Member, 0, NOW - INACTIVE, false),
        ("a", Role::Owner, 1, 0, false),
        ("a", Role::Admin, 1, 0, false),
        ("support", Role::Member, 1, 0, false),
        ("Support", Role::Member, 1, 0, true),
    ];
    for (account, role, joined, sent, expected) in cases {
        let member = Member::new(account, role, joined, sent);
        assert_eq!(policy().allows(&member, at(NOW)), expected, "{member:?}");
    }
}

#[test]
fn extreme_times() {
    let newborn = Member::new("a", Role::Member, 1, 0);
    let cases = [
        (Duration::ZERO, UNIX_EPOCH - Duration::from_secs(5), false),
        (Duration::ZERO, at(0), false),
        (Duration::ZERO, at(1), true),
        (Duration::from_nanos(1), at(1), false),
        (Duration::from_nanos(1), at(2), true),
        (Duration::MAX, at(NOW), false),
    ];
    for (inactive_for, now, expected) in cases {
        assert_eq!(InactivityPolicy::new(inactive_for, 1).allows(&newborn, now), expected, "{inactive_for:?}");
    }
}

#[test]
fn comes_back_from_serialisation() {
    let json = serde_json::to_string(&policy()).unwrap();
    assert_eq!(
        json,
        r#"{"inactive_for_secs":1000,"free":3,"protected":["support"],"max_free_percent":10,"spare_readers":null,"trust_silence":false}"#
    );
    assert_eq!(serde_json::from_str::<InactivityPolicy>(&json).unwrap(), policy());
    let all = policy().max_free_percent(250).spare_readers(20).trust_silence();
    let json = serde_json::to_string(&all).unwrap();
    assert!(json.contains(r#""max_free_percent":100,"spare_readers":20,"trust_silence":true"#), "{json}");
    assert_eq!(serde_json::from_str::<InactivityPolicy>(&json).unwrap(), all);
}

/// A key that nobody reads could be a protection that is missing.
#[test]
fn is_read_strictly() {
    let short: InactivityPolicy = serde_json::from_str(r#"{"inactive_for_secs":1000,"free":3}"#).unwrap();
    assert_eq!(short, InactivityPolicy::new(Duration::from_secs(INACTIVE), 3));
    let cases = [
        (r#""protect":["bob"]"#, "unknown field `protect`"),
        (r#""trust_silense":true"#, "unknown field `trust_silense`"),
        (r#""max_free_percent":101"#, "expected 0 to 100 percent, found 101"),
        (r#""protected":"bob""#, "invalid type: string \"bob\", expected a sequence"),
        (r#""free":4"#, "duplicate field `free`"),
    ];
    for (key, expected) in cases {
        let json = format!(r#"{{"inactive_for_secs":1000,"free":3,{key}}}"#);
        let error = serde_json::from_str::<InactivityPolicy>(&json).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}");
    }
}
