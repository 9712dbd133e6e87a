use std::fmt::Display;
use std::hash::{BuildHasher, RandomState};
use std::path::Path;

use im_group_full::SdkAppId;
use im_group_full::testing::Callback;

/// The time of the sample event.
const MADE_AT: &str = "1670574414123";

/// The environment variable that holds the token.
pub const TOKEN_VARIABLE: &str = "IM_CALLBACK_TOKEN";

/// Where the shell that signs gets the token.
#[derive(Debug, Clone, Copy)]
pub enum Source<'a> {
    /// The environment variable, which the shell has too: the vendor's token is never printed.
    Variable,
    File(&'a Path),
    /// Made up for this run.
    MadeUp(&'a str),
}

/// Returns a shell line that sends a callback, signed if there is a token. `flags` are more flags for curl.
///
/// The line computes `Sign` when it runs, because a signature is fresh for only a minute.
pub fn curl(url: &str, sdk_app_id: SdkAppId, token: Option<Source<'_>>, flags: &str) -> String {
    let callback = Callback::new(sdk_app_id);
    let (query, body) = (callback.raw_query(), String::from_utf8_lossy(&callback.raw_body()).into_owned());
    // Of the moment in which the line is run: who is inactive is measured then.
    let body = body.replace(MADE_AT, "'$(date +%s)000'");
    let token = match token {
        None => return format!("curl -sS -w '\\n' {flags}-d '{body}' '{url}?{query}'"),
        Some(Source::Variable) => format!("\"${TOKEN_VARIABLE}\""),
        Some(Source::File(path)) => format!("\"$(tr -d '\\r\\n' <{})\"", quoted(path.display())),
        Some(Source::MadeUp(token)) => quoted(token),
    };
    format!(
        "t=$(date +%s); s=$(printf %s {token}\"$t\" | openssl dgst -sha256 -r | cut -c1-64); \
         curl -sS -w '\\n' {flags}-d '{body}' \"{url}?{query}&Sign=$s&RequestTime=$t\""
    )
}

/// Makes up a token for a run without one.
pub fn made_up_token() -> String {
    // The standard library seeds it from the system's own source of randomness.
    let [a, b] = [(); 2].map(|()| RandomState::new().hash_one("token"));
    format!("{a:016x}{b:016x}")
}

/// Quotes the text as one shell word.
fn quoted(text: impl Display) -> String {
    format!("'{}'", text.to_string().replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_path_is_one_word() {
        assert_eq!(super::quoted("a'b $(c)"), r"'a'\''b $(c)'");
    }
}
