use std::time::{Duration, UNIX_EPOCH};

use im_group_full::rest::Role::{Admin, Member as Ordinary, Owner};
use im_group_full::rest::Spared::{Active, Muted, Protected, Robot, Role, Unclear};
use im_group_full::rest::{InactivityPolicy, Member};

use crate::canned::at;
use crate::world::{DAY, NOW};

fn policy() -> InactivityPolicy {
    InactivityPolicy::new(Duration::from_secs(DAY), 3).protect("support")
}

/// Account, role, when joined and spoke, and the end of a mute; then why the member stays.
#[test]
fn who_may_be_removed() {
    let cases = [
        ("a", Ordinary, NOW - DAY, 0, 0, None),
        ("a", Ordinary, NOW - DAY + 1, 0, 0, Some(Active)),
        ("a", Ordinary, 1, NOW - DAY, 0, None),
        ("a", Ordinary, 1, NOW - DAY + 1, 0, Some(Active)),
        ("a", Ordinary, 1, NOW, 0, Some(Active)),
        ("a", Ordinary, NOW - DAY, 1, 0, None),
        ("a", Ordinary, 1, 0, 0, None),
        ("a", Ordinary, 1, NOW + 1, 0, Some(Unclear)),
        ("a", Ordinary, u64::MAX, 0, 0, Some(Unclear)),
        // The vendor omits the join time.
        ("a", Ordinary, 0, 0, 0, Some(Unclear)),
        ("a", Ordinary, 0, 1, 0, Some(Unclear)),
        ("a", Ordinary, 0, NOW - DAY, 0, Some(Unclear)),
        ("a", Owner, 1, 0, 0, Some(Role)),
        ("a", Owner, NOW, NOW, 0, Some(Role)),
        ("a", Admin, 1, 0, 0, Some(Role)),
        ("support", Ordinary, 1, 0, 0, Some(Protected)),
        ("support", Ordinary, NOW, 0, 0, Some(Protected)),
        ("Support", Ordinary, 1, 0, 0, None),
        ("@RBT#helper", Ordinary, 1, 0, 0, Some(Robot)),
        ("@RBT", Ordinary, 1, 0, 0, None),
        // Silence counts from the end of a mute.
        ("a", Ordinary, 1, 0, NOW + 30 * DAY, Some(Muted)),
        ("a", Ordinary, 1, 0, NOW - DAY + 1, Some(Muted)),
        ("a", Ordinary, 1, 0, NOW - DAY, None),
        ("a", Ordinary, 1, NOW, NOW, Some(Active)),
    ];
    for (account, role, joined, sent, muted_until, expected) in cases {
        let member = Member::new(account, role, joined, sent).with_muted_until(muted_until);
        assert_eq!(policy().spares(&member, at(NOW)), expected, "{member:?}");
    }
}

#[test]
fn less_than_a_day_is_a_day() {
    let newborn = Member::new("a", Ordinary, 1, 0);
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
    assert_eq!(short, InactivityPolicy::new(Duration::from_secs(DAY), 3));
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
