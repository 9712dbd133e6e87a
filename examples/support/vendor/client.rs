use std::error::Error;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http_body_util::BodyExt;
use hyper::body::{Body, Bytes, Frame, SizeHint};
use hyper::client::conn::http1;
use hyper::header::HOST;
use hyper::{Request, Uri};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::patient::Patient;
use super::{Case, Delivery};

/// A URL cannot be reached, and why, in one line.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Unreachable(String);

/// Where the callbacks go.
pub(crate) struct Target {
    url: Uri,
    host: String,
    port: u16,
    tls: Option<(TlsConnector, ServerName<'static>)>,
}

impl Target {
    /// `certificate` is a PEM file to trust, besides the authorities that browsers trust.
    pub(crate) fn new(url: &str, certificate: Option<&Path>) -> Result<Self, Unreachable> {
        let failed = |reason: &dyn std::fmt::Display| Unreachable(format!("{url}: {reason}"));
        let uri: Uri = url.parse().map_err(|error| failed(&error))?;
        let host = uri.host().ok_or_else(|| failed(&"expected http://host or https://host"))?;
        let host = host.trim_matches(['[', ']']).to_owned();
        let (port, tls) = match uri.scheme_str() {
            Some("http") => (80, None),
            Some("https") => {
                let name = ServerName::try_from(host.clone()).map_err(|error| failed(&error))?;
                (443, Some((connector(certificate)?, name)))
            }
            _ => return Err(failed(&"expected http://host or https://host")),
        };
        Ok(Self { port: uri.port_u16().unwrap_or(port), url: uri, host, tls })
    }

    pub(crate) async fn connect(&self, patience: Duration) -> Result<Connection<'_>, Unreachable> {
        match timeout(patience, self.try_connect()).await {
            Ok(Ok(sender)) => Ok(Connection { target: self, sender }),
            Ok(Err(error)) => Err(Unreachable(format!("{}: {error}", self.url))),
            Err(_) => Err(Unreachable(format!("{}: no connection within {patience:?}", self.url))),
        }
    }

    async fn try_connect(&self) -> Result<http1::SendRequest<Pieces>, Box<dyn Error + Send + Sync>> {
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await?;
        stream.set_nodelay(true)?;
        match &self.tls {
            Some((tls, name)) => shake_hands(tls.connect(name.clone(), stream).await?).await,
            None => shake_hands(stream).await,
        }
    }

    fn request(&self, case: &Case) -> hyper::http::Result<Request<Pieces>> {
        // As the vendor does: the callback's parameters behind the app's own.
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
) -> Result<http1::SendRequest<Pieces>, Box<dyn Error + Send + Sync>> {
    let (sender, connection) = http1::handshake(TokioIo::new(Patient(stream))).await?;
    // Its error is also the request's.
    tokio::spawn(connection);
    Ok(sender)
}

fn connector(certificate: Option<&Path>) -> Result<TlsConnector, Unreachable> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    if let Some(path) = certificate {
        let failed = |reason: &dyn std::fmt::Display| Unreachable(format!("{}: {reason}", path.display()));
        let certificate = CertificateDer::from_pem_file(path).map_err(|error| failed(&error))?;
        roots.add(certificate).map_err(|error| failed(&error))?;
    }
    let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

pub(crate) struct Connection<'a> {
    target: &'a Target,
    sender: http1::SendRequest<Pieces>,
}

impl Connection<'_> {
    /// Reads while it writes: a server may answer before it has read everything.
    pub(crate) async fn send(mut self, case: &Case) -> Result<(u16, Vec<u8>), Box<dyn Error + Send + Sync>> {
        let response = self.sender.send_request(self.target.request(case)?).await?;
        let status = response.status().as_u16();
        let body = response.into_body().collect().await?.to_bytes().to_vec();
        Ok((status, body))
    }
}

/// A body that travels as a case says.
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
            Delivery::Whole => case.body.len(),
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
