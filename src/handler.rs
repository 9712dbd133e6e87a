use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use crate::{Failure, GroupFull, Rejection, Validator};

/// The app's side of the callback; see [`handle`](crate::handle).
///
/// Also implemented for `&H`, `Box<H>` and `Arc<H>`, and usable as `dyn GroupFullHandler`.
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
///     fn on_rejected(&self, rejection: &Rejection, _raw_query: &str) {
///         eprintln!("{}: {rejection}", rejection.kind().as_str());
///     }
/// }
/// ```
pub trait GroupFullHandler: Send + Sync {
    /// Returns what decides which callbacks reach [`on_group_full`](Self::on_group_full).
    ///
    /// A reference, so it cannot come out of a lock: to change it in a running process, say to
    /// rotate a token, swap the whole handler (an `Arc` of it), or build one for each request,
    /// which is cheap.
    fn validator(&self) -> &Validator;

    /// Handles a checked callback. It can come again, so handling must be safe to repeat.
    ///
    /// # Errors
    ///
    /// Whatever keeps the app from handling it. The vendor is answered `FAIL` and does not call
    /// again for it.
    fn on_group_full(&self, event: &GroupFull<'_>) -> Result<(), Failure>;

    /// Hears of a failure of [`on_group_full`](Self::on_group_full), for logs and metrics.
    #[expect(unused_variables, reason = "the names are for those who implement it")]
    fn on_failed(&self, event: &GroupFull<'_>, failure: &Failure) {}

    /// Hears of whatever does not reach [`on_group_full`](Self::on_group_full), for logs and
    /// metrics.
    ///
    /// Other commands of the app arrive here too, as
    /// [`OtherCommand`](crate::RejectionKind::OtherCommand). `raw_query` is untrusted and may
    /// hold a `Sign` that can be replayed while it is fresh: do not log it as it is.
    #[expect(unused_variables, reason = "the names are for those who implement it")]
    fn on_rejected(&self, rejection: &Rejection, raw_query: &str) {}

    /// Returns the time to compare a signature's with; asked only when a token is set. A test
    /// overrides it.
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }
}

/// Forwards what the two traits share; only `on_group_full` differs.
macro_rules! forward_hooks {
    ($self:ident => $inner:expr) => {
        fn validator(&$self) -> &Validator {
            $inner.validator()
        }

        fn on_failed(&$self, event: &GroupFull<'_>, failure: &Failure) {
            $inner.on_failed(event, failure);
        }

        fn on_rejected(&$self, rejection: &Rejection, raw_query: &str) {
            $inner.on_rejected(rejection, raw_query);
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

/// Makes a handler of a closure, for apps that need nothing but the event.
pub fn handler_fn<F>(validator: Validator, f: F) -> HandlerFn<F>
where
    F: Fn(&GroupFull<'_>) -> Result<(), Failure> + Send + Sync,
{
    HandlerFn { validator, f }
}

/// The handler that [`handler_fn`] makes.
#[derive(Clone)]
pub struct HandlerFn<F> {
    validator: Validator,
    f: F,
}

impl<F> GroupFullHandler for HandlerFn<F>
where
    F: Fn(&GroupFull<'_>) -> Result<(), Failure> + Send + Sync,
{
    fn validator(&self) -> &Validator {
        &self.validator
    }

    fn on_group_full(&self, event: &GroupFull<'_>) -> Result<(), Failure> {
        (self.f)(event)
    }
}

impl<F> fmt::Debug for HandlerFn<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HandlerFn").field("validator", &self.validator).finish_non_exhaustive()
    }
}
