//! A handler that does not await, without `Immediate`: the error has to say what is missing.

use im_group_full::{GroupFullService, SdkAppId, Validator, handler_fn};

fn main() {
    let handler = handler_fn(Validator::unauthenticated(SdkAppId::new(888_888)), |_| Ok(()));
    let _ = GroupFullService::new(handler);
}
