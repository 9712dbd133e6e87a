use std::time::{Duration, UNIX_EPOCH};

use im_group_full::SdkAppId;
use im_group_full::rest::{GetGroupInfo, SecretKey, UserSig};
use serde_json::Value;

use crate::stand_in::credential;

#[track_caller]
fn decode(user_sig: &str) -> Value {
    serde_json::from_slice(&credential::decode(user_sig).unwrap()).unwrap()
}

/// With values that it generated.
#[test]
fn agrees_with_the_vendors_implementation() {
    let vectors: Vec<Value> = serde_json::from_str(include_str!("../data/usersig.json")).unwrap();
    assert_eq!(vectors.len(), 3);
    for vector in vectors {
        let number = |name: &str| vector[name].as_u64().unwrap();
        let ours = UserSig::new(
            SdkAppId::new(number("sdkappid")),
            &SecretKey::new(vector["secret_key"].as_str().unwrap()).unwrap(),
            vector["identifier"].as_str().unwrap(),
            Duration::from_secs(number("expire")),
            UNIX_EPOCH + Duration::from_secs(number("time")),
        );
        assert_eq!(decode(vector["usersig"].as_str().unwrap()), vector["decompressed"]);
        assert_eq!(decode(ours.as_str()), vector["decompressed"]);
        assert!(ours.as_str().bytes().all(|byte| byte.is_ascii_alphanumeric() || b"*-_".contains(&byte)));
    }
}

#[test]
fn whole_seconds_and_no_time_before_1970() {
    let key = SecretKey::new("k").unwrap();
    let cases = [
        (UNIX_EPOCH - Duration::from_secs(1), Duration::from_millis(1999), 0, 1),
        (UNIX_EPOCH + Duration::from_millis(1999), Duration::ZERO, 1, 0),
        (UNIX_EPOCH + Duration::from_secs(1), Duration::MAX, 1, u64::MAX),
    ];
    for (now, lifetime, time, expire) in cases {
        let document = decode(UserSig::new(SdkAppId::new(1), &key, "admin", lifetime, now).as_str());
        assert_eq!((document["TLS.time"].as_u64(), document["TLS.expire"].as_u64()), (Some(time), Some(expire)));
    }
}

/// The one of a request is never worthless when it is made.
#[test]
fn lifetime_of_a_requests_user_sig() {
    let now = UNIX_EPOCH + Duration::from_secs(5);
    for (lifetime, expire) in [(None, 3600), (Some(0), 1), (Some(999), 1), (Some(1999), 1), (Some(2000), 2)] {
        let mut api = crate::canned::api();
        if let Some(millis) = lifetime {
            api = api.user_sig_lifetime(Duration::from_millis(millis));
        }
        let request = GetGroupInfo::new("g").request(&api, now);
        let query = form_urlencoded::parse(request.uri().query().unwrap().as_bytes());
        let user_sig = query.into_owned().find(|(name, _)| name == "usersig").unwrap().1;
        assert_eq!(decode(&user_sig)["TLS.expire"].as_u64(), Some(expire), "{lifetime:?}");
    }
}

#[test]
fn secret_keys_that_are_refused() {
    let blank = "expected a secret key without white space or control characters";
    let cases = [
        ("", "expected a secret key, found nothing"),
        ("5bd2850f\n", blank),
        ("5bd2 850f", blank),
        ("5bd2\u{0}", blank),
        ("\u{3000}5bd2", blank),
    ];
    for (key, expected) in cases {
        assert_eq!(SecretKey::new(key).unwrap_err().to_string(), expected, "{key:?}");
    }
}

#[test]
fn secrets_are_not_in_debug() {
    let key = SecretKey::new("5bd2850f").unwrap();
    assert_eq!(format!("{key:?}"), "SecretKey(..)");
    let user_sig = UserSig::new(SdkAppId::new(1), &key, "admin", Duration::from_secs(60), UNIX_EPOCH);
    assert_eq!(format!("{user_sig:?}"), "UserSig(..)");
}
