//! Authenticates calls, as the vendor does.

use std::collections::HashMap;
use std::io::Read;
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::read::ZlibDecoder;
use hmac::{Hmac, KeyInit, Mac};
use im_group_full::SdkAppId;
use serde::Deserialize;
use sha2::Sha256;

#[derive(Deserialize)]
struct UserSig {
    #[serde(rename = "TLS.ver")]
    version: String,
    #[serde(rename = "TLS.identifier")]
    identifier: String,
    #[serde(rename = "TLS.sdkappid")]
    app: u64,
    #[serde(rename = "TLS.time")]
    time: u64,
    #[serde(rename = "TLS.expire")]
    expire: u64,
    #[serde(rename = "TLS.sig")]
    sig: String,
}

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
    let document = decode(get("usersig")).and_then(|document| serde_json::from_slice(&document).ok());
    let user_sig: UserSig = document.ok_or((70003, "usersig cannot be decoded"))?;
    if user_sig.version != "2.0" || !is_signed(&user_sig, secret_key) {
        return Err((70009, "usersig is not signed with the secret key"));
    }
    if user_sig.app != app.get() || user_sig.identifier != get("identifier") || get("identifier") != admin {
        return Err((70013, "identifier mismatch"));
    }
    let expires = Duration::from_secs(user_sig.time.saturating_add(user_sig.expire));
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

fn is_signed(user_sig: &UserSig, secret_key: &str) -> bool {
    let UserSig { identifier, app, time, expire, sig, .. } = user_sig;
    let signed = format!("TLS.identifier:{identifier}\nTLS.sdkappid:{app}\nTLS.time:{time}\nTLS.expire:{expire}\n");
    let sig = STANDARD.decode(sig).unwrap_or_default();
    Hmac::<Sha256>::new_from_slice(secret_key.as_bytes())
        .is_ok_and(|hmac| hmac.chain_update(signed).verify_slice(&sig).is_ok())
}
