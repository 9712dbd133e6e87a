/// Returns at most 256 bytes of a text from outside, without anything that could be a credential.
///
/// Gateways quote URLs in many spellings (`usersig=`, `UserSig%3D`, `"usersig":"`). So it looks for the
/// value, hundreds of characters of one alphabet, and not for the name.
pub(super) fn excerpt(text: &str) -> String {
    const MAX_LEN: usize = 256;
    const MAX_RUN: usize = 31;
    let mut kept = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if kept.len() > MAX_LEN {
            break;
        }
        let end = rest.find(|c| !could_be_user_sig(c)).unwrap_or(rest.len());
        let (run, after) = rest.split_at(if end > 0 { end } else { first.len_utf8() });
        kept.push_str(if end > MAX_RUN { "[removed]" } else { run });
        rest = after;
    }
    let mut end = kept.len().min(MAX_LEN);
    while !kept.is_char_boundary(end) {
        end -= 1;
    }
    kept.truncate(end);
    kept
}

/// Includes `%`, because a URL within a URL encodes `*` as `%2A`.
fn could_be_user_sig(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '*' | '-' | '_' | '%')
}
