use std::fmt;
use std::io::Write;
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::ZlibEncoder;
use hmac::Mac;
use serde_json::json;

use super::{SecretKey, since_epoch};
use crate::SdkAppId;

/// The credential of an account at the vendor, `UserSig` version 2 (the vendor's document 34385).
///
/// [`RestApi`](super::RestApi) makes its own for each request. It is as powerful as a password until it
/// expires, so its [`Debug`](fmt::Debug) is redacted.
#[derive(Clone)]
pub struct UserSig(String);

impl UserSig {
    /// Signs for `account`, valid from `now` for `lifetime`, both in whole seconds.
    pub fn new(app: SdkAppId, key: &SecretKey, account: &str, lifetime: Duration, now: SystemTime) -> Self {
        let time = since_epoch(now).as_secs();
        let expire = lifetime.as_secs();
        let signed = format!("TLS.identifier:{account}\nTLS.sdkappid:{app}\nTLS.time:{time}\nTLS.expire:{expire}\n");
        let sig = key.0.clone().chain_update(signed.as_bytes()).finalize().into_bytes();
        let document = json!({
            "TLS.ver": "2.0",
            "TLS.identifier": account,
            "TLS.sdkappid": app,
            "TLS.time": time,
            "TLS.expire": expire,
            "TLS.sig": STANDARD.encode(sig),
        });
        // Writing to a `Vec` cannot fail; the vendor would refuse an empty signature.
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        let written = encoder.write_all(document.to_string().as_bytes());
        let compressed = written.and_then(|()| encoder.finish()).unwrap_or_default();
        let text = STANDARD.encode(compressed);
        Self(text.replace('+', "*").replace('/', "-").replace('=', "_"))
    }

    /// Returns the text that goes to the vendor: letters, digits, `*`, `-` and `_`, safe in a URL without encoding.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for UserSig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UserSig(..)")
    }
}
