use std::borrow::Cow;

use crate::SdkAppId;
use crate::rejection::Repr;
use crate::sdk_app_id::decimal;
use crate::urlencoded::{self, Encoded, Pair};

/// The parameters that the vendor appends, undecoded.
#[derive(Default)]
pub(crate) struct Parameters<'a> {
    pub(crate) sdk_app_id: Parameter<'a>,
    pub(crate) command: Parameter<'a>,
    pub(crate) content_type: Parameter<'a>,
    pub(crate) client_ip: Parameter<'a>,
    pub(crate) opt_platform: Parameter<'a>,
    pub(crate) sign: Parameter<'a>,
    pub(crate) request_time: Parameter<'a>,
    pub(crate) request_id: Parameter<'a>,
}

impl<'a> Parameters<'a> {
    #[inline]
    pub(crate) fn read(&mut self, raw_query: &'a str) {
        for pair in urlencoded::pairs(raw_query) {
            if let Some((parameter, value)) = self.find(pair) {
                parameter.put(value);
            }
        }
    }

    /// Finds the parameter that a pair sets; returns `None` for the app's own parameters.
    #[inline]
    fn find(&mut self, pair: Pair<'a>) -> Option<(&mut Parameter<'a>, Encoded<'a>)> {
        if let Some(value) = pair.value_of("SdkAppid") {
            Some((&mut self.sdk_app_id, value))
        } else if let Some(value) = pair.value_of("Sign") {
            Some((&mut self.sign, value))
        } else if let Some(value) = pair.value_of("CallbackCommand") {
            Some((&mut self.command, value))
        } else if let Some(value) = pair.value_of("ClientIP") {
            Some((&mut self.client_ip, value))
        } else if let Some(value) = pair.value_of("contenttype") {
            Some((&mut self.content_type, value))
        } else if let Some(value) = pair.value_of("OptPlatform") {
            Some((&mut self.opt_platform, value))
        } else if let Some(value) = pair.value_of("RequestTime") {
            Some((&mut self.request_time, value))
        } else if let Some(value) = pair.value_of("RequestID") {
            Some((&mut self.request_id, value))
        } else {
            None
        }
    }

    #[inline]
    pub(crate) fn app(&self) -> Result<SdkAppId, Repr> {
        let digits = self.sdk_app_id.required("SdkAppid")?;
        match decimal(&digits) {
            Some(sdk_app_id) => Ok(SdkAppId::new(sdk_app_id)),
            None => Err(Repr::invalid("SdkAppid", "decimal digits that fit 64 bits", &digits)),
        }
    }

    /// Checks the other strict parameters and returns them decoded.
    #[inline]
    pub(crate) fn check(&self, sdk_app_id: SdkAppId) -> Result<Strict<'a>, Repr> {
        let command = self.command.required("CallbackCommand")?;
        if command.is_empty() {
            return Err(Repr::empty_command());
        }
        let content_type = self.content_type.optional("contenttype")?;
        Ok(Strict { sdk_app_id, command, content_type })
    }
}

pub(crate) struct Strict<'a> {
    pub(crate) sdk_app_id: SdkAppId,
    pub(crate) command: Cow<'a, str>,
    pub(crate) content_type: Option<Cow<'a, str>>,
}

/// One parameter. A strict one may be given only once and must decode; see [`lenient`](Self::lenient) for the others.
#[derive(Clone, Copy, Default)]
pub(crate) enum Parameter<'a> {
    #[default]
    Missing,
    Once(Encoded<'a>),
    /// Given twice or more; holds the last value.
    Repeated(Encoded<'a>),
}

impl<'a> Parameter<'a> {
    #[inline]
    fn put(&mut self, value: Encoded<'a>) {
        *self = match self {
            Self::Missing => Self::Once(value),
            Self::Once(_) | Self::Repeated(_) => Self::Repeated(value),
        };
    }

    /// Returns the value undecoded. If it is given twice, two parsers may disagree on which one counts.
    #[inline]
    pub(crate) fn single(self, name: &'static str) -> Result<Option<Encoded<'a>>, Repr> {
        match self {
            Self::Missing => Ok(None),
            Self::Once(value) => Ok(Some(value)),
            Self::Repeated(_) => Err(Repr::DuplicateParameter(name)),
        }
    }

    #[inline]
    fn optional(self, name: &'static str) -> Result<Option<Cow<'a, str>>, Repr> {
        let Some(value) = self.single(name)? else {
            return Ok(None);
        };
        match value.decode() {
            Some(text) => Ok(Some(text)),
            None => Err(Repr::invalid(name, "percent-encoded UTF-8", value.raw)),
        }
    }

    #[inline]
    fn required(self, name: &'static str) -> Result<Cow<'a, str>, Repr> {
        self.optional(name)?.ok_or(Repr::MissingParameter(name))
    }

    /// Informational parameters never cause a rejection. If one is given twice, the last counts, because the
    /// vendor appends its own. A value that cannot be decoded is kept as it was sent.
    #[inline]
    pub(crate) fn lenient(self) -> Option<Cow<'a, str>> {
        match self {
            Self::Missing => None,
            Self::Once(value) | Self::Repeated(value) => Some(value.decode().unwrap_or(Cow::Borrowed(value.raw))),
        }
    }
}
