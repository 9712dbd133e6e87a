//! `handle` allocates nothing on the documented sample, signed or not.

mod util;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use im_group_full::{Failure, GroupFull, Validator, handle, handler_fn};
use util::{APP, BODY, OK, QUERY};

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

#[expect(unsafe_code, reason = "an allocator cannot be written without")]
// SAFETY: both methods hand their arguments to the system's allocator as they are.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations(f: impl FnOnce()) -> u64 {
    let before = ALLOCATIONS.get();
    f();
    ALLOCATIONS.get() - before
}

fn on_full(event: &GroupFull<'_>) -> Result<(), Failure> {
    match event.group_id() {
        "@TGS#2J4SZEAEL" => Ok(()),
        other => Err(Failure::new(other.to_owned())),
    }
}

#[test]
fn the_documented_sample_allocates_nothing() {
    let handler = handler_fn(Validator::unauthenticated(APP), on_full);
    let count = allocations(|| assert_eq!(handle(QUERY, BODY, &handler).body().as_ref(), OK.as_bytes()));
    assert_eq!(count, 0);
    let other_app = QUERY.replace("888888", "1");
    assert_eq!(allocations(|| drop(handle(&other_app, BODY, &handler).body())), 0);
    // Check that the counter works.
    assert_ne!(allocations(|| drop(handle("", BODY, &handler))), 0);
}

#[cfg(feature = "signature")]
#[test]
fn the_signed_sample_allocates_nothing() {
    let token = im_group_full::Token::new("xxxxyyyy").unwrap();
    let signed = |time| format!("{QUERY}&Sign={}&RequestTime={}", token.sign(time), util::NOW);
    // The forged one is of the right length, so it is hashed and compared.
    let (query, forged) = (signed(util::NOW), signed(util::NOW - 1));
    let handler = handler_fn(Validator::signed(APP, token), on_full).clock(|| util::at(util::NOW));
    let count = allocations(|| assert_eq!(handle(&query, BODY, &handler).body().as_ref(), OK.as_bytes()));
    assert_eq!(count, 0);
    assert_eq!(allocations(|| drop(handle(&forged, BODY, &handler).body())), 0);
}

/// One for the future, and two for the header map of the answer.
#[cfg(feature = "tower")]
#[test]
fn the_service_allocates_three_times() {
    use tower_service::Service;

    let handler = im_group_full::Immediate(handler_fn(Validator::unauthenticated(APP), on_full));
    let mut service = im_group_full::GroupFullService::new(handler);
    let body = util::whole::Whole(Some(bytes::Bytes::from_static(BODY)));
    let request = http::Request::post(format!("/?{QUERY}")).body(body).unwrap();
    let count = allocations(|| assert_eq!(util::ready(service.call(request)).unwrap().status(), 200));
    assert_eq!(count, 3);
}
