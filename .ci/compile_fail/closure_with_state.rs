//~ captures state
use std::sync::Arc;

use im_group_full::{AsyncGroupFullHandler, SdkAppId, Validator, async_handler_fn};

fn handler(store: Arc<String>) -> impl AsyncGroupFullHandler {
    let validator = Validator::unauthenticated(SdkAppId::new(888_888));
    #[cfg(fails)]
    return async_handler_fn(validator, async move |event| {
        println!("{store}: {}", event.group_id());
        Ok(())
    });
    #[cfg(not(fails))]
    async_handler_fn(validator, move |event| {
        let store = Arc::clone(&store);
        async move {
            println!("{store}: {}", event.group_id());
            Ok(())
        }
    })
}

fn main() {
    let _ = handler(Arc::default());
}
