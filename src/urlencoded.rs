//! `application/x-www-form-urlencoded`, borrowed: a query is cut into pairs in one pass, and only
//! what holds a `%` or a `+` is decoded.

use std::borrow::Cow;

/// A name or a value as it stands in the query.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Encoded<'a> {
    pub(crate) raw: &'a str,
    plain: bool,
}

impl<'a> Encoded<'a> {
    /// Decodes `%XX` and `+`; `None` where an escape is broken or the bytes are not UTF-8.
    pub(crate) fn decode(self) -> Option<Cow<'a, str>> {
        if self.plain {
            return Some(Cow::Borrowed(self.raw));
        }
        decode(self.raw).map(Cow::Owned)
    }
}

/// Iterates over the `name=value` pairs; a pair without a `=` is a name with an empty value.
pub(crate) fn pairs(query: &str) -> impl Iterator<Item = (Encoded<'_>, Encoded<'_>)> {
    let mut rest = query;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches('&');
        if rest.is_empty() {
            return None;
        }
        let (pair, tail) = split_pair(rest);
        rest = tail;
        Some(pair)
    })
}

fn split_pair(query: &str) -> ((Encoded<'_>, Encoded<'_>), &str) {
    let bytes = query.as_bytes();
    let mut name = None;
    let mut start = 0;
    let mut plain = true;
    let mut at = find_special(bytes, 0);
    while at < bytes.len() {
        match bytes[at] {
            b'&' => break,
            b'=' if name.is_none() => {
                let raw = &query[..at];
                name = Some(Encoded { raw, plain });
                (start, plain) = (at + 1, true);
            }
            b'%' | b'+' => plain = false,
            _ => {}
        }
        at = find_special(bytes, at + 1);
    }
    let last = Encoded { raw: &query[start..at], plain };
    let nothing = Encoded { raw: "", plain: true };
    let pair = name.map_or((last, nothing), |name| (name, last));
    (pair, query.get(at + 1..).unwrap_or(""))
}

/// Finds the first byte at or after `from` that may be one of `&`, `=`, `%` and `+`, eight bytes at
/// a step.
fn find_special(bytes: &[u8], from: usize) -> usize {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    let mut at = from;
    while let Some(word) = bytes.get(at..).and_then(|rest| rest.first_chunk()) {
        let word = u64::from_le_bytes(*word);
        // The high bit of a byte is set where it is below `,` (`%`, `&` and `+` are) or equal to
        // `=`. A borrow can only set a bit above another one that is set, so the lowest is
        // exact.
        let equals = word ^ (ONES * u64::from(b'='));
        let below = word.wrapping_sub(ONES * u64::from(b',')) & !word;
        let zero = equals.wrapping_sub(ONES) & !equals;
        let found = (below | zero) & (ONES << 7);
        if found != 0 {
            return at + (found.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    let tail = bytes.get(at..).unwrap_or_default();
    let special = |byte: &u8| *byte < b',' || *byte == b'=';
    at + tail.iter().position(special).unwrap_or(tail.len())
}

fn decode(raw: &str) -> Option<String> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let mut bytes = raw.bytes();
    let mut decoded = Vec::with_capacity(raw.len());
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => u8::try_from(digit(bytes.next()?)? * 16 + digit(bytes.next()?)?).ok()?,
            byte => byte,
        });
    }
    String::from_utf8(decoded).ok()
}

/// Appends `name=value`, after a `&` unless it is the first pair.
pub(crate) fn append(query: &mut String, name: &str, value: &str) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    if !query.is_empty() {
        query.push('&');
    }
    query.push_str(name);
    query.push('=');
    for byte in value.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'*' | b'-' | b'.' | b'_' => {
                query.push(char::from(byte));
            }
            b' ' => query.push('+'),
            _ => {
                query.push('%');
                query.push(char::from(HEX[usize::from(byte >> 4)]));
                query.push(char::from(HEX[usize::from(byte & 15)]));
            }
        }
    }
}
