use std::fmt;
use std::time::SystemTime;

use crate::parameters::Parameters;
use crate::query::check_content_type;
use crate::rejection::Repr;
#[cfg(feature = "signature")]
use crate::signature::Policy;
use crate::{CallbackQuery, CheckedQuery, GroupFull, Rejection, SdkAppId};

/// Decides which callbacks reach the app's code.
///
/// The checks, in this order: the query's length and syntax, the SDKAppID, the signature, the command, `contenttype`,
/// the body's length and syntax, and that its command is the query's. Cheap checks come before expensive ones, and no
/// body is looked at before its query has passed. A genuine callback of another command is answered `OK` with any body,
/// so the body is measured only when the command is known.
///
/// **Without a token, anybody can forge a callback**: the SDKAppID is public. Use
/// `Validator::signed`, with the feature `signature`. `Debug` shows whether a token is set.
///
/// ```
/// use std::time::SystemTime;
///
/// use im_group_full::{SdkAppId, Validator};
///
/// let validator = Validator::unauthenticated(SdkAppId::new(888_888));
/// let event = validator.validate(
///     "SdkAppid=888888&CallbackCommand=Group.CallbackAfterGroupFull&contenttype=json",
///     br#"{"CallbackCommand":"Group.CallbackAfterGroupFull","GroupId":"@TGS#2J4SZEAEL"}"#,
///     SystemTime::now(),
/// )?;
/// assert_eq!(event.group_id(), "@TGS#2J4SZEAEL");
/// # Ok::<(), im_group_full::Rejection>(())
/// ```
#[derive(Clone)]
pub struct Validator {
    sdk_app_id: SdkAppId,
    query_limit: usize,
    body_limit: usize,
    #[cfg(feature = "signature")]
    pub(crate) policy: Policy,
}

impl Validator {
    /// Accepts **forged callbacks from anybody**: everybody who knows the SDKAppID, which is public,
    /// can call your handler with any group.
    ///
    /// It checks that the callback names this app, as the vendor requires. Nothing shows who sent it. Use it if only
    /// the vendor can reach the server, or in tests. Otherwise use `Validator::signed`, with the feature `signature`.
    pub const fn unauthenticated(sdk_app_id: SdkAppId) -> Self {
        Self {
            sdk_app_id,
            query_limit: 8 * 1024,
            body_limit: 64 * 1024,
            #[cfg(feature = "signature")]
            policy: Policy::new(),
        }
    }

    /// Sets the length of the longest query in bytes (default 8 KiB). The vendor's queries have about 200 bytes.
    pub fn max_query_len(self, bytes: usize) -> Self {
        Self { query_limit: bytes, ..self }
    }

    /// Sets the length of the longest body in bytes (default 64 KiB). The vendor's bodies have about 100 bytes.
    pub fn max_body_len(self, bytes: usize) -> Self {
        Self { body_limit: bytes, ..self }
    }

    /// Returns the app's SDKAppID.
    pub fn sdk_app_id(&self) -> SdkAppId {
        self.sdk_app_id
    }

    /// Returns the length of the longest query, in bytes.
    pub fn query_limit(&self) -> usize {
        self.query_limit
    }

    /// Returns the length of the longest body, in bytes.
    pub fn body_limit(&self) -> usize {
        self.body_limit
    }

    /// Returns whether a token is set. If not, anybody can forge a callback.
    pub fn requires_signature(&self) -> bool {
        #[cfg(feature = "signature")]
        return self.policy.is_set();
        #[cfg(not(feature = "signature"))]
        false
    }

    /// Checks a query of any command, for apps that route several. `now` is used only if a token is set.
    ///
    /// `raw_query` is untrusted. It is everything after the `?` of the URL.
    ///
    /// # Errors
    ///
    /// The query is too long or malformed; `SdkAppid` is not the app's; the signature is missing,
    /// wrong or stale; `contenttype` is given in a callback of this command and is not `json`.
    ///
    /// # Several commands on one URL
    ///
    /// The vendor sends every command that is switched on in its console to one URL.
    ///
    /// To count other commands, or to allow what they ask for, implement
    /// [`on_other_command`](crate::GroupFullHandler::on_other_command): they are answered `OK`. You need
    /// this method only to read their bodies, or to answer them with something else. (In axum and other
    /// tower servers use `GroupFullService::other`.)
    ///
    /// Nothing is read before the query has passed. Everything that is not a `POST` of another command goes to
    /// [`handle_request_async`](crate::handle_request_async), or to [`handle_request`](crate::handle_request) in code
    /// that does not await. That checks the query a second time, which costs about 150 ns.
    ///
    /// ```
    /// use im_group_full::{AsyncGroupFullHandler, CallbackResponse, Rejection, Reply, handle_request_async};
    /// use tokio::io::{AsyncRead, AsyncReadExt};
    ///
    /// const MY_LIMIT: usize = 1024 * 1024;
    ///
    /// /// Your own commands; here everything is allowed.
    /// async fn other_command(command: &str, body: &[u8]) -> CallbackResponse<'static> {
    ///     if command == "Group.CallbackAfterSendMsg" {
    ///         println!("a message of {} bytes", body.len());
    ///     }
    ///     CallbackResponse::ok()
    /// }
    ///
    /// /// Your server's own way of reading a body.
    /// async fn read(body: impl AsyncRead + Unpin, most: usize) -> Result<Vec<u8>, Rejection> {
    ///     let mut raw_body = Vec::new();
    ///     let read = body.take(most as u64).read_to_end(&mut raw_body).await;
    ///     read.map(|_| raw_body).map_err(|_| Rejection::incomplete_body())
    /// }
    ///
    /// async fn receive(
    ///     method: &str,
    ///     raw_query: &str,
    ///     body: impl AsyncRead + Send + Unpin,
    ///     handler: &impl AsyncGroupFullHandler,
    /// ) -> Reply {
    ///     match handler.validator().check_query(raw_query, handler.now()) {
    ///         Ok(query) if method == "POST" && !query.is_group_full() => {
    ///             handler.on_other_command(&query);
    ///             match read(body, MY_LIMIT + 1).await {
    ///                 Ok(body) if body.len() <= MY_LIMIT => other_command(query.command(), &body).await.into(),
    ///                 // Not handled, and nobody is blocked for it.
    ///                 _ => Reply::ok(),
    ///             }
    ///         }
    ///         _ => handle_request_async(method, raw_query, |most| read(body, most), handler).await,
    ///     }
    /// }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// # use im_group_full::{SdkAppId, Validator, async_handler_fn};
    /// # let handler = async_handler_fn(Validator::unauthenticated(SdkAppId::new(888_888)), async |_| Ok(()));
    /// # let query = "SdkAppid=888888&CallbackCommand=Group.CallbackAfterSendMsg";
    /// # assert_eq!(receive("POST", query, &b"{}"[..], &handler).await.body(), Reply::ok().body());
    /// # assert_eq!(receive("GET", query, &b"{}"[..], &handler).await.status(), 405);
    /// # assert_eq!(receive("POST", "", &b"{}"[..], &handler).await.status(), 400);
    /// # }
    /// ```
    #[inline]
    pub fn check_query<'a>(&self, raw_query: &'a str, now: SystemTime) -> Result<CheckedQuery<'a>, Rejection> {
        let limit = self.query_limit;
        if raw_query.len() > limit {
            return Err(Repr::QueryTooLong { found: raw_query.len(), limit }.into());
        }
        let mut parameters = Parameters::default();
        parameters.read(raw_query);
        let app = parameters.app()?;
        let check = || {
            let strict = parameters.check(app)?;
            let expected = self.sdk_app_id;
            if expected != app {
                return Err(Repr::SdkAppIdMismatch { expected, found: app });
            }
            #[cfg(feature = "signature")]
            if self.requires_signature() {
                self.policy.check(&parameters, now)?;
            }
            #[cfg(not(feature = "signature"))]
            let _ = now;
            check_content_type(&strict.command, strict.content_type.as_deref())?;
            Ok(CheckedQuery::new(CallbackQuery::new(strict, &parameters), self.body_limit))
        };
        check().map_err(|repr| Rejection::from(repr).of(app))
    }

    /// Checks a whole callback: [`check_query`](Self::check_query), then [`CheckedQuery::group_full`].
    ///
    /// `raw_query` and `raw_body` are untrusted.
    ///
    /// # Errors
    ///
    /// Those of the two steps. A genuine callback of another command is
    /// [`OtherCommand`](crate::RejectionKind::OtherCommand), which is answered `OK`.
    #[inline]
    pub fn validate<'a>(
        &self,
        raw_query: &'a str,
        raw_body: &'a [u8],
        now: SystemTime,
    ) -> Result<GroupFull<'a>, Rejection> {
        self.check_query(raw_query, now)?.group_full(raw_body)
    }
}

impl fmt::Debug for Validator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Validator")
            .field("sdk_app_id", &self.sdk_app_id)
            .field("query_limit", &self.query_limit)
            .field("body_limit", &self.body_limit)
            .field("requires_signature", &self.requires_signature())
            .finish_non_exhaustive()
    }
}
