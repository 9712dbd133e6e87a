//! A real HTTP client for requests whose URL is a secret.
//!
//! At the level `trace` of the crate `log`, this client logs whole URLs. No logger is installed here. If you
//! install one, keep `ureq` and `ureq_proto` above that level.

use std::time::Duration;

use http::{Request, StatusCode};
use ureq::Agent;

/// More than a page of 200 members, and a limit on what a faulty server can send.
const MAX_RESPONSE: u64 = 1024 * 1024;

/// Sends requests.
pub struct Client(Agent);

impl Client {
    /// Makes a client with this time-out.
    pub fn new(timeout: Duration) -> Self {
        let config = Agent::config_builder()
            .timeout_global(Some(timeout))
            // The status is for `RestError` to judge.
            .http_status_as_error(false)
            // A redirect would send the URL, with its credential, to another server.
            .max_redirects(0)
            // A proxy from the environment could read plain `http` to this machine.
            .proxy(None)
            .build();
        Self(config.into())
    }

    /// Sends one request and reads the response to its end.
    pub fn send(&self, request: Request<Vec<u8>>) -> Result<(StatusCode, Vec<u8>), SendError> {
        let mut response = self.0.run(request)?;
        let body = response.body_mut().with_config().limit(MAX_RESPONSE).read_to_vec()?;
        Ok((response.status(), body))
    }
}

/// Why there is no response, without the URL, which some of the client's own errors print.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    #[error("timed out")]
    Timeout,
    #[error("host not found")]
    HostNotFound,
    #[error("connection: {0}")]
    Io(std::io::ErrorKind),
    #[error("the HTTP client failed")]
    Other,
}

impl From<ureq::Error> for SendError {
    fn from(error: ureq::Error) -> Self {
        match error {
            ureq::Error::Timeout(_) => Self::Timeout,
            ureq::Error::HostNotFound => Self::HostNotFound,
            ureq::Error::Io(error) => Self::Io(error.kind()),
            _ => Self::Other,
        }
    }
}
