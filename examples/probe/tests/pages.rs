//! The pages say what the code says: the table of faults has a row for each rejection and each diagnosis, and the ways in are the
//! same on each page.

use std::collections::BTreeSet;
use std::time::{Duration, UNIX_EPOCH};

use example_support::vendor::Diagnosis;
use im_group_full::RejectionKind::{self, *};
use im_group_full::testing::Callback;
use im_group_full::{Rejection, Reply, SdkAppId, Token, Validator, handle, handler_fn};
use regex::Regex;

const OPERATE: [(&str, &str); 2] = [
    ("docs/operate.md", include_str!("../../../docs/operate.md")),
    ("docs/operate.zh-CN.md", include_str!("../../../docs/operate.zh-CN.md")),
];

/// The first cells of the page's one table.
fn faults(page: &str) -> Vec<&str> {
    let rows = page.lines().filter_map(|line| line.strip_prefix("| "));
    rows.skip(1).map(|row| row.split(" | ").next().unwrap()).collect()
}

/// What stands between one or two backticks.
fn code(text: &str) -> Vec<&str> {
    let fences = Regex::new("``(?<code>.+?)``|`(?<other>.+?)`").unwrap();
    let inner = |found: regex::Captures<'_>| found.name("code").or(found.name("other")).map(|inner| inner.range());
    fences.captures_iter(text).filter_map(inner).map(|range| &text[range]).collect()
}

/// `…` stands for anything.
fn matches(pattern: &str, text: &str) -> bool {
    Regex::new(&format!("^{}$", regex::escape(pattern).replace('…', ".*"))).unwrap().is_match(text)
}

/// The labels of all kinds, from the code: the enum is `#[non_exhaustive]`, and no test can list it.
fn labels() -> BTreeSet<&'static str> {
    let source = include_str!("../../../src/rejection_kind.rs");
    source.lines().filter_map(|line| line.split_once(" = \"")?.1.strip_suffix("\",")).collect()
}

/// What the sender of a callback that is broken in this way is told.
fn answer(kind: RejectionKind) -> Reply {
    let (app, now) = (SdkAppId::new(888_888), 1_669_872_112);
    let token = Token::new("secret").unwrap();
    let callback = Callback::new(app).signed(&token, now);
    let callback = match kind {
        MethodNotAllowed => return Rejection::method_not_allowed().into(),
        IncompleteBody => return Rejection::incomplete_body().into(),
        OtherCommand => callback.command("Other"),
        _ => callback.broken(kind),
    };
    let handler = handler_fn(Validator::signed(app, token), |_| {
        panic!("{kind} reached the app: does `testing::Callback::broken` know it?")
    })
    .clock(move || UNIX_EPOCH + Duration::from_secs(now));
    handle(&callback.raw_query(), &callback.raw_body(), &handler)
}

#[test]
fn the_faults_have_a_row_for_each_kind_of_rejection() {
    let kinds = [
        QueryTooLong,
        BodyTooLarge,
        IncompleteBody,
        MissingParameter,
        DuplicateParameter,
        InvalidParameter,
        UnsupportedContentType,
        SdkAppIdMismatch,
        MissingSignature,
        InvalidSignature,
        StaleSignature,
        OtherCommand,
        MalformedBody,
        CommandMismatch,
        MethodNotAllowed,
    ];
    assert_eq!(
        kinds.iter().map(|kind| kind.as_str()).collect::<BTreeSet<_>>(),
        labels(),
        "the list above and `rejection_kind.rs`"
    );
    for (name, page) in OPERATE {
        let faults = faults(page);
        let labelled = faults.iter().filter_map(|cell| cell.split(['(', '（']).nth(1)?.split([')', '）']).next());
        assert_eq!(labelled.flat_map(code).collect::<BTreeSet<_>>(), labels(), "{name}");
        for kind in kinds {
            let reply = answer(kind);
            let (status, text) = (reply.status().as_u16().to_string(), reply.response().error_info());
            let of_kind = |cell: &&&str| code(cell).contains(&kind.as_str());
            let cells: Vec<_> = faults.iter().filter(of_kind).collect();
            assert_eq!(cells.len(), 1, "{name}: rows for {kind}");
            assert!(cells[0].starts_with(&status), "{name}: {kind} is answered {status}: {cells:?}");
            let says = |code: &str| matches(code, text) || (text.is_empty() && code == "OK");
            assert!(code(cells[0]).into_iter().any(says), "{name}: {kind} says {text:?}: {cells:?}");
        }
    }
}

#[test]
fn the_faults_have_each_sentence_of_the_probe_once() {
    let mut sentences: Vec<_> = Diagnosis::ALL.iter().map(|diagnosis| diagnosis.sentence()).collect();
    sentences.sort_unstable();
    for (name, page) in OPERATE {
        let faults = faults(page);
        let probe = faults.iter().filter_map(|cell| cell.split_once("probe"));
        let mut listed: Vec<_> = probe.flat_map(|(_, sentences)| code(sentences)).collect();
        listed.sort_unstable();
        assert_eq!(listed, sentences, "{name}");
    }
}

#[test]
fn the_ways_in_are_the_same_on_each_page() {
    // In the documentation of the crate, names are links.
    let table = |page: &str, first: &str| {
        let lines = page.lines().map(|line| line.strip_prefix("//! ").unwrap_or(line).replace(['[', ']'], ""));
        let table = lines.skip_while(|line| !line.starts_with(&format!("| {first} |")));
        table.take_while(|line| line.starts_with('|')).collect::<Vec<_>>()
    };
    let ways = table(include_str!("../../../README.md"), "who reads the body");
    assert_eq!(ways.len(), 5);
    assert_eq!(table(include_str!("../../../docs/guide.md"), "who reads the body"), ways, "guide.md");
    assert_eq!(table(include_str!("../../../src/lib.rs"), "who reads the body"), ways, "lib.rs");
    let chinese = table(include_str!("../../../README.zh-CN.md"), "由谁读取包体");
    assert_eq!(chinese.len(), 5);
    assert_eq!(table(include_str!("../../../docs/guide.zh-CN.md"), "由谁读取包体"), chinese, "guide.zh-CN.md");
}
