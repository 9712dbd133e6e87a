use std::fmt;

use crate::debug_as_display;

/// The error of a call with more accounts or members than the vendor allows, or with none.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}: expected 1 to {max}, found {found}")]
pub struct InvalidCount {
    what: &'static str,
    max: usize,
    found: usize,
}

debug_as_display!(InvalidCount);

impl InvalidCount {
    pub(super) fn check(what: &'static str, found: usize, max: usize) -> Result<(), Self> {
        if (1..=max).contains(&found) {
            return Ok(());
        }
        Err(Self { what, max, found })
    }
}
