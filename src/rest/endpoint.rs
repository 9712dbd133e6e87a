use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use http::Uri;
use http::uri::{Authority, PathAndQuery, Scheme};

use crate::debug_as_display;

/// Where the vendor's REST API is: the region in which the app was created, shown in the vendor's console.
///
/// Parses from the region's name in lower case (`china`, `singapore`, `seoul`, `tokyo`,
/// `frankfurt`, `silicon-valley`, `jakarta`) or from what a [`Host`] parses from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Endpoint {
    /// `console.tim.qq.com`
    China,
    /// `adminapisgp.im.qcloud.com`
    Singapore,
    /// `adminapikr.im.qcloud.com`
    Seoul,
    /// `adminapijpn.im.qcloud.com`
    Tokyo,
    /// `adminapiger.im.qcloud.com`
    Frankfurt,
    /// `adminapiusa.im.qcloud.com`
    SiliconValley,
    /// `adminapiidn.im.qcloud.com`
    Jakarta,
    /// Any other host: a newer region, a proxy, or a stand-in for a test. If DNS fails, the vendor has fallback hosts,
    /// such as `https://adminapisgp.my-imcloud.com` for Singapore and `https://adminapi.my-imcloud.com` for China.
    Host(Host),
}

impl Endpoint {
    /// Returns the URI of `path_and_query` at this endpoint; `None` if that is not valid in a URI.
    pub(super) fn uri(&self, path_and_query: &str) -> Option<Uri> {
        let (scheme, authority) = match self {
            Self::China => vendor("console.tim.qq.com"),
            Self::Singapore => vendor("adminapisgp.im.qcloud.com"),
            Self::Seoul => vendor("adminapikr.im.qcloud.com"),
            Self::Tokyo => vendor("adminapijpn.im.qcloud.com"),
            Self::Frankfurt => vendor("adminapiger.im.qcloud.com"),
            Self::SiliconValley => vendor("adminapiusa.im.qcloud.com"),
            Self::Jakarta => vendor("adminapiidn.im.qcloud.com"),
            Self::Host(host) => (host.scheme.clone(), host.authority.clone()),
        };
        Uri::builder()
            .scheme(scheme)
            .authority(authority)
            .path_and_query(PathAndQuery::try_from(path_and_query).ok()?)
            .build()
            .ok()
    }
}

fn vendor(host: &'static str) -> (Scheme, Authority) {
    (Scheme::HTTPS, Authority::from_static(host))
}

/// Writes the region's name or the host, which parses back to the same endpoint.
impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::China => "china",
            Self::Singapore => "singapore",
            Self::Seoul => "seoul",
            Self::Tokyo => "tokyo",
            Self::Frankfurt => "frankfurt",
            Self::SiliconValley => "silicon-valley",
            Self::Jakarta => "jakarta",
            Self::Host(host) => return host.fmt(f),
        })
    }
}

impl FromStr for Endpoint {
    type Err = InvalidEndpoint;

    fn from_str(text: &str) -> Result<Self, InvalidEndpoint> {
        Ok(match text {
            "china" => Self::China,
            "singapore" => Self::Singapore,
            "seoul" => Self::Seoul,
            "tokyo" => Self::Tokyo,
            "frankfurt" => Self::Frankfurt,
            "silicon-valley" => Self::SiliconValley,
            "jakarta" => Self::Jakarta,
            other => Self::Host(other.parse()?),
        })
    }
}

/// A scheme, a host and optionally a port: `https://proxy.example:8443`, `http://127.0.0.1:8080`.
///
/// Plain `http` is only for this machine (`localhost`, `127.0.0.0/8`, `[::1]`), because every URL
/// carries a [`UserSig`](super::UserSig).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Host {
    scheme: Scheme,
    authority: Authority,
}

impl FromStr for Host {
    type Err = InvalidEndpoint;

    /// # Errors
    ///
    /// It is not `http://` or `https://` with a host and an optional port; it has a user, a path or a query;
    /// it is `http` to another machine.
    fn from_str(text: &str) -> Result<Self, InvalidEndpoint> {
        let form = InvalidEndpoint("expected a region, or `https://` and a host, without user, path or query");
        let parts = text.parse().map(Uri::into_parts).unwrap_or_default();
        let (Some(scheme), Some(authority)) = (parts.scheme, parts.authority) else {
            return Err(form);
        };
        let bare = parts.path_and_query.is_none_or(|path| path == "/") && !authority.as_str().contains('@');
        let host = authority.host();
        if !bare || host.is_empty() || ![Scheme::HTTP, Scheme::HTTPS].contains(&scheme) {
            return Err(form);
        }
        if scheme == Scheme::HTTP && !is_loopback(host) {
            return Err(InvalidEndpoint("expected `https`: plain `http` would show the credential to the network"));
        }
        Ok(Self { scheme, authority })
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.authority)
    }
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || address.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

/// The error of the [`FromStr`] of [`Endpoint`] and [`Host`].
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidEndpoint(&'static str);

debug_as_display!(InvalidEndpoint);
