//~ found `async` closure body
use im_group_full::{SdkAppId, Validator, async_handler_fn, handler_fn};

fn main() {
    let validator = Validator::unauthenticated(SdkAppId::new(888_888));
    #[cfg(fails)]
    let _ = handler_fn(validator, async |_| Ok(()));
    #[cfg(not(fails))]
    let _ = async_handler_fn(validator, async |_| Ok(()));
}
