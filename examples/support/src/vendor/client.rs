use std::error::Error;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http_body_util::BodyExt;
use hyper::body::{Body, Bytes, Frame, SizeHint};
use hyper::client::conn::http1;
use hyper::header::{CONNECTION, HOST};
use hyper::{Request, Uri};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;

use super::stream::Patient;
use super::{Case, Delivery, tls};

type BoxError = Box<dyn Error + Send + Sync>;

/// Why a URL cannot be reached, in one line.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Unreachable(pub(super) String);

/// The target of the callbacks.
pub struct Target {
    url: Uri,
    host: String,
    port: u16,
    tls: Option<(TlsConnector, ServerName<'static>)>,
}

impl Target {
    /// `certificate` is a PEM file to trust, in addition to the authorities that browsers trust.
    pub fn new(url: &str, certificate: Option<&Path>) -> Result<Self, Unreachable> {
        let failed = |reason: &dyn std::fmt::Display| Unreachable(format!("{url}: {reason}"));
        let scheme = "begin the URL with http:// or https://";
        if !url.contains("://") {
            return Err(failed(&scheme));
        }
        let uri: Uri = url.parse().map_err(|error| failed(&error))?;
        let host = uri.host().ok_or_else(|| failed(&"the URL has no host"))?;
        let host = host.trim_matches(['[', ']']).to_owned();
        let (port, tls) = match uri.scheme_str() {
            Some("http") => (80, None),
            Some("https") => {
                let name = ServerName::try_from(host.clone()).map_err(|error| failed(&error))?;
                (443, Some((tls::connector(certificate)?, name)))
            }
            _ => return Err(failed(&scheme)),
        };
        Ok(Self { port: uri.port_u16().unwrap_or(port), url: uri, host, tls })
    }

    /// Connects for a case with this delivery.
    pub async fn connect(&self, delivery: Delivery, patience: Duration) -> Result<Connection, Unreachable> {
        match timeout(patience, self.try_connect(delivery == Delivery::SlowHead)).await {
            Ok(Ok(sender)) => Ok(Connection(sender)),
            Ok(Err(error)) => match tls::explain(&*error) {
                Some(reason) => Err(Unreachable(format!("{}: {reason}", self.url))),
                None => Err(Unreachable(format!("{}: {error}", self.url))),
            },
            Err(_) => Err(Unreachable(format!("{}: no connection within {patience:?}", self.url))),
        }
    }

    async fn try_connect(&self, slow: bool) -> Result<http1::SendRequest<Pieces>, BoxError> {
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await?;
        stream.set_nodelay(true)?;
        match &self.tls {
            Some((tls, name)) => shake_hands(tls.connect(name.clone(), stream).await?, slow).await,
            None => shake_hands(stream, slow).await,
        }
    }

    fn request(&self, case: &Case) -> hyper::http::Result<Request<Pieces>> {
        // Like the vendor, appends the callback's parameters to the app's own.
        let own = self.url.query().map(|query| format!("{query}&")).unwrap_or_default();
        let authority = self.url.authority().map_or("", |authority| authority.as_str());
        let mut request = Request::builder()
            .method(case.method)
            .uri(format!("{}?{own}{}", self.url.path(), case.query))
            .header(HOST, authority);
        for (name, value) in case.headers {
            request = request.header(*name, *value);
        }
        request.body(Pieces::new(case))
    }
}

async fn shake_hands<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    stream: S,
    slow: bool,
) -> Result<http1::SendRequest<Pieces>, BoxError> {
    let (sender, connection) = http1::handshake(TokioIo::new(Patient::new(stream, slow))).await?;
    // The request returns the same error.
    tokio::spawn(connection);
    Ok(sender)
}

/// The response of a server.
pub struct Response {
    pub status: u16,
    pub body: Vec<u8>,
    /// Whether the connection can take another request.
    pub keep_alive: bool,
}

/// A connection to a server.
pub struct Connection(http1::SendRequest<Pieces>);

impl Connection {
    pub(super) fn is_open(&self) -> bool {
        !self.0.is_closed()
    }

    /// Reads while it writes: a server may answer before it has read everything.
    pub(super) async fn send(&mut self, target: &Target, case: &Case) -> Result<Response, BoxError> {
        let sent = match self.0.ready().await {
            Ok(()) => self.0.send_request(target.request(case)?).await,
            Err(error) => Err(error),
        };
        let response = match sent {
            Err(error) if error.is_parse() && target.tls.is_none() => {
                return Err("it is not HTTP; if the server speaks TLS, write https://".into());
            }
            sent => sent?,
        };
        let status = response.status().as_u16();
        let close =
            response.headers().get(CONNECTION).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"close"));
        let body = response.into_body().collect().await?.to_bytes().to_vec();
        Ok(Response { status, body, keep_alive: !close })
    }
}

/// A body with the delivery of a case.
struct Pieces {
    rest: std::vec::IntoIter<Bytes>,
    content_length: Option<u64>,
    pause: Duration,
    next: Pin<Box<Sleep>>,
}

impl Pieces {
    const COUNT: usize = 10;

    fn new(case: &Case) -> Self {
        let piece_len = match case.delivery {
            Delivery::Whole | Delivery::SlowHead => case.body.len(),
            Delivery::Chunked | Delivery::Slow => case.body.len().div_ceil(Self::COUNT),
        };
        let pieces: Vec<_> = case.body.chunks(piece_len.max(1)).map(Bytes::copy_from_slice).collect();
        let pause = if case.delivery == Delivery::Slow { Duration::from_millis(100) } else { Duration::ZERO };
        Self {
            rest: pieces.into_iter(),
            content_length: (case.delivery != Delivery::Chunked).then_some(case.body.len() as u64),
            pause,
            next: Box::pin(sleep_until(Instant::now() + pause)),
        }
    }
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if !self.pause.is_zero() {
            ready!(self.next.as_mut().poll(cx));
            let next = self.next.deadline() + self.pause;
            self.next.as_mut().reset(next);
        }
        Poll::Ready(self.rest.next().map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.content_length.is_some() && self.rest.as_slice().is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        self.content_length.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
