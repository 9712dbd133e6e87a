use std::fmt;
#[cfg(feature = "signature")]
use std::time::Duration;
use std::time::SystemTime;

#[cfg(feature = "signature")]
use crate::Token;
use crate::parameters::Parameters;
use crate::rejection::Repr;
#[cfg(feature = "signature")]
use crate::signature::Policy;
use crate::{CallbackBody, CallbackQuery, GroupFull, Rejection, SdkAppId};

/// Decides which callbacks reach the app's code.
///
/// The checks, in this order: the query's length and syntax, the SDKAppID, the signature, the
/// command, `contenttype`, the body's length and syntax, and that its command is the query's. Cheap
/// comes before dear, and nothing of an unauthenticated body is looked at. An authenticated
/// callback of another command is answered `OK`, whatever its body: therefore the body is measured
/// only once the command is known.
///
/// **Without a token, anybody can forge a callback**: the SDKAppID is public. See
/// `Validator::token`, with the feature `signature`. `Debug` shows whether one is set.
///
/// ```
/// use std::time::SystemTime;
///
/// use im_group_full::{SdkAppId, Validator};
///
/// let validator = Validator::new(SdkAppId::new(888_888));
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
    policy: Policy,
}

impl Validator {
    /// Accepts callbacks for this app, and no other: the one check that the vendor's page calls a
    /// must.
    pub const fn new(sdk_app_id: SdkAppId) -> Self {
        Self {
            sdk_app_id,
            query_limit: 8 * 1024,
            body_limit: 64 * 1024,
            #[cfg(feature = "signature")]
            policy: Policy::new(),
        }
    }

    /// Sets the length of the longest query, in bytes; 8 KiB unless set. The vendor's have about
    /// 200 bytes.
    pub fn max_query_len(self, bytes: usize) -> Self {
        Self { query_limit: bytes, ..self }
    }

    /// Sets the length of the longest body, in bytes; 64 KiB unless set. The vendor's have about
    /// 100 bytes.
    pub fn max_body_len(self, bytes: usize) -> Self {
        Self { body_limit: bytes, ..self }
    }

    /// Requires a signature made with this token, or with another one given before.
    ///
    /// # What it proves
    ///
    /// That the sender knows the token, or saw one of its signatures while it is fresh: within the
    /// [`tolerance`](Self::tolerance) either side of its `RequestTime`. The signature covers the
    /// time alone, neither the other parameters nor the body: a captured URL can be replayed,
    /// also with another body, while it is fresh. HTTPS stays necessary, and access logs that
    /// hold query strings are as secret as the token for that time.
    ///
    /// # Rotation
    ///
    /// Callbacks are in flight while the console changes the token, so for a while both must be
    /// valid: set the new one beside the old one, change it in the console, and take the old
    /// one away after the tolerance. In a running process swap the whole handler (an `Arc` of
    /// it behind your own lock), or build one for each request, which is cheap.
    ///
    /// # Clocks
    ///
    /// A clock that is off by more than the tolerance refuses every callback as
    /// [`StaleSignature`](crate::RejectionKind::StaleSignature), and `on_rejected` is told by how
    /// many seconds. Fix the clock (NTP) rather than widen the tolerance, which is also the
    /// time in which a captured URL can be replayed.
    #[cfg(feature = "signature")]
    #[cfg_attr(docsrs, doc(cfg(feature = "signature")))]
    pub fn token(mut self, token: Token) -> Self {
        self.policy.tokens.push(token);
        self
    }

    /// Sets how far `RequestTime` may be from the clock, before or after, inclusive; 60 s unless
    /// set, the vendor's own advice. Fractions of a second, here and in the clock, are dropped.
    #[cfg(feature = "signature")]
    #[cfg_attr(docsrs, doc(cfg(feature = "signature")))]
    pub fn tolerance(mut self, tolerance: Duration) -> Self {
        self.policy.tolerance = tolerance;
        self
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

    /// Tells whether a token is set. If not, anybody can forge a callback.
    pub fn requires_signature(&self) -> bool {
        #[cfg(feature = "signature")]
        return !self.policy.tokens.is_empty();
        #[cfg(not(feature = "signature"))]
        false
    }

    /// Checks a query of any command, for apps that route several; `now` counts only if a token is
    /// set.
    ///
    /// `raw_query` is untrusted, with or without a leading `?`.
    ///
    /// # Errors
    ///
    /// The query is too long or malformed, `SdkAppid` is not the app's, or the signature is
    /// missing, wrong or stale.
    #[inline]
    pub fn authenticate<'a>(&self, raw_query: &'a str, now: SystemTime) -> Result<CheckedQuery<'a>, Rejection> {
        let limit = self.query_limit;
        if raw_query.len() > limit {
            return Err(Repr::QueryTooLong { found: raw_query.len(), limit }.into());
        }
        let mut parameters = Parameters::default();
        parameters.read(raw_query);
        let strict = parameters.check()?;
        let (expected, found) = (self.sdk_app_id, strict.sdk_app_id);
        if expected != found {
            return Err(Repr::SdkAppIdMismatch { expected, found }.into());
        }
        #[cfg(feature = "signature")]
        if self.requires_signature() {
            self.policy.check(&parameters, now)?;
        }
        #[cfg(not(feature = "signature"))]
        let _ = now;
        Ok(CheckedQuery { query: CallbackQuery::new(strict, &parameters), body_limit: self.body_limit })
    }

    /// Checks a whole callback: [`authenticate`](Self::authenticate), then
    /// [`CheckedQuery::group_full`].
    ///
    /// `raw_query` and `raw_body` are untrusted.
    ///
    /// # Errors
    ///
    /// Those of the two steps.
    pub fn validate<'a>(
        &self,
        raw_query: &'a str,
        raw_body: &'a [u8],
        now: SystemTime,
    ) -> Result<GroupFull<'a>, Rejection> {
        self.authenticate(raw_query, now)?.group_full(raw_body)
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

/// A query that passed [`Validator::authenticate`]: of the app, and signed if a token is set.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CheckedQuery<'a> {
    query: CallbackQuery<'a>,
    body_limit: usize,
}

impl<'a> CheckedQuery<'a> {
    /// Returns `CallbackCommand`, to route by.
    pub fn command(&self) -> &str {
        self.query.command()
    }

    /// Returns the query.
    pub fn query(&self) -> &CallbackQuery<'a> {
        &self.query
    }

    /// Returns the query, for a command that the app handles itself.
    pub fn into_query(self) -> CallbackQuery<'a> {
        self.query
    }

    /// Checks the rest of a callback of this command.
    ///
    /// `raw_body` is untrusted.
    ///
    /// # Errors
    ///
    /// The command is another one, which is to be answered `OK`; `contenttype` is given and not
    /// `json`; the body is too long or malformed; its command is not the query's.
    #[inline]
    pub fn group_full(self, raw_body: &'a [u8]) -> Result<GroupFull<'a>, Rejection> {
        self.query.check_group_full()?;
        let body = CallbackBody::group_full(raw_body, self.body_limit)?;
        Ok(GroupFull::assume_verified(self.query, body))
    }
}
