use sha2::{Digest, Sha256};

use crate::query::{Pair, pairs};

/// The expected result of checking a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signature {
    Fresh,
    Stale,
    Wrong,
    Missing,
    Duplicate,
}

impl Signature {
    /// `now` in whole seconds since the Unix epoch, rounded down.
    pub fn read(raw_query: &str, tokens: &[&[u8]], now: i128, tolerance: u64) -> Self {
        let pairs = pairs(raw_query);
        let find = |name| {
            let found: Vec<&Pair<'_>> = pairs.iter().filter(|pair| pair.name == name).collect();
            match found[..] {
                [] => Err(Self::Missing),
                [pair] => Ok(pair.raw_value),
                _ => Err(Self::Duplicate),
            }
        };
        let (given, text) = match (find("Sign"), find("RequestTime")) {
            (Err(refusal), _) | (_, Err(refusal)) => return refusal,
            (Ok(given), Ok(text)) => (given, text),
        };
        // The vendor formats numbers as Rust does.
        let Some(time) = text.parse::<u64>().ok().filter(|time| time.to_string() == text) else {
            return Self::Wrong;
        };
        if !tokens.iter().any(|token| sign(token, text) == given) {
            return Self::Wrong;
        }
        if (now - i128::from(time)).unsigned_abs() > u128::from(tolerance) { Self::Stale } else { Self::Fresh }
    }
}

pub fn sign(token: &[u8], text: &str) -> String {
    let digest = Sha256::new().chain_update(token).chain_update(text).finalize();
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
