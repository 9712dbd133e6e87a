//! What a user may write by mistake, each behind its name as a `cfg`, and the form that works. `.ci/diagnostics` looks for
//! the words behind `//~` in what the compiler says.
#![allow(unexpected_cfgs)]

use std::sync::Arc;

use axum::Router;
use im_group_full::{
    AsyncGroupFullHandler, GroupFull, GroupFullService, Immediate, SdkAppId, Validator, async_handler_fn, handler_fn,
};

fn validator() -> Validator {
    Validator::unauthenticated(SdkAppId::new(888_888))
}

pub fn awaiting_closure() {
    #[cfg(awaiting_closure)] //~ found `async` closure body
    let _ = handler_fn(validator(), async |_| Ok(()));
    #[cfg(not(awaiting_closure))]
    let _ = async_handler_fn(validator(), async |_| Ok(()));
}

pub fn closure_in_a_let() {
    #[cfg(closure_in_a_let)] //~ is not general enough
    let f = |event| {
        let _: &GroupFull<'_> = event;
        Ok(())
    };
    #[cfg(not(closure_in_a_let))]
    let f = |event: &GroupFull<'_>| {
        let _ = event;
        Ok(())
    };
    let _ = handler_fn(validator(), f);
}

pub fn closure_with_state(store: Arc<String>) -> impl AsyncGroupFullHandler {
    #[cfg(closure_with_state)] //~ captures state
    return async_handler_fn(validator(), async move |event| {
        println!("{store}: {}", event.group_id());
        Ok(())
    });
    #[cfg(not(closure_with_state))]
    async_handler_fn(validator(), move |event| {
        let store = Arc::clone(&store);
        async move {
            println!("{store}: {}", event.group_id());
            Ok(())
        }
    })
}

pub fn event_for_a_thread() {
    let _ = handler_fn(validator(), |event| {
        #[cfg(event_for_a_thread)] //~ borrowed data escapes
        let event = event.clone();
        #[cfg(not(event_for_a_thread))]
        let event = event.to_static();
        std::thread::spawn(move || println!("{}", event.group_id()));
        Ok(())
    });
}

pub fn service_as_a_route() -> Router {
    let service = GroupFullService::new(Immediate(handler_fn(validator(), |_| Ok(()))));
    #[cfg(service_as_a_route)] //~ the trait bound `GroupFullService<
    return Router::new().route("/", axum::routing::post(service));
    #[cfg(not(service_as_a_route))]
    Router::new().route_service("/", service)
}

pub fn sync_handler() {
    let handler = handler_fn(validator(), |_| Ok(()));
    #[cfg(sync_handler)] //~ wrap a `GroupFullHandler` that does not block in `Immediate`
    let _ = GroupFullService::new(handler);
    #[cfg(not(sync_handler))]
    let _ = GroupFullService::new(Immediate(handler));
}
