//! Borrowing `application/x-www-form-urlencoded`: a query is split at each `&` in one pass, names are
//! compared in place, and only text with a `%` or a `+` is decoded.

use std::borrow::Cow;
use std::fmt::Write;

/// An undecoded value.
#[derive(Clone, Copy)]
pub(crate) struct Encoded<'a> {
    pub(crate) raw: &'a str,
    plain: bool,
}

impl<'a> Encoded<'a> {
    /// Decodes `%XX` and `+`; returns `None` if an escape is broken or the bytes are not UTF-8.
    #[inline]
    pub(crate) fn decode(self) -> Option<Cow<'a, str>> {
        if self.plain { Some(Cow::Borrowed(self.raw)) } else { decode(self.raw).map(Cow::Owned) }
    }
}

/// The text between two `&`: `name=value`, or only a name.
#[derive(Clone, Copy)]
pub(crate) struct Pair<'a> {
    raw: &'a str,
    plain: bool,
}

impl<'a> Pair<'a> {
    /// Returns the value, if the name decodes to `name`.
    #[inline]
    pub(crate) fn value_of(self, name: &str) -> Option<Encoded<'a>> {
        let Self { raw, plain } = self;
        let rest = if plain {
            // Most names differ in the first byte, which is cheaper to compare.
            if raw.as_bytes().first() != name.as_bytes().first() {
                return None;
            }
            raw.strip_prefix(name)?
        } else {
            strip_encoded(raw, name)?
        };
        let raw = if rest.is_empty() { rest } else { rest.strip_prefix('=')? };
        Some(Encoded { raw, plain })
    }
}

/// Splits a query at each `&`, and skips empty parts.
#[inline]
pub(crate) fn pairs(query: &str) -> impl Iterator<Item = Pair<'_>> {
    let mut rest = query;
    std::iter::from_fn(move || {
        if rest.starts_with('&') {
            rest = skip_separators(rest);
        }
        if rest.is_empty() {
            return None;
        }
        let pair;
        (pair, rest) = split(rest);
        Some(pair)
    })
}

/// Skips eight at a time, so that a query of nothing but `&` costs no more than others of its length.
#[cold]
fn skip_separators(query: &str) -> &str {
    let mut rest = query;
    while let Some(tail) = rest.strip_prefix("&&&&&&&&") {
        rest = tail;
    }
    rest.trim_start_matches('&')
}

/// Splits at the first `&`, or at the end.
#[inline]
fn split(query: &str) -> (Pair<'_>, &str) {
    let at = first_that_matters(query.as_bytes());
    match query.as_bytes().get(at) {
        None => (Pair { raw: query, plain: true }, ""),
        Some(b'&') => cut(query, at, true),
        Some(_) => split_escaped(query),
    }
}

#[cold]
fn split_escaped(query: &str) -> (Pair<'_>, &str) {
    cut(query, query.find('&').unwrap_or(query.len()), false)
}

/// Finds the first byte below `,`: `%`, `&`, `+`, and little else in a query. In steps of eight bytes it may
/// also find a non-ASCII byte, which only costs a needless decoding.
#[inline]
fn first_that_matters(query: &[u8]) -> usize {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const HIGHS: u64 = ONES << 7;
    let mut rest = query;
    while let Some((word, tail)) = rest.split_first_chunk() {
        // Sets the high bit of each byte below `,`. A borrow changes only the bytes after the first of them.
        let low = u64::from_le_bytes(*word).wrapping_sub(ONES * u64::from(b',')) & HIGHS;
        if low != 0 {
            return query.len() - rest.len() + low.trailing_zeros() as usize / 8;
        }
        rest = tail;
    }
    query.len() - rest.len() + rest.iter().position(|byte| *byte < b',').unwrap_or(rest.len())
}

#[inline]
fn cut(query: &str, at: usize, plain: bool) -> (Pair<'_>, &str) {
    let (raw, rest) = query.split_at(at);
    (Pair { raw, plain }, rest.strip_prefix('&').unwrap_or(rest))
}

/// Strips a prefix that decodes to `name`.
#[cold]
fn strip_encoded<'a>(raw: &'a str, name: &str) -> Option<&'a str> {
    let mut bytes = raw.bytes();
    let same = name.bytes().all(|byte| decode_next(&mut bytes) == Some(Ok(byte)));
    if same { raw.get(raw.len() - bytes.len()..) } else { None }
}

#[cold]
fn decode(raw: &str) -> Option<String> {
    let mut bytes = raw.bytes();
    let mut decoded = Vec::with_capacity(raw.len());
    while let Some(byte) = decode_next(&mut bytes) {
        decoded.push(byte.ok()?);
    }
    String::from_utf8(decoded).ok()
}

#[derive(PartialEq)]
struct BrokenEscape;

fn decode_next(raw: &mut std::str::Bytes<'_>) -> Option<Result<u8, BrokenEscape>> {
    Some(match raw.next()? {
        b'+' => Ok(b' '),
        b'%' => decode_escape(raw).ok_or(BrokenEscape),
        byte => Ok(byte),
    })
}

fn decode_escape(raw: &mut std::str::Bytes<'_>) -> Option<u8> {
    let mut digit = || char::from(raw.next()?).to_digit(16);
    u8::try_from(digit()? * 16 + digit()?).ok()
}

/// Appends `name=value`, after a `&` unless it is the first pair.
pub(crate) fn append(query: &mut String, name: &str, value: &str) {
    if !query.is_empty() {
        query.push('&');
    }
    let words: Vec<_> = value.split(' ').map(|word| encoded(word, '*')).collect();
    query.extend([name, "=", &words.join("+")]);
}

/// Encodes a text as `%XX`, but for ASCII letters and digits, `-`, `.`, `_` and one character more.
pub(crate) fn encoded(text: &str, more: char) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match char::from(byte) {
            c if c.is_ascii_alphanumeric() || "-._".contains(c) || c == more => encoded.push(c),
            // Writing to a `String` cannot fail.
            _ => _ = write!(encoded, "%{byte:02X}"),
        }
    }
    encoded
}
