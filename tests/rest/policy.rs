use std::time::{Duration, SystemTime, UNIX_EPOCH};

use im_group_full::rest::{InactivityPolicy, Member, Role, Spared};

const NOW: u64 = 1_000_000;
const INACTIVE: u64 = 86_400;

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
        // The vendor omits the join time.
        ("a", Role::Member, 0, 0, false),
        ("a", Role::Member, 0, NOW - INACTIVE, false),
        ("a", Role::Owner, 1, 0, false),
        ("a", Role::Admin, 1, 0, false),
        ("support", Role::Member, 1, 0, false),
        ("Support", Role::Member, 1, 0, true),
    ];
    for (account, role, joined, sent, expected) in cases {
        let member = Member::new(account, role, joined, sent);
        assert_eq!(policy().spares(&member, at(NOW)).is_none(), expected, "{member:?}");
    }
}

#[test]
fn why_a_member_stays() {
    let bob = || Member::new("bob", Role::Member, 1, 0);
    let cases = [
        (bob(), None),
        (Member::new("bob", Role::Owner, NOW, NOW), Some(Spared::Role)),
        (Member::new("support", Role::Member, NOW, 0), Some(Spared::Protected)),
        (Member::new("@RBT#helper", Role::Member, 1, 0), Some(Spared::Robot)),
        (Member::new("@RBT", Role::Member, 1, 0), None),
        (Member::new("bob", Role::Member, 0, 1), Some(Spared::Unclear)),
        (Member::new("bob", Role::Member, 1, NOW + 1), Some(Spared::Unclear)),
        (Member::new("bob", Role::Member, 1, NOW), Some(Spared::Active)),
        // Silence counts from the end of a mute.
        (bob().with_muted_until(NOW + 30 * 86_400), Some(Spared::Muted)),
        (bob().with_muted_until(NOW - INACTIVE + 1), Some(Spared::Muted)),
        (bob().with_muted_until(NOW - INACTIVE), None),
        (Member::new("bob", Role::Member, 1, NOW).with_muted_until(NOW), Some(Spared::Active)),
    ];
    for (member, expected) in cases {
        assert_eq!(policy().spares(&member, at(NOW)), expected, "{member:?}");
    }
}

#[test]
fn less_than_a_day_is_a_day() {
    let newborn = Member::new("a", Role::Member, 1, 0);
    let cases = [
        (Duration::ZERO, UNIX_EPOCH - Duration::from_secs(5), false),
        (Duration::ZERO, at(0), false),
        (Duration::ZERO, at(86_400), false),
        (Duration::ZERO, at(86_401), true),
        (Duration::from_secs(86_399), at(86_400), false),
        (Duration::new(86_400, 1), at(86_401), false),
        (Duration::new(86_400, 1), at(86_402), true),
        (Duration::MAX, at(NOW), false),
    ];
    for (inactive_for, now, expected) in cases {
        assert_eq!(
            InactivityPolicy::new(inactive_for, 1).spares(&newborn, now).is_none(),
            expected,
            "{inactive_for:?}"
        );
    }
}

/// Nobody who has read everything goes because of a 0.
#[test]
fn sparing_the_readers_of_no_message_spares_those_of_the_last() {
    assert_eq!(policy().spare_readers(0), policy().spare_readers(1));
    assert_ne!(policy().spare_readers(1), policy().spare_readers(2));
}

#[test]
fn comes_back_from_serialisation() {
    let json = serde_json::to_string(&policy()).unwrap();
    let rest = r#""recorded_since_secs":null,"spare_readers":null,"ignore_online_status":false,"trust_silence":false}"#;
    let begin = r#"{"inactive_for_secs":86400,"free":3,"protected":["support"],"raise_limit_to":null,"#;
    assert_eq!(json, format!(r#"{begin}"max_removed_percent":10,{rest}"#));
    assert_eq!(serde_json::from_str::<InactivityPolicy>(&json).unwrap(), policy());
    let all = policy().max_removed_percent(250).raise_limit_to(2000).spare_readers(20).trust_silence();
    let all = all.ignore_online_status().recorded_since(UNIX_EPOCH + Duration::new(7, 1));
    let json = serde_json::to_string(&all).unwrap();
    let expected = r#""raise_limit_to":2000,"max_removed_percent":100,"recorded_since_secs":8,"spare_readers":20,"ignore_online_status":true,"trust_silence":true"#;
    assert!(json.contains(expected), "{json}");
    assert_eq!(serde_json::from_str::<InactivityPolicy>(&json).unwrap(), all);
}

/// An ignored key could be a missing protection.
#[test]
fn is_read_strictly() {
    let short: InactivityPolicy = serde_json::from_str(r#"{"inactive_for_secs":86400,"free":3}"#).unwrap();
    assert_eq!(short, InactivityPolicy::new(Duration::from_secs(INACTIVE), 3));
    let cases = [
        (r#""protect":["bob"]"#, "unknown field `protect`"),
        (r#""trust_silense":true"#, "unknown field `trust_silense`"),
        (r#""max_free_percent":10"#, "unknown field `max_free_percent`"),
        (r#""max_removed_percent":101"#, "expected 0 to 100 percent, found 101"),
        (r#""spare_readers":0"#, "invalid value: integer `0`, expected a nonzero u32"),
        (r#""protected":"bob""#, "invalid type: string \"bob\", expected a sequence"),
        (r#""free":4"#, "duplicate field `free`"),
    ];
    for (key, expected) in cases {
        let json = format!(r#"{{"inactive_for_secs":86400,"free":3,{key}}}"#);
        let error = serde_json::from_str::<InactivityPolicy>(&json).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}");
    }
    let error = serde_json::from_str::<InactivityPolicy>(r#"{"inactive_for_secs":86399,"free":3}"#).unwrap_err();
    assert!(error.to_string().starts_with("expected at least a day, 86400 seconds, found 86399"), "{error}");
}
