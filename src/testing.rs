//! Valid and broken callbacks, for the app's own unit tests.
//!
//! Feature `testing`. Test your handler without a server and without the vendor. The
//! [guide](crate::guide#test-your-handler) has a test with signatures.
//!
//! ```
//! use im_group_full::testing::Callback;
//! use im_group_full::{Failure, GroupFullHandler, RejectionKind, SdkAppId, Validator, handle, handler_fn};
//!
//! let app = SdkAppId::new(888_888);
//! // The app's handler: it takes no group but its own.
//! let handler = handler_fn(Validator::unauthenticated(app), |event| match event.group_id() {
//!     "@TGS#2J4SZEAEL" => Ok(()),
//!     _ => Err(Failure::new("unknown group")),
//! });
//!
//! let strange = Callback::new(app).group_id("@TGS#1NVTZEAE4");
//! assert_eq!(handler.on_group_full(&strange.event()).unwrap_err().info(), "unknown group");
//!
//! let forged = Callback::new(app).broken(RejectionKind::SdkAppIdMismatch);
//! let reply = handle(&forged.raw_query(), &forged.raw_body(), &handler);
//! assert_eq!(reply.status(), 403);
//! ```

use std::time::UNIX_EPOCH;

use http::{Method, Request};
use serde_json::json;

#[cfg(feature = "signature")]
use crate::Token;
use crate::urlencoded::append;
use crate::{GROUP_FULL_COMMAND, GroupFull, RejectionKind, SdkAppId, Validator};

const OTHER_COMMAND: &str = "Group.CallbackBeforeSendMsg";

/// A callback as the vendor sends it, or one that is broken in one way.
///
/// By default it is the sample of the vendor's page: the group `@TGS#2J4SZEAEL`, full at 1670574414123, and not signed.
#[derive(Debug, Clone)]
pub struct Callback {
    sdk_app_id: SdkAppId,
    command: String,
    group_id: String,
    event_time_millis: Option<u64>,
    topic_id: Option<String>,
    #[cfg(feature = "signature")]
    signature: Option<(Token, u64)>,
    broken: Option<RejectionKind>,
}

impl Callback {
    /// Makes a valid callback for an app.
    pub fn new(sdk_app_id: SdkAppId) -> Self {
        Self {
            sdk_app_id,
            command: GROUP_FULL_COMMAND.to_owned(),
            group_id: "@TGS#2J4SZEAEL".to_owned(),
            event_time_millis: Some(1_670_574_414_123),
            topic_id: None,
            #[cfg(feature = "signature")]
            signature: None,
            broken: None,
        }
    }

    /// Sets the group that is full.
    pub fn group_id(self, group_id: impl Into<String>) -> Self {
        Self { group_id: group_id.into(), ..self }
    }

    /// Sets `EventTime`, in milliseconds since the Unix epoch; `None` leaves it out, as older callbacks do.
    pub fn event_time_millis(self, millis: impl Into<Option<u64>>) -> Self {
        Self { event_time_millis: millis.into(), ..self }
    }

    /// Sets `TopicId`: the private topic that is full, and not its Community.
    pub fn topic_id(self, topic_id: impl Into<String>) -> Self {
        Self { topic_id: Some(topic_id.into()), ..self }
    }

    /// Sets the command, in the query and in the body.
    pub fn command(self, command: impl Into<String>) -> Self {
        Self { command: command.into(), ..self }
    }

    /// Signs it with a token, as sent at `request_time`, in seconds since the Unix epoch.
    #[cfg(feature = "signature")]
    pub fn signed(self, token: &Token, request_time: u64) -> Self {
        Self { signature: Some((token.clone(), request_time)), ..self }
    }

    /// Breaks it so that a [`Validator`] of the app, with the default limits, rejects it as this kind.
    ///
    /// - The three kinds about signatures need a validator with a token, and `StaleSignature` a
    ///   callback that is `signed`.
    /// - A callback of another [`command`](Self::command) is answered `OK` whatever its `contenttype` and
    ///   body are. The kinds about these (`UnsupportedContentType`, `BodyTooLarge`, `IncompleteBody`,
    ///   `MalformedBody`, `CommandMismatch`) are then `OtherCommand`.
    /// - `MethodNotAllowed` only shows in [`request`](Self::request).
    /// - `IncompleteBody` is what a server sees when a connection breaks off. The body is cut
    ///   short, and a validator, which cannot know why, says `MalformedBody`.
    pub fn broken(self, kind: RejectionKind) -> Self {
        Self { broken: Some(kind), ..self }
    }

    /// Returns the query, without a leading `?`.
    pub fn raw_query(&self) -> String {
        let app = match self.broken {
            Some(RejectionKind::InvalidParameter) => "14e8".to_owned(),
            Some(RejectionKind::SdkAppIdMismatch) => (self.sdk_app_id.get() ^ 1).to_string(),
            _ => self.sdk_app_id.to_string(),
        };
        let copies = match self.broken {
            Some(RejectionKind::MissingParameter) => 0,
            Some(RejectionKind::DuplicateParameter) => 2,
            _ => 1,
        };
        let content_type = if self.is_broken(RejectionKind::UnsupportedContentType) { "xml" } else { "json" };
        let mut query = String::new();
        for _ in 0..copies {
            append(&mut query, "SdkAppid", &app);
        }
        append(&mut query, "CallbackCommand", self.sent_command());
        append(&mut query, "contenttype", content_type);
        append(&mut query, "ClientIP", "127.0.0.1");
        append(&mut query, "OptPlatform", "RESTAPI");
        #[cfg(feature = "signature")]
        for (name, value) in self.signature() {
            append(&mut query, name, &value);
        }
        if self.is_broken(RejectionKind::QueryTooLong) {
            append(&mut query, "padding", &"x".repeat(8 * 1024));
        }
        query
    }

    /// Returns the body.
    pub fn raw_body(&self) -> Vec<u8> {
        let command = match self.broken {
            Some(RejectionKind::CommandMismatch) => OTHER_COMMAND,
            _ => self.sent_command(),
        };
        let mut body = json!({ "CallbackCommand": command, "GroupId": self.group_id });
        if let Some(millis) = self.event_time_millis {
            body["EventTime"] = millis.into();
        }
        if let Some(topic_id) = &self.topic_id {
            body["TopicId"] = topic_id.as_str().into();
        }
        if self.is_broken(RejectionKind::BodyTooLarge) {
            body["Padding"] = "x".repeat(64 * 1024).into();
        }
        let mut body = body.to_string().into_bytes();
        if self.is_broken(RejectionKind::MalformedBody) || self.is_broken(RejectionKind::IncompleteBody) {
            body.pop();
        }
        body
    }

    /// Returns the whole request, to the path `/`, for [`handle_http`](crate::handle_http) and other
    /// code that takes a request.
    ///
    /// # Panics
    ///
    /// No URI can hold the query, which has a command of about 64 KiB.
    pub fn request(&self) -> Request<Vec<u8>> {
        let path_and_query = format!("/?{}", self.raw_query());
        let mut request = Request::new(self.raw_body());
        *request.uri_mut() = path_and_query.parse().expect("a query that a URI can hold");
        if !self.is_broken(RejectionKind::MethodNotAllowed) {
            *request.method_mut() = Method::POST;
        }
        request
    }

    /// Returns the event that a handler is given. It ignores the command and what is broken.
    ///
    /// # Panics
    ///
    /// The group is empty: no handler is ever given such an event.
    pub fn event(&self) -> GroupFull<'static> {
        let valid = Self { command: GROUP_FULL_COMMAND.to_owned(), broken: None, ..self.clone() };
        let validator = Validator::unauthenticated(self.sdk_app_id).max_body_len(usize::MAX);
        let event = validator.validate(&valid.raw_query(), &valid.raw_body(), UNIX_EPOCH).map(GroupFull::into_owned);
        event.expect("a group")
    }

    fn is_broken(&self, kind: RejectionKind) -> bool {
        self.broken == Some(kind)
    }

    fn sent_command(&self) -> &str {
        if self.is_broken(RejectionKind::OtherCommand) { OTHER_COMMAND } else { &self.command }
    }

    #[cfg(feature = "signature")]
    fn signature(&self) -> Vec<(&'static str, String)> {
        let time = self.signature.as_ref().map_or(0, |(_, time)| *time);
        let (sign, time) = match (&self.signature, self.broken) {
            (_, Some(RejectionKind::InvalidSignature)) => ("0".repeat(64), time),
            (_, Some(RejectionKind::MissingSignature)) | (None, _) => return Vec::new(),
            (Some((token, _)), Some(RejectionKind::StaleSignature)) => {
                // The time that is furthest from a fresh one.
                let stale = if time > u64::MAX / 2 { 0 } else { u64::MAX };
                (token.sign(stale), stale)
            }
            (Some((token, _)), _) => (token.sign(time), time),
        };
        vec![("Sign", sign), ("RequestTime", time.to_string())]
    }
}
