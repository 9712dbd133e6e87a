//! As much of one thing as the limits let in: the cost must grow with the length, and no faster.

use std::hint::black_box;

use im_group_full::handle;
use serde::de::IgnoredAny;

use super::{App, BODY, Case, QUERY, case, validator};

const QUERY_LIMIT: usize = 8 * 1024;
const BODY_LIMIT: usize = 64 * 1024;

/// For each thing `linear/thing/half` and `linear/thing/whole`, and in `linear/thing/ignored` what
/// `serde_json` needs to ignore the same bytes as the whole.
pub(super) fn linear() -> Vec<Case> {
    let query = |name, make: fn(usize) -> String| {
        let request = move |len| (make(len - QUERY.len()), BODY.to_owned());
        let ignored = serde_json::to_string(&request(QUERY_LIMIT).0).unwrap();
        cases(name, ignored, request(QUERY_LIMIT / 2), request(QUERY_LIMIT))
    };
    let body = |name, value: fn(usize) -> String| {
        let request = move |len| {
            let own = format!("{{\"Own\":{},", value(len - BODY.len() - r#""Own":,"#.len()));
            (QUERY.to_owned(), BODY.replacen('{', &own, 1))
        };
        cases(name, request(BODY_LIMIT).1, request(BODY_LIMIT / 2), request(BODY_LIMIT))
    };
    [
        query("ampersands", |len| QUERY.replacen('&', &"&".repeat(len + 1), 1)),
        query("escapes in a query", |len| format!("{QUERY}&{}", "%41".repeat((len - 1) / 3))),
        query("escapes that are read", |len| format!("{QUERY}&ClientIP={}", "%41".repeat((len - 10) / 3))),
        query("long value", |len| format!("{QUERY}&own={}", "a".repeat(len - 5))),
        body("nested arrays", |len| format!("{}{}", "[".repeat(len / 2), "]".repeat(len / 2))),
        body("escapes in a body", |len| format!("\"{}\"", "\\u0041".repeat((len - 2) / 6))),
        body("digits", |len| "7".repeat(len)),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn cases(name: &str, ignored: String, half: (String, String), whole: (String, String)) -> [Case; 3] {
    let handled = |part: &str, (query, body): (String, String)| {
        let app = App(validator(false));
        case(format!("linear/{name}/{part}"), move || {
            let reply = handle(black_box(&query), black_box(body.as_bytes()), black_box(&app));
            assert_eq!(reply.status(), 200, "{:?}", reply.rejection());
        })
    };
    let ignore = move || serde_json::from_slice::<IgnoredAny>(black_box(ignored.as_bytes())).unwrap();
    [case(format!("linear/{name}/ignored"), ignore), handled("half", half), handled("whole", whole)]
}
