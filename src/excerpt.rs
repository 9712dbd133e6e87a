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
    let mut shown = String::new();
    for piece in text.split_inclusive(|c: char| !c.is_ascii_hexdigit()) {
        let digits = piece.bytes().take_while(u8::is_ascii_hexdigit).count();
        shown.push_str(if digits < 16 { &piece[..digits] } else { "[hex]" });
        shown.push_str(&piece[digits..]);
    }
    shown
}

/// Hides signatures in a value that is kept. The vendor's values are too short to hold one.
#[inline]
pub(crate) fn without_signatures(value: Cow<'_, str>) -> Cow<'_, str> {
    if value.len() < 64 { value } else { Cow::Owned(hide_signatures(&value)) }
}
