//! Authenticates calls, as the vendor does.

use std::collections::HashMap;
use std::io::Read;
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::read::ZlibDecoder;
use hmac::{Hmac, KeyInit, Mac};
use im_group_full::SdkAppId;
use serde_json::Value;
use sha2::Sha256;

/// The code and the text of a refusal.
pub(super) fn check(
    query: &HashMap<String, String>,
    app: SdkAppId,
    admin: &str,
    secret_key: &str,
    now: SystemTime,
) -> Result<(), (i32, &'static str)> {
    let get = |name: &str| query.get(name).map_or("", String::as_str);
    if get("sdkappid") != app.to_string() {
        return Err((70020, "sdkappid not found"));
    }
    if get("contenttype") != "json" || get("random").parse::<u32>().is_err() {
        return Err((60002, "`contenttype` or `random` is missing"));
    }
    let document = decode(get("usersig")).and_then(|document| serde_json::from_slice::<Value>(&document).ok());
    let document = document.ok_or((70003, "usersig cannot be decoded"))?;
    let number = |name: &str| document[name].as_u64().unwrap_or_default();
    let text = |name: &str| document[name].as_str().unwrap_or_default();
    let (identifier, time, expire) = (text("TLS.identifier"), number("TLS.time"), number("TLS.expire"));
    let signed = format!(
        "TLS.identifier:{identifier}\nTLS.sdkappid:{}\nTLS.time:{time}\nTLS.expire:{expire}\n",
        number("TLS.sdkappid")
    );
    let sig = STANDARD.decode(text("TLS.sig")).unwrap_or_default();
    let is_signed = Hmac::<Sha256>::new_from_slice(secret_key.as_bytes())
        .is_ok_and(|hmac| hmac.chain_update(signed).verify_slice(&sig).is_ok());
    if text("TLS.ver") != "2.0" || !is_signed {
        return Err((70009, "usersig is not signed with the secret key"));
    }
    if number("TLS.sdkappid") != app.get() || identifier != get("identifier") || identifier != admin {
        return Err((70013, "identifier mismatch"));
    }
    let expires = Duration::from_secs(time.saturating_add(expire));
    match now.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(now) if now < expires => Ok(()),
        _ => Err((70001, "usersig expired")),
    }
}

/// Decodes a `UserSig` to its JSON: base64 with three other characters, and zlib.
pub fn decode(text: &str) -> Option<Vec<u8>> {
    let base64 = text.replace('*', "+").replace('-', "/").replace('_', "=");
    let compressed = STANDARD.decode(base64).ok()?;
    let mut document = Vec::new();
    ZlibDecoder::new(compressed.as_slice()).take(4096).read_to_end(&mut document).ok()?;
    Some(document)
}
