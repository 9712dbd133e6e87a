use std::sync::Arc;
use std::time::SystemTime;

use crate::{CheckedQuery, Failure, GroupFull, Rejection, Validator};

type Failed = dyn Fn(&GroupFull<'_>, &Failure) + Send + Sync;

/// The validator, the optional closures and the clock of a handler made from a closure.
#[derive(Clone)]
pub(crate) struct Hooks {
    validator: Validator,
    pub(crate) failed: Arc<Failed>,
    pub(crate) other_command: Arc<dyn Fn(&CheckedQuery<'_>) + Send + Sync>,
    pub(crate) rejected: Arc<dyn Fn(&Rejection) + Send + Sync>,
    pub(crate) clock: Arc<dyn Fn() -> SystemTime + Send + Sync>,
}

impl Hooks {
    pub(crate) fn new(validator: Validator) -> Self {
        let (failed, clock) = (Arc::new(|_: &GroupFull<'_>, _: &Failure| {}), Arc::new(SystemTime::now));
        Self { validator, failed, other_command: Arc::new(|_| {}), rejected: Arc::new(|_| {}), clock }
    }

    #[inline]
    pub(crate) fn validator(&self) -> &Validator {
        &self.validator
    }

    pub(crate) fn on_failed(&self, event: &GroupFull<'_>, failure: &Failure) {
        (self.failed)(event, failure);
    }

    pub(crate) fn on_other_command(&self, query: &CheckedQuery<'_>) {
        (self.other_command)(query);
    }

    pub(crate) fn on_rejected(&self, rejection: &Rejection) {
        (self.rejected)(rejection);
    }

    pub(crate) fn now(&self) -> SystemTime {
        (self.clock)()
    }
}

/// The setters and `Debug` of both closure handlers, whose fields are `hooks` and `f`.
macro_rules! hook_setters {
    ($handler:ident) => {
        impl<F> $handler<F> {
            /// Calls `f` when the closure for the event fails, for logs and metrics.
            ///
            /// `{failure:#}` also shows the error behind a failure.
            pub fn when_failed(mut self, f: impl Fn(&GroupFull<'_>, &Failure) + Send + Sync + 'static) -> Self {
                self.hooks.failed = Arc::new(f);
                self
            }

            /// Calls `f` for every genuine callback of another command; see
            /// [`GroupFullHandler::on_other_command`](crate::GroupFullHandler::on_other_command).
            pub fn when_other_command(mut self, f: impl Fn(&CheckedQuery<'_>) + Send + Sync + 'static) -> Self {
                self.hooks.other_command = Arc::new(f);
                self
            }

            /// Calls `f` for every rejected callback, for logs and metrics.
            pub fn when_rejected(mut self, f: impl Fn(&Rejection) + Send + Sync + 'static) -> Self {
                self.hooks.rejected = Arc::new(f);
                self
            }

            /// Sets the clock that signatures are compared with (default [`SystemTime::now`]).
            ///
            /// Use it in tests, and on `wasm32-unknown-unknown`, where `SystemTime::now` panics.
            pub fn clock(mut self, now: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
                self.hooks.clock = Arc::new(now);
                self
            }
        }

        impl<F> fmt::Debug for $handler<F> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($handler)).field("validator", self.hooks.validator()).finish_non_exhaustive()
            }
        }
    };
}

pub(crate) use hook_setters;
