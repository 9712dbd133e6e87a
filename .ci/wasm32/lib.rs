//! A server without a clock of its own, which Node asks: each function returns the status of an answer.

use std::time::{Duration, UNIX_EPOCH};

use im_group_full::testing::Callback;
use im_group_full::{GroupFullHandler, SdkAppId, Token, Validator, handle, handler_fn};

const APP: SdkAppId = SdkAppId::new(888_888);
const NOW: u64 = 1_669_872_112;

fn status(callback: &Callback, handler: &impl GroupFullHandler) -> u32 {
    handle(&callback.raw_query(), &callback.raw_body(), handler).status().as_u16().into()
}

fn signed(request_time: u64) -> (Callback, Validator) {
    let token = Token::new("xxxxyyyy").expect("a token");
    (Callback::new(APP).signed(&token, request_time), Validator::signed(APP, token))
}

#[unsafe(no_mangle)]
pub extern "C" fn unsigned() -> u32 {
    status(&Callback::new(APP), &handler_fn(Validator::unauthenticated(APP), |_| Ok(())))
}

#[unsafe(no_mangle)]
pub extern "C" fn with_a_clock(request_time: u64) -> u32 {
    let (callback, validator) = signed(request_time);
    let handler = handler_fn(validator, |_| Ok(())).clock(|| UNIX_EPOCH + Duration::from_secs(NOW));
    status(&callback, &handler)
}

/// Without `.clock(..)`, as the documentation of `now` says, this traps.
#[unsafe(no_mangle)]
pub extern "C" fn without_a_clock() -> u32 {
    let (callback, validator) = signed(NOW);
    status(&callback, &handler_fn(validator, |_| Ok(())))
}
