//~ the trait bound `GroupFullService<
use axum::Router;
use im_group_full::{GroupFullService, Immediate, SdkAppId, Validator, handler_fn};

fn main() {
    let handler = handler_fn(Validator::unauthenticated(SdkAppId::new(888_888)), |_| Ok(()));
    let service = GroupFullService::new(Immediate(handler));
    #[cfg(fails)]
    let _: Router = Router::new().route("/", axum::routing::post(service));
    #[cfg(not(fails))]
    let _: Router = Router::new().route_service("/", service);
}
