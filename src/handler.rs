use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use crate::hooks::{Hooks, hook_setters};
use crate::{CheckedQuery, Failure, GroupFull, Rejection, Validator};

/// What your app does with a callback. [`handle`](crate::handle) and its siblings call it.
///
/// For each request that gets an answer, exactly one of `on_group_full`, `on_other_command` and `on_rejected` is
/// called, and `on_failed` after an `on_group_full` that fails. If the request is abandoned before that, none is
/// called: for example, the future is dropped while the body is read, or your `read` panics. To count those, count
/// requests where they come in and where they are answered, and compare.
///
/// It is also implemented for `&H`, `Box<H>` and `Arc<H>`, and works as `dyn GroupFullHandler`.
///
/// The vendor gives up after two seconds ([`CALLBACK_TIMEOUT`](crate::CALLBACK_TIMEOUT)): hand slow
/// work to a queue and answer at once.
///
/// ```
/// use im_group_full::{Failure, GroupFull, GroupFullHandler, Rejection, SdkAppId, Validator};
///
/// struct Rooms {
///     validator: Validator,
///     full: std::sync::mpsc::SyncSender<GroupFull<'static>>,
/// }
///
/// impl GroupFullHandler for Rooms {
///     fn validator(&self) -> &Validator {
///         &self.validator
///     }
///
///     fn on_group_full(&self, event: &GroupFull<'_>) -> Result<(), Failure> {
///         self.full.try_send(event.to_static()).map_err(|_| Failure::new("busy"))
///     }
///
///     fn on_rejected(&self, rejection: &Rejection) {
///         eprintln!("{}: {rejection}", rejection.kind().as_str());
///     }
/// }
/// ```
#[expect(unused_variables, reason = "the names are for those who implement it")]
pub trait GroupFullHandler: Send + Sync {
    /// Returns the validator, which decides which callbacks reach [`on_group_full`](Self::on_group_full).
    ///
    /// It is a reference, so it cannot be returned from behind a lock guard. To change it in a running process, for
    /// example to rotate a token, swap the whole handler (in an `Arc`), or make one for each request, which is cheap.
    fn validator(&self) -> &Validator;

    /// Handles a checked callback. The same one can arrive twice, so this must be safe to repeat.
    ///
    /// # Errors
    ///
    /// The app cannot handle the event. The vendor gets `FAIL`, and does not send the event again.
    fn on_group_full(&self, event: &GroupFull<'_>) -> Result<(), Failure>;

    /// Called when [`on_group_full`](Self::on_group_full) fails, for logs and metrics. Does nothing
    /// unless you implement it.
    fn on_failed(&self, event: &GroupFull<'_>, failure: &Failure) {}

    /// Called for a genuine callback of another command, for logs and metrics. Does nothing unless you implement it.
    ///
    /// One URL serves every command that is switched on in the vendor's console. The vendor gets `OK`,
    /// which allows what a `...Before...` command asks for. This method is also called if a service given
    /// to `GroupFullService::other` handles the command.
    fn on_other_command(&self, query: &CheckedQuery<'_>) {}

    /// Called for every rejected callback, for logs and metrics. Does nothing unless you implement it.
    fn on_rejected(&self, rejection: &Rejection) {}

    /// Returns the time that a signature is compared with. Called only if a token is set; override it in tests.
    ///
    /// On `wasm32-unknown-unknown` the default panics, because `std` has no clock there. Override it, or
    /// give a closure's handler a [`clock`](HandlerFn::clock).
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }
}

/// Forwards the methods that both traits share: all except `on_group_full`.
macro_rules! forward_hooks {
    ($self:ident => $inner:expr) => {
        fn validator(&$self) -> &Validator {
            $inner.validator()
        }

        fn on_failed(&$self, event: &GroupFull<'_>, failure: &Failure) {
            $inner.on_failed(event, failure);
        }

        fn on_other_command(&$self, query: &CheckedQuery<'_>) {
            $inner.on_other_command(query);
        }

        fn on_rejected(&$self, rejection: &Rejection) {
            $inner.on_rejected(rejection);
        }

        fn now(&$self) -> SystemTime {
            $inner.now()
        }
    };
}

pub(crate) use forward_hooks;

macro_rules! forward {
    ($($pointer:ty),*) => {$(
        impl<H: GroupFullHandler + ?Sized> GroupFullHandler for $pointer {
            forward_hooks!(self => (**self));

            fn on_group_full(&self, event: &GroupFull<'_>) -> Result<(), Failure> {
                (**self).on_group_full(event)
            }
        }
    )*};
}

forward!(&H, Box<H>, Arc<H>);

/// Makes a handler from a closure. Rejections and failures are not logged until you set
/// [`when_rejected`](HandlerFn::when_rejected) and [`when_failed`](HandlerFn::when_failed).
///
/// ```
/// use im_group_full::{SdkAppId, Validator, handler_fn};
///
/// let handler = handler_fn(Validator::unauthenticated(SdkAppId::new(888_888)), |event| {
///     println!("{:?} is full", event.group_id());
///     Ok(())
/// })
/// .when_rejected(|rejection| eprintln!("rejected: {rejection}"))
/// .when_failed(|event, failure| eprintln!("lost {:?}: {failure:#}", event.id()));
/// # let _ = handler;
/// ```
///
/// # Traps
///
/// The compiler's message does not always name the fix.
///
/// ```text
/// // A closure that awaits:
/// handler_fn(validator, async |event| ..)         // expected `Result<(), Failure>`, found `async` closure body
/// async_handler_fn(validator, async |event| ..)   // works
///
/// // A closure in a `let` takes a single lifetime:
/// let f = |event| ..; handler_fn(validator, f)                    // not general enough
/// let f = |event: &GroupFull<'_>| ..; handler_fn(validator, f)    // works
///
/// // A thread or task outlives the request:
/// let event = event.clone(); spawn(async move { .. })             // borrowed data escapes
/// let event = event.to_static(); spawn(async move { .. })         // works
/// ```
pub fn handler_fn<F>(validator: Validator, f: F) -> HandlerFn<F>
where
    F: Fn(&GroupFull<'_>) -> Result<(), Failure> + Send + Sync,
{
    HandlerFn { hooks: Hooks::new(validator), f }
}

/// The handler that [`handler_fn`] makes.
#[derive(Clone)]
pub struct HandlerFn<F> {
    hooks: Hooks,
    f: F,
}

impl<F> GroupFullHandler for HandlerFn<F>
where
    F: Fn(&GroupFull<'_>) -> Result<(), Failure> + Send + Sync,
{
    forward_hooks!(self => self.hooks);

    fn on_group_full(&self, event: &GroupFull<'_>) -> Result<(), Failure> {
        (self.f)(event)
    }
}

hook_setters!(HandlerFn);
