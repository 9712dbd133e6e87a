use std::time::{Duration, SystemTime, UNIX_EPOCH};
use std::{array, fmt};

use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

use crate::parameters::Parameters;
use crate::rejection::Repr;
use crate::sdk_app_id::decimal;
use crate::{SdkAppId, Validator, debug_as_display};

/// The secret that the vendor's console shows under webhook authentication, and that signs every callback.
///
/// `Debug` shows no byte of it, and it can be neither compared, printed nor serialised. See
/// [`Validator::signed`](crate::Validator::signed) for what a signature proves.
///
/// ```
/// use im_group_full::Token;
///
/// let token = Token::new("xxxxyyyy")?;
/// let sign = "17773bc39a671d7b9aa835458704d2a6db81360a5940292b587d6d760d484061"; // the vendor's own sample
/// assert_eq!(token.sign(1_669_872_112), sign);
/// # Ok::<(), im_group_full::InvalidToken>(())
/// ```
#[derive(Clone)]
pub struct Token(Box<[u8]>);

impl Token {
    /// Makes a token from its bytes, 1 to 128, as the console shows them. Nothing is trimmed: remove the
    /// line break if you read them from a file.
    ///
    /// # Errors
    ///
    /// The token is empty (anybody can hash the time alone) or longer than 128 bytes; it begins or ends
    /// with white space or a byte order mark, or has a control character anywhere. The vendor's tokens
    /// have none of these, so it is not the one that the console shows, and no signature would match.
    pub fn new(bytes: impl AsRef<[u8]>) -> Result<Self, InvalidToken> {
        let bytes = bytes.as_ref();
        let text = String::from_utf8_lossy(bytes);
        let blank = |c: char| c.is_whitespace() || c == '\u{feff}';
        Err(InvalidToken(if bytes.is_empty() {
            "expected at least one byte, found none: with an empty token anybody can sign"
        } else if bytes.len() > 128 {
            "expected at most 128 bytes"
        } else if text.starts_with(blank) || text.ends_with(blank) {
            "begins or ends with white space: remove the line break if it is from a file"
        } else if text.contains(char::is_control) {
            "contains a control character"
        } else {
            return Ok(Self(bytes.into()));
        }))
    }

    /// Returns the `Sign` that goes with a `RequestTime` in seconds since the Unix epoch; for your own tests and tools.
    ///
    /// It is the SHA-256 of the token's bytes followed by the digits of `RequestTime`, written as 64 hex
    /// digits in lower case. `Sign` and `RequestTime` are both parameters of the query.
    pub fn sign(&self, request_time: u64) -> String {
        self.sign_text(&request_time.to_string()).map(char::from).iter().collect()
    }

    fn sign_text(&self, request_time: &str) -> [u8; 64] {
        let mut hasher = Sha256::new();
        hasher.update(&self.0);
        hasher.update(request_time);
        let digest = hasher.finalize_reset(); // `finalize` would move the hasher first, which costs 8 ns
        let mut hex = [0; 64];
        for (digits, byte) in hex.chunks_exact_mut(2).zip(digest) {
            // Arithmetic instead of a table: a look-up would leak the digits through the cache.
            digits.copy_from_slice(&[byte >> 4, byte & 15].map(|n| n + b'0' + u8::from(n > 9) * (b'a' - b'9' - 1)));
        }
        hex
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

/// The error of [`Token::new`]: the token cannot be the one that the vendor's console shows.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("token: {0}")]
pub struct InvalidToken(&'static str);

debug_as_display!(InvalidToken);

impl Validator {
    /// Accepts callbacks for this app that are signed with this token, or with one given to
    /// [`also_accept`](Self::also_accept).
    ///
    /// # What it proves
    ///
    /// The sender knows the token, or saw one of its signatures while it is fresh. A signature is fresh for the
    /// [`tolerance`](Self::tolerance) before and after its `RequestTime`. It covers only the time, not the other
    /// parameters or the body, so a captured URL can be replayed with another body while it is fresh. HTTPS stays
    /// necessary, and access logs that hold query strings are as secret as the token for that time.
    ///
    /// # Clocks
    ///
    /// If your clock is off by more than the tolerance, every callback is rejected as
    /// [`StaleSignature`](crate::RejectionKind::StaleSignature). The message says by how many seconds. Fix the clock
    /// (NTP) rather than widen the tolerance, which is also the time in which a captured URL can be replayed.
    pub fn signed(sdk_app_id: SdkAppId, token: Token) -> Self {
        Self::unauthenticated(sdk_app_id).also_accept(token)
    }

    /// Accepts signatures made with this token, too. Call it once for each further token.
    ///
    /// # Rotation
    ///
    /// Callbacks are in flight while you change the token in the console, so both tokens must be valid for a while.
    /// Accept the new one beside the old one and change it in the console. Ten minutes after the change, once a
    /// callback has arrived since, drop the old one. In a running process, swap the whole handler (an `Arc` behind your
    /// own lock), or build one for each request, which is cheap.
    pub fn also_accept(mut self, token: Token) -> Self {
        self.policy.tokens.push(token);
        self
    }

    /// Sets how far `RequestTime` may be from the clock, before or after (default 60 s, as the vendor
    /// advises). The limit is inclusive. Fractions of a second, here and in the clock, are dropped.
    pub fn tolerance(mut self, tolerance: Duration) -> Self {
        self.policy.tolerance = tolerance;
        self
    }
}

/// The tokens and the tolerance of a [`Validator`].
#[derive(Clone)]
pub(crate) struct Policy {
    tokens: Vec<Token>,
    tolerance: Duration,
}

impl Policy {
    pub(crate) const fn new() -> Self {
        // The vendor's page advises to refuse a `RequestTime` that is more than a minute from now.
        Self { tokens: Vec::new(), tolerance: Duration::from_secs(60) }
    }

    pub(crate) fn check(&self, parameters: &Parameters<'_>, now: SystemTime) -> Result<(), Repr> {
        // Compared undecoded: hex and decimal digits need no escapes.
        let sign = parameters.sign.single("Sign")?.ok_or(Repr::MissingSignature("Sign"))?.raw;
        let text = parameters.request_time.single("RequestTime")?.ok_or(Repr::MissingSignature("RequestTime"))?.raw;
        // An attacker who saw one signature can extend the plain hash of token and time, but only by bytes
        // that are not digits. So accept only digits, in the vendor's spelling.
        let time = decimal(text).filter(|_| text == "0" || !text.starts_with('0'));
        let time = time.ok_or(Repr::InvalidSignature)?;
        if !self.knows(sign, text) {
            return Err(Repr::InvalidSignature);
        }
        let (seconds, ahead) = distance(time, now);
        let tolerance = self.tolerance.as_secs();
        if seconds > tolerance {
            return Err(Repr::StaleSignature { seconds, ahead, tolerance });
        }
        Ok(())
    }

    pub(crate) fn is_set(&self) -> bool {
        !self.tokens.is_empty()
    }

    fn knows(&self, sign: &str, request_time: &str) -> bool {
        let Ok(given) = <&[u8; 64]>::try_from(sign.as_bytes()).map(words) else {
            return false;
        };
        // Compares every digit of every token, without branches (`|` and `subtle`): the time depends on the
        // number of tokens and their lengths, not on where, or whether, a digit differs.
        let known = self
            .tokens
            .iter()
            .fold(Choice::from(0), |known, token| known | words(&token.sign_text(request_time)).ct_eq(&given));
        known.into()
    }
}

/// Converts the digits to words, of which `subtle` compares one per step.
fn words(digits: &[u8; 64]) -> [u64; 8] {
    array::from_fn(|word| u64::from_ne_bytes(array::from_fn(|byte| digits[8 * word + byte])))
}

/// Returns how many whole seconds a time since the Unix epoch is away from the clock, and whether it is ahead.
fn distance(time: u64, now: SystemTime) -> (u64, bool) {
    match now.duration_since(UNIX_EPOCH) {
        Ok(now) => match time.checked_sub(now.as_secs()) {
            Some(ahead) => (ahead, true),
            None => (now.as_secs() - time, false),
        },
        Err(before) => {
            let before = before.duration();
            (time.saturating_add(before.as_secs()).saturating_add(u64::from(before.subsec_nanos() > 0)), true)
        }
    }
}
