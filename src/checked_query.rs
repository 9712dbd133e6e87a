use crate::{CallbackBody, CallbackQuery, GroupFull, Rejection};

/// A query that passed [`Validator::check_query`](crate::Validator::check_query): it names the app, and is
/// signed if a token is set.
#[derive(Debug, Clone)]
pub struct CheckedQuery<'a> {
    query: CallbackQuery<'a>,
    body_limit: usize,
}

impl<'a> CheckedQuery<'a> {
    #[inline]
    pub(crate) fn new(query: CallbackQuery<'a>, body_limit: usize) -> Self {
        Self { query, body_limit }
    }

    /// Returns `CallbackCommand`, to route by.
    pub fn command(&self) -> &str {
        self.query.command()
    }

    /// Returns whether this is the command that this crate handles, [`GROUP_FULL_COMMAND`](crate::GROUP_FULL_COMMAND).
    #[inline]
    pub fn is_group_full(&self) -> bool {
        self.query.is_group_full()
    }

    /// Returns the length of the longest body that [`group_full`](Self::group_full) takes, in bytes.
    pub fn body_limit(&self) -> usize {
        self.body_limit
    }

    /// Returns the query.
    pub fn query(&self) -> &CallbackQuery<'a> {
        &self.query
    }

    /// Returns how many bytes of the body to read at most: one above the limit, to detect a body that is too long.
    #[inline]
    pub(crate) fn read_limit(&self) -> usize {
        self.body_limit.saturating_add(1)
    }

    /// Copies what is borrowed, so that the query can outlive the request.
    pub fn into_owned(self) -> CheckedQuery<'static> {
        CheckedQuery { query: self.query.into_owned(), body_limit: self.body_limit }
    }

    /// Checks the rest of a callback of this command.
    ///
    /// `raw_body` is untrusted.
    ///
    /// # Errors
    ///
    /// The command is another one, which is answered `OK`; the body is too long or malformed; its
    /// command is not the query's.
    #[inline]
    pub fn group_full(self, raw_body: &'a [u8]) -> Result<GroupFull<'a>, Rejection> {
        self.query.check_command().map_err(|repr| Rejection::from(repr).of(self.query.sdk_app_id()))?;
        self.with_body(raw_body)
    }

    /// Completes [`group_full`](Self::group_full) once [`is_group_full`](Self::is_group_full) is known to hold.
    #[inline]
    pub(crate) fn with_body(self, raw_body: &'a [u8]) -> Result<GroupFull<'a>, Rejection> {
        let body = CallbackBody::group_full(raw_body, self.body_limit);
        body.map_err(|rejection| rejection.of(self.query.sdk_app_id())).map(|body| GroupFull::new(self.query, body))
    }
}
