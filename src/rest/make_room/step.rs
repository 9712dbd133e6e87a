use std::fmt;
use std::time::Duration;

use http::Request;

use super::Report;
use crate::rest::RestError;

/// What a [`MakeRoom`](super::MakeRoom) wants you to do next.
#[must_use]
#[expect(clippy::large_enum_variant, reason = "one at a time, and an HTTP client wants it unboxed")]
pub enum Step<'a> {
    /// Send this, and report with [`MakeRoom::response`](super::MakeRoom::response) or
    /// [`MakeRoom::no_response`](super::MakeRoom::no_response). The URL holds a credential: keep it
    /// out of logs.
    Send(Request<Vec<u8>>),
    /// Ask again after this long, with a new `now`. After ten waits at a `now` that does not move, the
    /// run goes on all the same.
    Wait(Duration),
    /// The run has ended. It may have freed fewer slots than [`Report::aim`](super::Report::aim):
    /// candidates who became active are not replaced.
    Done(&'a Report),
    /// It cannot go on by itself; see [`MakeRoom::resume`](super::MakeRoom::resume).
    Failed(&'a RestError),
}

impl fmt::Debug for Step<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // The path alone: the credential is in the query.
            Self::Send(request) => f.debug_tuple("Send").field(&request.uri().path()).finish(),
            Self::Wait(time) => f.debug_tuple("Wait").field(time).finish(),
            Self::Done(report) => f.debug_tuple("Done").field(report).finish(),
            Self::Failed(error) => f.debug_tuple("Failed").field(error).finish(),
        }
    }
}
