//~ borrowed data escapes
use im_group_full::{SdkAppId, Validator, handler_fn};

fn main() {
    let _ = handler_fn(Validator::unauthenticated(SdkAppId::new(888_888)), |event| {
        #[cfg(fails)]
        let event = event.clone();
        #[cfg(not(fails))]
        let event = event.to_static();
        std::thread::spawn(move || println!("{}", event.group_id()));
        Ok(())
    });
}
