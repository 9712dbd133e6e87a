//~ is not general enough
use im_group_full::{GroupFull, SdkAppId, Validator, handler_fn};

fn main() {
    let validator = Validator::unauthenticated(SdkAppId::new(888_888));
    #[cfg(fails)]
    let f = |event| {
        let _: &GroupFull<'_> = event;
        Ok(())
    };
    #[cfg(not(fails))]
    let f = |event: &GroupFull<'_>| {
        let _ = event;
        Ok(())
    };
    let _ = handler_fn(validator, f);
}
