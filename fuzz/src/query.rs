use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// A parameter as `form_urlencoded` reads it, and its raw value.
pub struct Pair<'a> {
    pub name: Cow<'a, str>,
    pub value: Cow<'a, str>,
    pub raw_value: &'a str,
}

impl Pair<'_> {
    /// Whether `form_urlencoded`, which accepts everything, had nothing to repair.
    fn is_clean(&self) -> bool {
        let is_escape = |rest: &str| rest.bytes().take(2).filter(u8::is_ascii_hexdigit).count() == 2;
        self.raw_value.split('%').skip(1).all(is_escape) && percent_decode_str(self.raw_value).decode_utf8().is_ok()
    }
}

pub fn pairs(raw_query: &str) -> Vec<Pair<'_>> {
    let raw_values =
        raw_query.split('&').filter(|pair| !pair.is_empty()).map(|pair| pair.split_once('=').unwrap_or((pair, "")).1);
    let decoded: Vec<_> = form_urlencoded::parse(raw_query.as_bytes()).collect();
    assert_eq!(decoded.len(), raw_values.clone().count());
    decoded.into_iter().zip(raw_values).map(|((name, value), raw_value)| Pair { name, value, raw_value }).collect()
}

/// The expected result of parsing a query.
#[derive(Debug, PartialEq, Eq)]
pub struct Query {
    pub sdk_app_id: u64,
    pub command: String,
    pub content_type: Option<String>,
    pub client_ip: Option<String>,
    pub opt_platform: Option<String>,
    pub request_id: Option<String>,
}

impl Query {
    /// Returns `None` if the query must be refused.
    pub fn read(raw_query: &str) -> Option<Self> {
        let pairs = pairs(raw_query);
        // A broken name keeps its `%` or gets a U+FFFD, so it equals none of these.
        let named = |name: &str| pairs.iter().filter(move |pair| pair.name == name).collect::<Vec<_>>();
        let identity = |name| match named(name)[..] {
            [] => Some(None),
            [pair] if pair.is_clean() => Some(Some(pair.value.to_string())),
            _ => None,
        };
        let information = |name| {
            let last = named(name).pop()?;
            Some(if last.is_clean() { last.value.to_string() } else { last.raw_value.to_owned() })
        };
        let digits = identity("SdkAppid")??;
        Some(Self {
            sdk_app_id: digits.parse().ok().filter(|_| digits.bytes().all(|byte| byte.is_ascii_digit()))?,
            command: identity("CallbackCommand")?.filter(|command| !command.is_empty()).map(without_signatures)?,
            content_type: identity("contenttype")?.map(without_signatures),
            client_ip: information("ClientIP").map(without_signatures),
            opt_platform: information("OptPlatform").map(without_signatures),
            request_id: information("RequestID").map(without_signatures),
        })
    }
}

/// A value long enough to hold a signature has `[hex]` for each run of 16 hex digits and more.
fn without_signatures(value: String) -> String {
    if value.len() < 64 {
        return value;
    }
    let mut shown = String::new();
    let mut run = String::new();
    for c in value.chars().map(Some).chain([None]) {
        match c {
            Some(digit) if digit.is_ascii_hexdigit() => run.push(digit),
            other => {
                shown.push_str(if run.len() < 16 { &run } else { "[hex]" });
                shown.extend(other);
                run.clear();
            }
        }
    }
    shown
}
