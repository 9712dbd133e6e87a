use std::sync::Arc;
use std::time::SystemTime;

use crate::{CheckedQuery, Failure, GroupFull, Rejection, Validator};

type Hook<F> = Option<Arc<F>>;
type WhenFailed = dyn Fn(&GroupFull<'_>, &Failure) + Send + Sync;

/// What the closures' handlers have besides the closure for the event.
#[derive(Clone)]
pub(crate) struct Hooks {
    validator: Validator,
    pub(crate) failed: Hook<WhenFailed>,
    pub(crate) other_command: Hook<dyn Fn(&CheckedQuery<'_>) + Send + Sync>,
    pub(crate) rejected: Hook<dyn Fn(&Rejection) + Send + Sync>,
    pub(crate) clock: Hook<dyn Fn() -> SystemTime + Send + Sync>,
}

impl Hooks {
    pub(crate) fn new(validator: Validator) -> Self {
        Self { validator, failed: None, other_command: None, rejected: None, clock: None }
    }

    #[inline]
    pub(crate) fn validator(&self) -> &Validator {
        &self.validator
    }

    pub(crate) fn on_failed(&self, event: &GroupFull<'_>, failure: &Failure) {
        if let Some(hook) = &self.failed {
            hook(event, failure);
        }
    }

    pub(crate) fn on_other_command(&self, query: &CheckedQuery<'_>) {
        if let Some(hook) = &self.other_command {
            hook(query);
        }
    }

    pub(crate) fn on_rejected(&self, rejection: &Rejection) {
        if let Some(hook) = &self.rejected {
            hook(rejection);
        }
    }

    pub(crate) fn now(&self) -> SystemTime {
        self.clock.as_ref().map_or_else(SystemTime::now, |clock| clock())
    }
}

/// The setters and the `Debug` of the closures' handlers, which each have `hooks` and `f`.
macro_rules! hook_setters {
    ($handler:ident) => {
        impl<F> $handler<F> {
            /// Calls `f` when the closure for the event fails, for logs and metrics.
            ///
            /// `{failure:#}` also shows the error behind a failure.
            pub fn when_failed(mut self, f: impl Fn(&GroupFull<'_>, &Failure) + Send + Sync + 'static) -> Self {
                self.hooks.failed = Some(Arc::new(f));
                self
            }

            /// Calls `f` for every genuine callback of another command; see
            /// [`GroupFullHandler::on_other_command`](crate::GroupFullHandler::on_other_command).
            pub fn when_other_command(mut self, f: impl Fn(&CheckedQuery<'_>) + Send + Sync + 'static) -> Self {
                self.hooks.other_command = Some(Arc::new(f));
                self
            }

            /// Calls `f` for every rejected callback, for logs and metrics.
            pub fn when_rejected(mut self, f: impl Fn(&Rejection) + Send + Sync + 'static) -> Self {
                self.hooks.rejected = Some(Arc::new(f));
                self
            }

            /// Sets the clock that signatures are compared with (default [`SystemTime::now`]).
            ///
            /// Use it in tests, and on `wasm32-unknown-unknown`, where `SystemTime::now` panics.
            pub fn clock(mut self, now: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
                self.hooks.clock = Some(Arc::new(now));
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
