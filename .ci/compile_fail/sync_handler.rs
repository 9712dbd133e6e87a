//~ wrap a `GroupFullHandler` that does not block in `Immediate`
use im_group_full::{GroupFullService, Immediate, SdkAppId, Validator, handler_fn};

fn main() {
    let handler = handler_fn(Validator::unauthenticated(SdkAppId::new(888_888)), |_| Ok(()));
    #[cfg(fails)]
    let _ = GroupFullService::new(handler);
    #[cfg(not(fails))]
    let _ = GroupFullService::new(Immediate(handler));
}
