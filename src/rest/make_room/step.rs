use std::fmt;
use std::time::Duration;

use http::Request;

use super::Report;
use crate::rest::RestError;

/// What a [`MakeRoom`](super::MakeRoom) wants you to do next.
#[must_use]
#[expect(clippy::large_enum_variant, reason = "there is one at a time, and HTTP clients take it unboxed")]
pub enum Step<'a> {
    /// Send this, and report with [`MakeRoom::response`](super::MakeRoom::response) or
    /// [`MakeRoom::no_response`](super::MakeRoom::no_response). The URL holds a credential: keep it out of logs.
    Send(Request<Vec<u8>>),
    /// Call `step` again after this time, with a new `now`. After ten waits at the same `now`, the run goes on anyway.
    Wait(Duration),
    /// The run has ended, perhaps at a [plan](super::MakeRoom::awaits_approval). It may have freed fewer slots than
    /// [`Report::aim`](super::Report::aim): candidates that became active are not replaced.
    Done(&'a Report),
    /// The run failed; see [`MakeRoom::resume`](super::MakeRoom::resume).
    Failed(&'a RestError),
}

impl fmt::Debug for Step<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // Only the path: the credential is in the query.
            Self::Send(request) => f.debug_tuple("Send").field(&request.uri().path()).finish(),
            Self::Wait(time) => f.debug_tuple("Wait").field(time).finish(),
            Self::Done(report) => f.debug_tuple("Done").field(report).finish(),
            Self::Failed(error) => f.debug_tuple("Failed").field(error).finish(),
        }
    }
}
