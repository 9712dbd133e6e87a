//! Only genuine signatures are accepted, however close the forgery.
#![no_main]

use std::time::{Duration, UNIX_EPOCH};

use im_group_full::RejectionKind::{DuplicateParameter, InvalidSignature, MissingSignature, StaleSignature};
use im_group_full::{SdkAppId, Token, Validator};
use im_group_full_fuzz::{APP, Signature, pairs, sign};
use libfuzzer_sys::{Corpus, fuzz_target};

const TOKENS: [&[u8]; 2] = [b"xxxxyyyy", b"e10adc3949ba59abbe56e057f20f883e"];

// Twenty-five bytes configure the clock and the app. Then come `RequestTime`, `Sign` and the rest of the
// query, one per line, in which control characters stand for values that chance would never find.
fuzz_target!(|data: &[u8]| -> Corpus {
    let Some((&[flags, ref numbers @ ..], template)) = data.split_first_chunk::<25>() else {
        return Corpus::Reject;
    };
    let Ok(template) = std::str::from_utf8(template) else {
        return Corpus::Reject;
    };
    let number = |index: usize| u64::from_le_bytes(std::array::from_fn(|byte| numbers[index * 8 + byte]));
    let (time, offset, tolerance) = (number(0), number(1).cast_signed(), number(2));
    let tokens = if flags & 1 == 0 { &TOKENS[..1] } else { &TOKENS };

    let template = template.replace('\x01', &time.to_string());
    let mut lines = template.splitn(3, '\n');
    let text = lines.next().unwrap_or_default();
    let mut raw_query = format!("SdkAppid={APP}&CallbackCommand=A&RequestTime={text}");
    if let Some(sign) = lines.next() {
        raw_query = raw_query + "&Sign=" + sign + "&" + lines.next().unwrap_or_default();
    }
    // Correct for this text, even if it is not a valid number.
    for (control, genuine) in ['\x02', '\x03'].into_iter().zip(TOKENS.map(|token| sign(token, text))) {
        raw_query = raw_query.replace(control, &genuine);
    }
    raw_query = raw_query.replace('\x04', &sign(TOKENS[0], text).to_uppercase());
    raw_query = raw_query.replace('\x05', &sign(b"", text));

    let Some((now, seconds)) = clock(time, offset, flags & 2 != 0) else {
        return Corpus::Reject;
    };
    let mut accepted = tokens.iter().map(|token| Token::new(token).unwrap());
    let validator = Validator::signed(SdkAppId::new(APP), accepted.next().expect("a token"));
    let validator = accepted.fold(validator, Validator::also_accept);
    let validator = validator.max_query_len(usize::MAX).tolerance(Duration::from_secs(tolerance));
    let kind = validator.check_query(&raw_query, now).err().map(|rejection| rejection.kind());
    let identity = pairs(&raw_query)
        .iter()
        .filter(|pair| ["SdkAppid", "CallbackCommand", "contenttype"].contains(&&*pair.name))
        .count();
    if identity != 2 {
        return Corpus::Reject;
    }
    let expected = match Signature::read(&raw_query, tokens, seconds, tolerance) {
        Signature::Fresh => None,
        Signature::Stale => Some(StaleSignature),
        Signature::Wrong => Some(InvalidSignature),
        Signature::Missing => Some(MissingSignature),
        Signature::Duplicate => Some(DuplicateParameter),
    };
    assert_eq!(kind, expected, "{raw_query}");
    assert_eq!(Token::new(TOKENS[0]).unwrap().sign(time), sign(TOKENS[0], &time.to_string()));
    Corpus::Keep
});

/// Returns a clock that is off by this many seconds (or half a second more), and its whole seconds since the
/// Unix epoch.
fn clock(time: u64, offset: i64, half: bool) -> Option<(std::time::SystemTime, i128)> {
    let seconds = i128::from(time) + i128::from(offset);
    let distance = Duration::from_secs(u64::try_from(seconds.unsigned_abs()).ok()?);
    let now = if seconds < 0 { UNIX_EPOCH.checked_sub(distance) } else { UNIX_EPOCH.checked_add(distance) }?;
    let half = Duration::from_millis(if half { 500 } else { 0 });
    Some((now.checked_add(half)?, seconds))
}
