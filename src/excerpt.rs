use std::borrow::Cow;

/// Shortens a text so that it is still recognisable and does not flood a log.
pub(crate) fn excerpt(text: &str) -> String {
    excerpt_of(text, 64)
}

/// Signatures are hidden before the cut, which could leave a run too short to recognise.
pub(crate) fn excerpt_of(text: &str, max_chars: usize) -> String {
    let mut shown = hide_signatures(text);
    if let Some((end, _)) = shown.char_indices().nth(max_chars) {
        shown.truncate(end);
        shown.push('…');
    }
    shown
}

/// Hides long runs of hex digits: if a proxy encodes the `&`, another parameter's value holds the signature.
#[cold]
fn hide_signatures(text: &str) -> String {
    hide_runs(text, |c| c.is_ascii_hexdigit(), 15, "[hex]")
}

/// Writes `instead` for every run of more than `longest` bytes of an ASCII alphabet.
pub(crate) fn hide_runs(text: &str, is_in: impl Fn(char) -> bool, longest: usize, instead: &str) -> String {
    let mut shown = String::new();
    for piece in text.split_inclusive(|c| !is_in(c)) {
        let run = piece.strip_suffix(|c| !is_in(c)).unwrap_or(piece);
        shown.push_str(if run.len() > longest { instead } else { run });
        shown.push_str(&piece[run.len()..]);
    }
    shown
}

/// Hides signatures in a value that is kept. The vendor's values are too short to hold one.
#[inline]
pub(crate) fn without_signatures(value: Cow<'_, str>) -> Cow<'_, str> {
    if value.len() < 64 { value } else { Cow::Owned(hide_signatures(&value)) }
}
