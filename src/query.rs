use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::rejection::{Repr, excerpt};
use crate::sdk_app_id::decimal;
use crate::urlencoded::{self, Encoded};
use crate::{GROUP_FULL_COMMAND, OptPlatform, Rejection, SdkAppId};

/// The query of a callback's URL, as the vendor appends it; see "Webhook Overview" in the vendor's
/// documentation.
///
/// Everything but the two required parameters is information and may be missing. What the URL holds
/// besides (the app's own parameters) is ignored. The signature (`Sign`, `RequestTime`) is checked
/// by a [`Validator`](crate::Validator) and never kept.
///
/// A parsed query is not a checked one: anybody can write one.
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
    #[serde(rename = "CallbackCommand")]
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

/// `Sign` and `RequestTime`, which a [`Validator`](crate::Validator) checks once a token is set.
#[cfg_attr(not(feature = "signature"), expect(dead_code, reason = "ignored without a token"))]
pub(crate) struct Signature<'a> {
    pub(crate) sign: Single<'a>,
    pub(crate) request_time: Single<'a>,
}

impl<'a> CallbackQuery<'a> {
    /// Parses a raw query string, with or without one leading `?`.
    ///
    /// `raw_query` is untrusted. Names and values are `application/x-www-form-urlencoded`.
    ///
    /// # Errors
    ///
    /// `SdkAppid` or `CallbackCommand` is missing; one of these or `contenttype` is given twice, or
    /// holds a broken escape or bytes that are not UTF-8; `SdkAppid` is not decimal digits that
    /// fit 64 bits; `CallbackCommand` is empty.
    pub fn parse(raw_query: &'a str) -> Result<Self, Rejection> {
        Self::parse_signed(raw_query).map(|(query, _)| query)
    }

    pub(crate) fn parse_signed(raw_query: &'a str) -> Result<(Self, Signature<'a>), Rejection> {
        let mut sdk_app_id = Single::new("SdkAppid");
        let mut command = Single::new("CallbackCommand");
        let mut content_type = Single::new("contenttype");
        let mut sign = Single::new("Sign");
        let mut request_time = Single::new("RequestTime");
        let mut client_ip = None;
        let mut opt_platform = None;
        let mut request_id = None;
        let raw_query = raw_query.strip_prefix('?').unwrap_or(raw_query);
        for (name, value) in urlencoded::pairs(raw_query) {
            match name.decode().as_deref() {
                Some("SdkAppid") => sdk_app_id.put(value),
                Some("CallbackCommand") => command.put(value),
                Some("contenttype") => content_type.put(value),
                Some("Sign") => sign.put(value),
                Some("RequestTime") => request_time.put(value),
                // Information never costs the app an event: of two the last counts, because the vendor appends.
                Some("ClientIP") => client_ip = Some(value),
                Some("OptPlatform") => opt_platform = Some(value),
                Some("RequestID") => request_id = Some(value),
                _ => {}
            }
        }
        let digits = sdk_app_id.required()?;
        let Some(sdk_app_id) = decimal(&digits) else {
            return Err(Repr::invalid("SdkAppid", "decimal digits that fit 64 bits", &digits).into());
        };
        let command = command.required()?;
        if command.is_empty() {
            return Err(Repr::invalid("CallbackCommand", "a command", "").into());
        }
        let lenient = |value: Encoded<'a>| value.decode().unwrap_or(Cow::Borrowed(value.raw));
        let query = Self {
            sdk_app_id: SdkAppId::new(sdk_app_id),
            command,
            content_type: content_type.decoded()?,
            client_ip: client_ip.map(lenient),
            opt_platform: opt_platform.map(lenient),
            request_id: request_id.map(lenient),
        };
        Ok((query, Signature { sign, request_time }))
    }

    #[cfg(feature = "testing")]
    pub(crate) fn sample(sdk_app_id: SdkAppId) -> Self {
        Self {
            sdk_app_id,
            command: GROUP_FULL_COMMAND.into(),
            content_type: Some("json".into()),
            client_ip: Some("127.0.0.1".into()),
            opt_platform: Some("RESTAPI".into()),
            request_id: None,
        }
    }

    /// Writes the query back, without a leading `?` and without `Sign` and `RequestTime`.
    ///
    /// What comes out parses to an equal value.
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

    /// Returns `contenttype`: `json`, in any case, where the vendor sends it.
    pub fn content_type(&self) -> Option<&str> {
        self.content_type.as_deref()
    }

    /// Returns `ClientIP` as text, not checked to be an address.
    pub fn client_ip(&self) -> Option<&str> {
        self.client_ip.as_deref()
    }

    /// Returns `OptPlatform`: the kind of client whose act led to the callback.
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

    pub(crate) fn check_group_full(&self) -> Result<(), Rejection> {
        if self.command != GROUP_FULL_COMMAND {
            return Err(Repr::OtherCommand(self.command.as_ref().into()).into());
        }
        match &self.content_type {
            Some(found) if !found.eq_ignore_ascii_case("json") => {
                Err(Repr::UnsupportedContentType(excerpt(found).into()).into())
            }
            _ => Ok(()),
        }
    }
}

/// A parameter that may stand in the query once: of two, another parser would read the other one.
pub(crate) struct Single<'a> {
    name: &'static str,
    value: Option<Encoded<'a>>,
    repeated: bool,
}

impl<'a> Single<'a> {
    fn new(name: &'static str) -> Self {
        Self { name, value: None, repeated: false }
    }

    fn put(&mut self, value: Encoded<'a>) {
        self.repeated |= self.value.replace(value).is_some();
    }

    pub(crate) fn get(&self) -> Result<Option<Encoded<'a>>, Repr> {
        if self.repeated { Err(Repr::DuplicateParameter(self.name)) } else { Ok(self.value) }
    }

    fn decoded(&self) -> Result<Option<Cow<'a, str>>, Repr> {
        let decode = |value: Encoded<'a>| {
            value.decode().ok_or_else(|| Repr::invalid(self.name, "percent-encoded UTF-8", value.raw))
        };
        self.get()?.map(decode).transpose()
    }

    fn required(&self) -> Result<Cow<'a, str>, Repr> {
        self.decoded()?.ok_or(Repr::MissingParameter(self.name))
    }
}
