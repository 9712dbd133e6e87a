use std::fmt;

use hmac::{Hmac, KeyInit};
use sha2::Sha256;

use crate::debug_as_display;

/// The secret key of an app, from the vendor's console.
///
/// Anyone who has it can act as every user and admin of the app, so it has a redacted
/// [`Debug`](fmt::Debug), and neither [`Display`](fmt::Display) nor serialisation. Read it from the
/// environment or a file, not from the command line.
#[derive(Clone)]
pub struct SecretKey(pub(super) Hmac<Sha256>);

impl SecretKey {
    /// Takes the key as the console shows it, as text: its hexadecimal digits are not decoded.
    ///
    /// # Errors
    ///
    /// The key is empty, or contains white space or a control character. The line break at the end of a file
    /// would otherwise become part of the key, and the vendor would refuse every call as wrongly signed.
    pub fn new(key: &str) -> Result<Self, InvalidSecretKey> {
        if key.is_empty() {
            return Err(InvalidSecretKey("expected a secret key, found nothing"));
        }
        if key.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(InvalidSecretKey("expected a secret key without white space or control characters"));
        }
        // Never fails: HMAC takes a key of any length, unlike other `KeyInit` types.
        let key = Hmac::new_from_slice(key.as_bytes());
        key.map(Self).map_err(|_| InvalidSecretKey("expected a secret key of another length"))
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(..)")
    }
}

/// The error of [`SecretKey::new`]; it does not show the key.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidSecretKey(&'static str);

debug_as_display!(InvalidSecretKey);
