//! What the pages say, compared with what the code says.

use std::collections::BTreeSet;
use std::path::Path;

use im_group_full::RejectionKind::{self, *};
use im_group_full::testing::Callback;
use im_group_full::{Rejection, Reply, SdkAppId, Token, Validator, handle_request, handler_fn};

const APP: SdkAppId = SdkAppId::new(888_888);
const NOW: u64 = 1_669_872_112;

const PAGES: [(&str, &str); 6] = [
    ("README.md", include_str!("../README.md")),
    ("README.zh-CN.md", include_str!("../README.zh-CN.md")),
    ("docs/guide.md", include_str!("../docs/guide.md")),
    ("docs/guide.zh-CN.md", include_str!("../docs/guide.zh-CN.md")),
    ("docs/operate.md", include_str!("../docs/operate.md")),
    ("docs/operate.zh-CN.md", include_str!("../docs/operate.zh-CN.md")),
];
const OPERATES: [(&str, &str); 2] = [PAGES[4], PAGES[5]];

/// The first cells of the one table with three columns.
fn faults(page: &str) -> Vec<&str> {
    let rows = page.lines().filter(|line| line.starts_with("| "));
    rows.skip(1).map(|row| row[2..].split(" | ").next().unwrap()).collect()
}

/// What stands between one or two backticks.
fn code(cell: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = cell;
    while let Some(start) = rest.find('`') {
        let fence = if rest[start..].starts_with("``") { "``" } else { "`" };
        let inner = &rest[start + fence.len()..];
        let end = inner.find(fence).unwrap_or_else(|| panic!("no {fence} ends {inner:?}"));
        found.push(&inner[..end]);
        rest = &inner[end + fence.len()..];
    }
    found
}

/// `…` stands for anything.
fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('…');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else { return false };
    for part in parts {
        let Some(at) = rest.rfind(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.is_empty()
}

/// The labels of all kinds, from the code: the enum is `#[non_exhaustive]`, and no test can list it.
fn labels() -> BTreeSet<&'static str> {
    let source = include_str!("../src/rejection_kind.rs");
    source.lines().filter_map(|line| line.trim().strip_prefix("Self::")?.split('"').nth(1)).collect()
}

/// What the sender of a callback that is broken in this way is told.
fn answer(kind: RejectionKind) -> Reply {
    let token = Token::new("secret").unwrap();
    let handler = handler_fn(Validator::signed(APP, token.clone()), |_| Ok(()))
        .clock(|| std::time::UNIX_EPOCH + std::time::Duration::from_secs(NOW));
    let callback = Callback::new(APP).signed(&token, NOW);
    match kind {
        MethodNotAllowed => return Rejection::method_not_allowed().into(),
        IncompleteBody => return Rejection::incomplete_body().into(),
        OtherCommand => return answer_to(&callback.command("Other"), &handler),
        _ => (),
    }
    answer_to(&callback.broken(kind), &handler)
}

fn answer_to(callback: &Callback, handler: &impl im_group_full::GroupFullHandler) -> Reply {
    handle_request("POST", &callback.raw_query(), |_| Ok(callback.raw_body()), handler)
}

#[test]
fn the_table_of_faults_has_a_row_for_each_kind_of_rejection() {
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
    assert_eq!(kinds.iter().map(|kind| kind.as_str()).collect::<BTreeSet<_>>(), labels());
    for (name, page) in OPERATES {
        let faults = faults(page);
        let labelled = faults.iter().filter_map(|cell| cell.split(['(', '（']).nth(1)?.split([')', '）']).next());
        assert_eq!(labelled.flat_map(code).collect::<BTreeSet<_>>(), labels(), "{name}");
        for kind in kinds {
            let named = |cell: &&&str| code(cell).contains(&kind.as_str());
            let [cell] = faults.iter().filter(named).collect::<Vec<_>>()[..] else {
                panic!("{name}: expected one row for `{kind}`")
            };
            let reply = answer(kind);
            if kind == OtherCommand {
                assert_eq!((reply.status().as_u16(), reply.response().error_code()), (200, 0));
                continue;
            }
            let (status, text) = (reply.status().as_str().to_owned(), reply.response().error_info().to_owned());
            assert!(cell.starts_with(&status), "{name}: {kind} is answered {status}, and the row is {cell}");
            assert!(code(cell).iter().any(|code| matches(code, &text)), "{name}: {kind} says {text:?}, not {cell}");
        }
    }
}

/// The sentences are the texts of `diagnosis.rs` that are longer than a search word.
#[test]
fn the_table_of_faults_has_each_sentence_of_the_probe() {
    let source = include_str!("../examples/probe/src/diagnosis.rs");
    let source = source.split("#[cfg(test)]").next().unwrap();
    let code_of = source.lines().filter(|line| !line.trim_start().starts_with("//"));
    let sentences: BTreeSet<String> = code_of
        .flat_map(|line| line.split('"').skip(1).step_by(2))
        .filter(|text| text.split(' ').count() > 3)
        .map(|text| {
            text.split('{')
                .map(|part| part.split_once('}').map_or(part, |(_, rest)| rest))
                .collect::<Vec<_>>()
                .join("…")
        })
        .collect();
    assert!(sentences.len() > 10, "{sentences:?}");
    for (name, page) in OPERATES {
        let mut listed = BTreeSet::new();
        for cell in faults(page) {
            // Of a cell only what follows the word is the probe's.
            if let Some((_, probe)) = cell.split_once("probe") {
                listed.extend(code(probe).into_iter().map(str::to_owned));
            }
        }
        assert_eq!(listed, sentences, "{name}");
    }
}

/// The table that begins with this cell.
fn table(page: &str, first: &str) -> Vec<String> {
    let lines = page.lines().map(|line| line.strip_prefix("//! ").unwrap_or(line).replace(['[', ']'], ""));
    let table = lines.skip_while(|line| !line.starts_with(&format!("| {first} |")));
    table.take_while(|line| line.starts_with('|')).collect()
}

#[test]
fn the_ways_in_are_the_same_on_each_page() {
    let ways = table(PAGES[0].1, "who reads the body");
    assert_eq!(ways.len(), 5);
    assert_eq!(table(PAGES[2].1, "who reads the body"), ways);
    assert_eq!(table(include_str!("../src/lib.rs"), "who reads the body"), ways);
    let chinese = table(PAGES[1].1, "由谁读取包体");
    assert_eq!(chinese.len(), 5);
    assert_eq!(table(PAGES[3].1, "由谁读取包体"), chinese);
}

/// As rustdoc and the usual hosts make it of a heading.
fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

#[test]
fn links_lead_to_files_and_headings() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (name, page) in PAGES {
        let definitions = page.lines().filter_map(|line| line.strip_prefix('[')?.split_once("]: "));
        let inline = page.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
        let targets: Vec<&str> =
            definitions.map(|(_, target)| target).chain(inline.map(|(target, _)| target)).collect();
        assert!(!targets.is_empty(), "{name}");
        for target in targets.into_iter().filter(|target| !target.starts_with("https://")) {
            let (file, heading) = target.split_once('#').unwrap_or((target, ""));
            let folder = root.join(name).parent().unwrap().to_owned();
            let file = if file.is_empty() { root.join(name) } else { folder.join(file) };
            let text = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{name}: {target}: {error}"));
            let mut headings = text.lines().filter_map(|line| line.strip_prefix("## "));
            assert!(heading.is_empty() || headings.any(|each| anchor(each) == heading), "{name}: {target}");
        }
    }
}
