use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::{Duration, SystemTime};

use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Request};
use serde_json::Value;

use super::{Endpoint, SecretKey, UserSig};
use crate::urlencoded::encoded;
use crate::{SdkAppId, debug_as_display};

/// What every call needs: where to send it, for which app, and as whom.
///
/// It signs each request with a new [`UserSig`], valid from the `now` of that request. So there is no
/// credential to keep, renew or share between threads, and one that leaks with a URL soon expires. If you
/// cannot send a request in time, build it again.
///
/// It holds the secret key: it does not serialise, and its [`Debug`] is redacted.
#[derive(Debug, Clone)]
pub struct RestApi {
    endpoint: Endpoint,
    app: SdkAppId,
    admin: String,
    key: SecretKey,
    lifetime: Duration,
}

/// Long enough for clocks that differ by minutes, short enough for a URL that ends up in a log.
const LIFETIME: Duration = Duration::from_secs(60 * 60);

/// Keeps the URL far below the limits of clients, proxies and [`http::Uri`].
const MAX_ADMIN_LEN: usize = 255;

impl RestApi {
    /// Calls `endpoint` for `app` as `admin`, an account that the vendor's console lists as an admin of the app.
    ///
    /// # Errors
    ///
    /// An `admin` that is empty or longer than 255 bytes.
    pub fn new(
        endpoint: Endpoint,
        app: SdkAppId,
        admin: impl Into<String>,
        key: SecretKey,
    ) -> Result<Self, InvalidAdmin> {
        let admin = admin.into();
        if admin.is_empty() || admin.len() > MAX_ADMIN_LEN {
            return Err(InvalidAdmin(admin.len()));
        }
        Ok(Self { endpoint, app, admin, key, lifetime: LIFETIME })
    }

    /// Sets how long each request's [`UserSig`] is valid, in whole seconds (default one hour). Less than a second
    /// counts as one.
    ///
    /// It must cover the difference between this clock and the vendor's, and the time a request may wait to be sent.
    pub fn user_sig_lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = lifetime.max(Duration::from_secs(1));
        self
    }

    /// Returns the account that makes the calls.
    pub fn admin(&self) -> &str {
        &self.admin
    }

    /// Returns the app that the calls are for.
    pub fn sdk_app_id(&self) -> SdkAppId {
        self.app
    }

    /// Builds the call of `command`, which names its service, such as `openim/query_online_status`. The URL
    /// holds a [`UserSig`].
    pub(super) fn request(&self, command: &str, body: &Value, now: SystemTime) -> Request<Vec<u8>> {
        let user_sig = UserSig::new(self.app, &self.key, &self.admin, self.lifetime, now);
        let path_and_query = format!(
            "/v4/{command}{}sdkappid={}&identifier={}&usersig={}&random={}&contenttype=json",
            if command.contains('?') { '&' } else { '?' },
            self.app,
            encoded(&self.admin, '~'),
            user_sig.as_str(),
            random(),
        );
        let mut request = Request::new(body.to_string().into_bytes());
        *request.method_mut() = Method::POST;
        // Always `Some`: the host was checked, and the rest is short ASCII. No client sends a URI without a host.
        *request.uri_mut() = self.endpoint.uri(&path_and_query).unwrap_or_default();
        let json = HeaderValue::from_static("application/json");
        request.headers_mut().insert(CONTENT_TYPE, json);
        request
    }
}

/// The vendor asks for a random 32-bit number, so that no two calls have the same URL. The keys of a standard
/// hash map's hasher differ each time, which is random enough for that.
fn random() -> u32 {
    let [a, b, c, d, ..] = RandomState::new().build_hasher().finish().to_le_bytes();
    u32::from_le_bytes([a, b, c, d])
}

/// The error of [`RestApi::new`].
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected an admin account of 1 to 255 bytes, found {0}")]
pub struct InvalidAdmin(usize);

debug_as_display!(InvalidAdmin);
