use std::borrow::Cow;

use serde::de::{Deserializer, Error};
use serde::{Deserialize, Serialize};

use crate::excerpt::{excerpt, without_signatures};
use crate::parameters::{Parameters, Strict};
use crate::rejection::Repr;
use crate::urlencoded;
use crate::{GROUP_FULL_COMMAND, OptPlatform, Rejection, SdkAppId};

/// The query of a callback's URL, as the vendor appends it; see "Webhook Overview" in the vendor's documentation.
///
/// Only `SdkAppid` and `CallbackCommand` are required; the rest is information. Other parameters, such as the app's
/// own, are ignored. The signature (`Sign`, `RequestTime`) is checked by a [`Validator`](crate::Validator) and never
/// kept. If a proxy has encoded the `&` before it, another value holds it, and has `[hex]` in its place.
///
/// A parsed query has not been checked: anyone can write one.
///
/// Serialises with the vendor's names, `SdkAppid` as a number, and reads back owned.
///
/// ```
/// use im_group_full::CallbackQuery;
///
/// let query = CallbackQuery::parse("tenant=7&SdkAppid=888888&CallbackCommand=Group.CallbackAfterGroupFull")?;
/// assert_eq!(query.sdk_app_id().get(), 888_888);
/// assert_eq!(query.client_ip(), None);
/// # Ok::<(), im_group_full::Rejection>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CallbackQuery<'a> {
    #[serde(rename = "SdkAppid")]
    sdk_app_id: SdkAppId,
    #[serde(rename = "CallbackCommand", deserialize_with = "command")]
    command: Cow<'a, str>,
    #[serde(rename = "contenttype")]
    content_type: Option<Cow<'a, str>>,
    #[serde(rename = "ClientIP")]
    client_ip: Option<Cow<'a, str>>,
    #[serde(rename = "OptPlatform")]
    opt_platform: Option<Cow<'a, str>>,
    #[serde(rename = "RequestID")]
    request_id: Option<Cow<'a, str>>,
}

impl<'a> CallbackQuery<'a> {
    /// Parses a raw query: everything after the `?` of the URL.
    ///
    /// `raw_query` is untrusted. Names and values are `application/x-www-form-urlencoded`.
    ///
    /// # Errors
    ///
    /// `SdkAppid` or `CallbackCommand` is missing; one of these or `contenttype` is given twice, or
    /// holds a broken escape or bytes that are not UTF-8; `SdkAppid` is not decimal digits that
    /// fit 64 bits; `CallbackCommand` is empty.
    pub fn parse(raw_query: &'a str) -> Result<Self, Rejection> {
        let mut parameters = Parameters::default();
        parameters.read(raw_query);
        let app = parameters.app()?;
        let strict = parameters.check(app).map_err(|repr| Rejection::from(repr).of(app))?;
        Ok(Self::new(strict, &parameters))
    }

    #[inline]
    pub(crate) fn new(strict: Strict<'a>, parameters: &Parameters<'a>) -> Self {
        Self {
            sdk_app_id: strict.sdk_app_id,
            command: without_signatures(strict.command),
            content_type: strict.content_type.map(without_signatures),
            client_ip: parameters.client_ip.lenient().map(without_signatures),
            opt_platform: parameters.opt_platform.lenient().map(without_signatures),
            request_id: parameters.request_id.lenient().map(without_signatures),
        }
    }

    /// Writes the query back, without a leading `?` and without `Sign` and `RequestTime`.
    ///
    /// The result parses to an equal value.
    pub fn to_query_string(&self) -> String {
        let mut query = format!("SdkAppid={}", self.sdk_app_id);
        urlencoded::append(&mut query, "CallbackCommand", &self.command);
        for (name, value) in [
            ("contenttype", &self.content_type),
            ("ClientIP", &self.client_ip),
            ("OptPlatform", &self.opt_platform),
            ("RequestID", &self.request_id),
        ] {
            if let Some(value) = value {
                urlencoded::append(&mut query, name, value);
            }
        }
        query
    }

    /// Returns `SdkAppid`: the app that the sender claims to call.
    pub fn sdk_app_id(&self) -> SdkAppId {
        self.sdk_app_id
    }

    /// Returns `CallbackCommand`, such as `Group.CallbackAfterGroupFull`; case-sensitive.
    pub fn command(&self) -> &str {
        &self.command
    }

    /// Returns `contenttype` as it was sent. In a [`GroupFull`](crate::GroupFull) it is `json`, in upper or
    /// lower case, or absent.
    pub fn content_type(&self) -> Option<&str> {
        self.content_type.as_deref()
    }

    /// Returns `ClientIP` as text, not checked to be an address.
    pub fn client_ip(&self) -> Option<&str> {
        self.client_ip.as_deref()
    }

    /// Returns `OptPlatform`: the kind of client whose action caused the callback.
    pub fn opt_platform(&self) -> Option<OptPlatform<'_>> {
        self.opt_platform.as_deref().map(OptPlatform::from)
    }

    /// Returns `RequestID`, a UUID; undocumented, and seen in captured requests.
    pub fn request_id(&self) -> Option<&str> {
        self.request_id.as_deref()
    }

    /// Copies what is borrowed, so that the query can outlive the request.
    pub fn into_owned(self) -> CallbackQuery<'static> {
        let owned = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        CallbackQuery {
            sdk_app_id: self.sdk_app_id,
            command: owned(self.command),
            content_type: self.content_type.map(owned),
            client_ip: self.client_ip.map(owned),
            opt_platform: self.opt_platform.map(owned),
            request_id: self.request_id.map(owned),
        }
    }

    #[inline]
    pub(crate) fn is_group_full(&self) -> bool {
        self.command == GROUP_FULL_COMMAND
    }

    #[inline]
    pub(crate) fn check_command(&self) -> Result<(), Repr> {
        if self.is_group_full() { Ok(()) } else { Err(Repr::OtherCommand(self.command.as_ref().into())) }
    }
}

/// Rejects a callback of this command that declares another format than JSON.
#[inline]
pub(crate) fn check_content_type(command: &str, content_type: Option<&str>) -> Result<(), Repr> {
    match content_type {
        // The vendor sends these; comparing them first is cheaper.
        None | Some("json") => Ok(()),
        Some(found) if found.eq_ignore_ascii_case("json") || command != GROUP_FULL_COMMAND => Ok(()),
        Some(found) => Err(Repr::UnsupportedContentType(excerpt(found).into())),
    }
}

fn command<'de, 'a, D: Deserializer<'de>>(deserializer: D) -> Result<Cow<'a, str>, D::Error> {
    match String::deserialize(deserializer)? {
        command if command.is_empty() => Err(D::Error::custom(Repr::empty_command())),
        command => Ok(Cow::Owned(command)),
    }
}
