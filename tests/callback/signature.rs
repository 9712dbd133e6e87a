//! With a token set, only callbacks signed within the tolerance get through.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::util::{APP, BODY, FULL, NOW, OK, OTHER_APP, QUERY, Recorder, ask, at, fail};
use im_group_full::RejectionKind::{self, *};
use im_group_full::{Rejection, Token, Validator};

/// The vendor's own sample: `Sign` of token `xxxxyyyy` at [`NOW`].
const SIGN: &str = "17773bc39a671d7b9aa835458704d2a6db81360a5940292b587d6d760d484061";

fn token(text: &str) -> Token {
    Token::new(text).expect("not empty")
}

fn validator() -> Validator {
    Validator::signed(APP, token("xxxxyyyy"))
}

fn signed(sign: &str, request_time: &str) -> String {
    format!("{QUERY}&Sign={sign}&RequestTime={request_time}")
}

#[track_caller]
fn refuse(raw_query: &str) -> Rejection {
    validator().check_query(raw_query, at(NOW)).expect_err(raw_query)
}

/// Returns why a query is refused, if it is.
fn kind(validator: &Validator, raw_query: &str, now: SystemTime) -> Option<RejectionKind> {
    validator.check_query(raw_query, now).err().map(|rejection| rejection.kind())
}

#[test]
fn the_vendors_vectors() {
    for (text, time, sign) in [
        ("xxxxyyyy", NOW, SIGN),
        (
            "e10adc3949ba59abbe56e057f20f883e",
            1_676_091_353,
            "a5d271b35bd72858cdf1ad0b9dfbf037d19146062c0ecb712a0a3235489d6021",
        ),
    ] {
        assert_eq!(token(text).sign(time), sign);
        let validator = Validator::signed(APP, token(text));
        assert_eq!(kind(&validator, &signed(sign, &time.to_string()), at(time)), None);
    }
    // An older copy of the vendor's page prints this token beside the first hash.
    assert_ne!(token("xxxyyy").sign(NOW), SIGN);
}

#[test]
fn forgeries() {
    let time = NOW.to_string();
    for sign in [
        "",
        &SIGN[..63],
        &SIGN[..62],
        &format!("{SIGN}0"),
        &SIGN.to_uppercase(),
        &SIGN.replacen('1', "%31", 1),
        &SIGN.replacen('1', "g", 1),
        "%",
        &"é".repeat(32),
        &token("xxxxyyyy").sign(NOW + 1),
        &token("xxxyyy").sign(NOW),
        // An empty token's.
        &sha256(&time),
    ] {
        let rejection = refuse(&signed(sign, &time));
        assert_eq!((rejection.kind(), rejection.parameter()), (InvalidSignature, None), "{sign}");
        assert_eq!(rejection.to_string(), "signature: wrong");
    }
}

/// Each time comes with the hash of exactly that text, so that only the form of the time can be wrong.
#[test]
fn times_are_plain_digits() {
    for time in [
        "",
        "+1669872112",
        "-1669872112",
        "%2B1669872112",
        " 1669872112",
        "1669872112 ",
        "1669872112+",
        "01669872112",
        "1669872112.0",
        "1.669872112e9",
        "0x63888EB0",
        "18446744073709551616",
        "-9223372036854775808",
        "-170141183460469231731687303715884105728",
        "１６６９８７２１１２",
        "1669872112\u{0}",
        "1669872112%80",
    ] {
        let sign = sha256(&format!("xxxxyyyy{time}"));
        let rejection = refuse(&signed(&sign, time));
        assert_eq!(rejection.kind(), InvalidSignature, "{time}");
    }
    assert_eq!(sha256("xxxxyyyy1669872112"), SIGN);
    // They are not decoded either.
    for time in ["%31669872112", "166987211%32", "%2531669872112"] {
        assert_eq!(refuse(&signed(SIGN, time)).kind(), InvalidSignature, "{time}");
    }
}

fn sha256(text: &str) -> String {
    use sha2::Digest;
    let digest = sha2::Sha256::digest(text);
    let digits = digest.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(|digit| char::from_digit(digit.into(), 16).unwrap()).collect()
}

#[test]
fn both_parameters_once() {
    let time = format!("&RequestTime={NOW}");
    let sign = format!("&Sign={SIGN}");
    for (more, parameter, reason) in [
        ("", "Sign", "missing, and a token is set"),
        (&*time, "Sign", "missing, and a token is set"),
        (&sign, "RequestTime", "missing, and a token is set"),
        (&format!("{time}{sign}").repeat(3), "Sign", "given twice"),
        (&format!("{sign}{}", time.repeat(3)), "RequestTime", "given twice"),
    ] {
        let rejection = refuse(&format!("{QUERY}{more}"));
        let kind = if reason == "given twice" { DuplicateParameter } else { MissingSignature };
        assert_eq!((rejection.kind(), rejection.parameter()), (kind, Some(parameter)), "{more}");
        assert_eq!(rejection.to_string(), format!("parameter `{parameter}`: {reason}"));
    }
    for second in [&sign[1..], "Sign", "Sign=", "%53ign=", "%53ign=0", &time[1..], "RequestTime", "RequestTim%65="] {
        for more in [format!("{sign}{time}&{second}"), format!("&{second}{sign}{time}")] {
            assert_eq!(refuse(&format!("{QUERY}{more}")).kind(), DuplicateParameter, "{more}");
        }
    }
    // The order is not fixed, and a name may be encoded.
    let query = format!("RequestTime={NOW}&Sig%6E={SIGN}&{QUERY}");
    assert!(validator().check_query(&query, at(NOW)).is_ok());
}

#[test]
fn fresh_within_the_tolerance_both_ways() {
    let query = signed(SIGN, &NOW.to_string());
    let custom = validator().tolerance(Duration::from_millis(1_999));
    let none = validator().tolerance(Duration::ZERO);
    let half = Duration::from_millis(500);
    for (validator, now, stale) in [
        (&validator(), at(NOW - 60), None),
        (&validator(), at(NOW + 60), None),
        (&validator(), at(NOW + 60) + half, None),
        (&validator(), at(NOW + 61), Some((61, "behind", 60))),
        (&validator(), at(NOW - 61), Some((61, "ahead of", 60))),
        (&validator(), at(NOW - 60) - half, Some((61, "ahead of", 60))),
        (&custom, at(NOW + 1), None),
        (&custom, at(NOW + 2), Some((2, "behind", 1))),
        (&none, at(NOW), None),
        (&none, at(NOW + 1), Some((1, "behind", 0))),
    ] {
        let message = stale.map(|(seconds, side, most)| {
            format!("signature: stale, `RequestTime` is {seconds} s {side} the clock, at most {most} s are tolerated")
        });
        assert_eq!(validator.check_query(&query, now).err().map(|rejection| rejection.to_string()), message);
    }
}

#[test]
fn times_at_the_integer_limits() {
    let before_1970 = UNIX_EPOCH - Duration::from_millis(1_500);
    for (time, now, tolerance, kind) in [
        (0, UNIX_EPOCH, 60, None),
        (0, UNIX_EPOCH - Duration::from_secs(60), 60, None),
        (0, before_1970, 2, None),
        (0, before_1970, 1, Some(StaleSignature)),
        (1 << 63, at(NOW), 60, Some(StaleSignature)),
        (u64::MAX, at(NOW), 60, Some(StaleSignature)),
        (u64::MAX, before_1970, 60, Some(StaleSignature)),
        (u64::MAX, UNIX_EPOCH, u64::MAX, None),
    ] {
        let query = signed(&token("xxxxyyyy").sign(time), &time.to_string());
        let validator = validator().tolerance(Duration::from_secs(tolerance));
        assert_eq!(self::kind(&validator, &query, now), kind, "{time}");
    }
}

/// Also while tokens are rotated.
#[test]
fn a_fresh_signature_by_any_token_passes() {
    let texts = ["xxxxyyyy", "xxxxyyyy", "new", "third", "fourth", "never set"];
    for len in 1..texts.len() {
        let validator = texts[1..len].iter().map(|text| token(text)).fold(validator(), Validator::also_accept);
        for text in texts {
            let known = texts[..len].contains(&text);
            for (time, kind) in [(NOW, None), (NOW - 61, Some(StaleSignature)), (NOW + 61, Some(StaleSignature))] {
                let query = signed(&token(text).sign(time), &time.to_string());
                let kind = if known { kind } else { Some(InvalidSignature) };
                assert_eq!(self::kind(&validator, &query, at(NOW)), kind, "{len} {text} {time}");
            }
        }
    }
}

/// Clients do not learn why, the clock is read only with a token, and without one signatures are ignored.
#[test]
fn what_clients_are_told() {
    let genuine = signed(SIGN, &NOW.to_string());
    let wrong = signed(SIGN, "1");
    let stale = signed(&token("xxxxyyyy").sign(1), "1");
    let other_app = wrong.replace("888888", "1");
    // Command, content type and body are checked later.
    let odd = format!("SdkAppid=888888&CallbackCommand=Other&contenttype=xml&Sign={SIGN}");
    let strict = validator();
    let plain = Validator::unauthenticated(APP);
    for (validator, raw_query, raw_body, info, calls) in [
        (&strict, QUERY, BODY, "signature: missing", &["now", "rejected missing_signature"][..]),
        (&strict, &odd, b"\xff", "signature: missing", &["now", "rejected missing_signature"]),
        (&strict, &wrong, BODY, "signature: wrong", &["now", "rejected invalid_signature"]),
        (&strict, &stale, BODY, "signature: stale", &["now", "rejected stale_signature"]),
        (&strict, &other_app, BODY, OTHER_APP, &["now", "rejected sdk_app_id_mismatch"]),
        (&strict, &genuine, BODY, "", &["now", FULL]),
        (&plain, &genuine, BODY, "", &[FULL]),
        (&plain.clone().tolerance(Duration::ZERO), &genuine, BODY, "", &[FULL]),
        (&plain, &format!("{QUERY}&Sign=%&Sign=&RequestTime=x&RequestTime=y"), BODY, "", &[FULL]),
        (&plain, &format!("{QUERY}&Sign="), BODY, "", &[FULL]),
    ] {
        let (reply, called) = ask("POST", raw_query, raw_body, &Recorder::new(validator.clone()));
        let (status, body) = if info.is_empty() { (200, OK.to_owned()) } else { (403, fail(info)) };
        assert_eq!((reply.status().as_u16(), &*reply.body()), (status, body.as_bytes()), "{raw_query}");
        assert_eq!(called, calls, "{raw_query}");
    }
}

/// `"secret\n"` from a file was accepted once, and every callback was then `signature: wrong`.
#[test]
fn tokens_that_the_console_never_shows_are_refused() {
    const BLANK: &str = "begins or ends with white space: remove the line break if it is from a file";
    const CONTROL: &str = "contains a control character";
    let long = "x".repeat(129);
    for (bytes, message) in [
        (&b""[..], "expected at least one byte, found none: with an empty token anybody can sign"),
        (long.as_bytes(), "expected at most 128 bytes"),
        (b"secret\n", BLANK),
        (b"secret\r\n", BLANK),
        (b" secret", BLANK),
        (b"\tsecret", BLANK),
        ("secret\u{3000}".as_bytes(), BLANK),
        ("\u{feff}secret".as_bytes(), BLANK),
        (b"sec\nret", CONTROL),
        (b"\0secret", CONTROL),
        (b"secret\x7f", CONTROL),
        ("sec\u{85}ret".as_bytes(), CONTROL),
        (b"\xff\n", BLANK),
    ] {
        assert_eq!(Token::new(bytes).unwrap_err().to_string(), format!("token: {message}"));
    }
    // Blanks inside a token are part of it.
    assert_eq!(token("two words").sign(NOW), sha256(&format!("two words{NOW}")));
    for bytes in [&b"x"[..], &long.as_bytes()[1..], b"two words", b"\xff", "秘密".as_bytes()] {
        assert_eq!(Token::new(bytes).unwrap().sign(1).len(), 64);
    }
}

#[test]
fn tokens_are_not_shown() {
    let shown = format!("{:?} {:?}", token("xxxxyyyy"), validator());
    assert_eq!(
        shown,
        "Token(..) Validator { sdk_app_id: SdkAppId(888888), query_limit: 8192, body_limit: 65536, \
         requires_signature: true, .. }"
    );
    let query = signed(SIGN, &NOW.to_string());
    let event = validator().validate(&query, BODY, at(NOW)).unwrap();
    let everywhere = format!("{event:?} {} {}", serde_json::json!(event), event.query().to_query_string());
    assert!(!everywhere.contains(SIGN) && !everywhere.contains(&NOW.to_string()), "{everywhere}");
}
