use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use crate::handler::forward_hooks;
use crate::hooks::{Hooks, hook_setters};
use crate::{CheckedQuery, Failure, GroupFull, GroupFullHandler, Rejection, Validator};

/// [`GroupFullHandler`] for code that awaits; see [`handle_async`](crate::handle_async).
///
/// It is also implemented for `&H`, `Box<H>` and `Arc<H>`. It works with every async runtime, and its futures are
/// `Send`. It is not dyn-compatible: if you need a trait object, wrap a [`GroupFullHandler`] in [`Immediate`].
///
/// The vendor gives up after two seconds ([`CALLBACK_TIMEOUT`](crate::CALLBACK_TIMEOUT)). A server may drop the future
/// at any await, when the caller hangs up. Hand work that must not stop halfway to a task or a queue.
///
/// ```
/// use im_group_full::{AsyncGroupFullHandler, Failure, GroupFull, Validator};
///
/// struct Rooms {
///     validator: Validator,
/// }
///
/// impl AsyncGroupFullHandler for Rooms {
///     fn validator(&self) -> &Validator {
///         &self.validator
///     }
///
///     async fn on_group_full(&self, event: &GroupFull<'_>) -> Result<(), Failure> {
///         enqueue(event.group_id()).await?;
///         Ok(())
///     }
/// }
/// # async fn enqueue(_: &str) -> std::io::Result<()> { Ok(()) }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an `AsyncGroupFullHandler`",
    label = "not an `AsyncGroupFullHandler`",
    note = "wrap a `GroupFullHandler` that does not block in `Immediate`: `Immediate(handler)`"
)]
#[expect(unused_variables, reason = "the names are for those who implement it")]
pub trait AsyncGroupFullHandler: Send + Sync {
    /// The same as [`GroupFullHandler::validator`].
    fn validator(&self) -> &Validator;

    /// The same as [`GroupFullHandler::on_group_full`].
    ///
    /// # Errors
    ///
    /// The app cannot handle the event.
    fn on_group_full(&self, event: &GroupFull<'_>) -> impl Future<Output = Result<(), Failure>> + Send;

    /// The same as [`GroupFullHandler::on_failed`].
    fn on_failed(&self, event: &GroupFull<'_>, failure: &Failure) {}

    /// The same as [`GroupFullHandler::on_other_command`].
    fn on_other_command(&self, query: &CheckedQuery<'_>) {}

    /// The same as [`GroupFullHandler::on_rejected`].
    fn on_rejected(&self, rejection: &Rejection) {}

    /// The same as [`GroupFullHandler::now`].
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }
}

macro_rules! forward {
    ($($pointer:ty),*) => {$(
        impl<H: AsyncGroupFullHandler + ?Sized> AsyncGroupFullHandler for $pointer {
            forward_hooks!(self => (**self));

            async fn on_group_full(&self, event: &GroupFull<'_>) -> Result<(), Failure> {
                (**self).on_group_full(event).await
            }
        }
    )*};
}

forward!(&H, Box<H>, Arc<H>);

/// Lets you use a [`GroupFullHandler`] that does not block as an async one.
///
/// It can also wrap an `Arc<dyn GroupFullHandler>`.
#[derive(Debug, Clone, Copy)]
pub struct Immediate<H>(pub H);

impl<H: GroupFullHandler> AsyncGroupFullHandler for Immediate<H> {
    forward_hooks!(self => self.0);

    async fn on_group_full(&self, event: &GroupFull<'_>) -> Result<(), Failure> {
        self.0.on_group_full(event)
    }
}

/// Makes an async handler from a closure. Rejections and failures are not logged until you set
/// [`when_rejected`](AsyncHandlerFn::when_rejected) and [`when_failed`](AsyncHandlerFn::when_failed).
///
/// ```
/// use std::sync::Arc;
///
/// use im_group_full::{SdkAppId, Validator, async_handler_fn};
///
/// let store = Arc::new(Store);
/// let handler = async_handler_fn(Validator::unauthenticated(SdkAppId::new(888_888)), move |event| {
///     let store = Arc::clone(&store);
///     async move { Ok(store.insert(event.group_id()).await?) }
/// })
/// .when_rejected(|rejection| eprintln!("rejected: {rejection}"))
/// .when_failed(|event, failure| eprintln!("lost {:?}: {failure:#}", event.id()));
/// # let _ = handler;
/// # struct Store;
/// # impl Store { async fn insert(&self, _: &str) -> std::io::Result<()> { Ok(()) } }
/// ```
///
/// # Traps
///
/// An `async` closure lends its state to its future, which has to own it:
///
/// ```text
/// async move |event| store.insert(event.group_id()).await             // captures state
/// move |event| { let store = store.clone(); async move { .. } }       // works, as above
/// ```
pub fn async_handler_fn<F, Fut>(validator: Validator, f: F) -> AsyncHandlerFn<F>
where
    F: Fn(GroupFull<'static>) -> Fut + Send + Sync,
    Fut: Future<Output = Result<(), Failure>> + Send,
{
    AsyncHandlerFn { hooks: Hooks::new(validator), f }
}

/// The handler that [`async_handler_fn`] makes.
#[derive(Clone)]
pub struct AsyncHandlerFn<F> {
    hooks: Hooks,
    f: F,
}

impl<F, Fut> AsyncGroupFullHandler for AsyncHandlerFn<F>
where
    F: Fn(GroupFull<'static>) -> Fut + Send + Sync,
    Fut: Future<Output = Result<(), Failure>> + Send,
{
    forward_hooks!(self => self.hooks);

    async fn on_group_full(&self, event: &GroupFull<'_>) -> Result<(), Failure> {
        (self.f)(event.to_static()).await
    }
}

hook_setters!(AsyncHandlerFn);
