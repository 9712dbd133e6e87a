use std::convert::Infallible;
use std::error::Error;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Bytes, Frame};
use hyper::client::conn::http1;
use hyper::header::{CONTENT_LENGTH, HOST};
use hyper::{Request, Uri};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, copy, duplex, split};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{self, CertificateError, ClientConfig, RootCertStore};
use tokio_stream::StreamExt;

use super::{Case, Delivery};

type BoxError = Box<dyn Error + Send + Sync>;
type Body = UnsyncBoxBody<Bytes, Infallible>;

/// The target of the callbacks.
pub struct Target {
    url: Uri,
    host: String,
    port: u16,
    tls: Option<(TlsConnector, ServerName<'static>)>,
}

/// A connection to a server.
pub type Connection = http1::SendRequest<Body>;

impl Target {
    /// `certificate` is a PEM file to trust, in addition to the authorities that browsers trust.
    pub fn new(url: &str, certificate: Option<&Path>) -> Result<Self, String> {
        let failed = |reason: &dyn std::fmt::Display| format!("{url}: {reason}");
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
                (443, Some((tls_config(certificate)?.into(), name)))
            }
            _ => return Err(failed(&scheme)),
        };
        Ok(Self { port: uri.port_u16().unwrap_or(port), url: uri, host, tls })
    }

    /// Connects for a case with this delivery, or says why it cannot.
    pub(super) async fn connect(&self, delivery: Delivery, patience: Duration) -> Result<Connection, String> {
        let reason = match timeout(patience, self.try_connect(delivery == Delivery::SlowHead)).await {
            Ok(Ok(connection)) => return Ok(connection),
            Ok(Err(error)) => explain(&*error).map_or_else(|| error.to_string(), str::to_owned),
            Err(_) => format!("no connection within {patience:?}"),
        };
        Err(format!("{}: {reason}", self.url))
    }

    async fn try_connect(&self, slow: bool) -> Result<Connection, BoxError> {
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await?;
        stream.set_nodelay(true)?;
        let stream = match &self.tls {
            Some((tls, name)) => relay(tls.connect(name.clone(), stream).await?, slow),
            None => relay(stream, slow),
        };
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        // The request returns the same error.
        tokio::spawn(connection);
        Ok(sender)
    }

    /// Sends a case, and returns the status and the body of the answer.
    pub(super) async fn send(&self, connection: &mut Connection, case: &Case) -> Result<(u16, Bytes), BoxError> {
        // Like the vendor, appends the callback's parameters to the app's own.
        let own = self.url.query().map(|query| format!("{query}&")).unwrap_or_default();
        let mut request = Request::builder()
            .method(case.method)
            .uri(format!("{}?{own}{}", self.url.path(), case.query))
            .header(HOST, self.url.authority().map_or("", |authority| authority.as_str()));
        if case.delivery != Delivery::Chunked {
            request = request.header(CONTENT_LENGTH, case.body.len());
        }
        for (name, value) in case.headers {
            request = request.header(*name, *value);
        }
        connection.ready().await?;
        let response = match connection.send_request(request.body(body(case))?).await {
            Err(error) if error.is_parse() && self.tls.is_none() => {
                return Err("it is not HTTP; if the server speaks TLS, write https://".into());
            }
            sent => sent?,
        };
        Ok((response.status().as_u16(), response.into_body().collect().await?.to_bytes()))
    }
}

/// The body with the delivery of the case.
fn body(case: &Case) -> Body {
    let (pieces, pause) = match case.delivery {
        Delivery::Whole | Delivery::SlowHead => (1, 0),
        Delivery::Chunked => (10, 0),
        Delivery::Slow => (11, 100),
    };
    let pieces = case.body.chunks(case.body.len().div_ceil(pieces).max(1));
    let frames: Vec<_> = pieces.map(|piece| Ok(Frame::data(Bytes::copy_from_slice(piece)))).collect();
    StreamBody::new(tokio_stream::iter(frames).throttle(Duration::from_millis(pause))).boxed_unsync()
}

/// Stands between the HTTP client and the server, and hides failed writes from the client: a server that answers before it
/// has read everything closes the connection, and a client that stopped at the failed write would miss the answer.
fn relay(stream: impl AsyncRead + AsyncWrite + Send + 'static, slow: bool) -> DuplexStream {
    let (piece, pause) = if slow { (32, Duration::from_millis(50)) } else { (64 * 1024, Duration::ZERO) };
    let (near, far) = duplex(piece);
    tokio::spawn(async move {
        let (mut from_server, mut to_server) = split(stream);
        let (mut from_client, mut to_client) = split(far);
        let requests = async {
            let mut bytes = vec![0; piece];
            while let Ok(count @ 1..) = from_client.read(&mut bytes).await {
                let _ = to_server.write_all(&bytes[..count]).await;
                let _ = to_server.flush().await;
                sleep(pause).await;
            }
        };
        // Either end ends the connection.
        tokio::select! {
            _ = copy(&mut from_server, &mut to_client) => (),
            () = requests => (),
        }
    });
    near
}

/// Makes a client that trusts the certificate in a PEM file, in addition to the authorities that browsers trust.
pub fn tls_config(certificate: Option<&Path>) -> Result<Arc<ClientConfig>, String> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    if let Some(path) = certificate {
        let failed = |reason: &dyn std::fmt::Display| format!("{}: {reason}", path.display());
        let certificate = CertificateDer::from_pem_file(path).map_err(|error| failed(&error))?;
        roots.add(certificate).map_err(|error| failed(&error))?;
    }
    Ok(Arc::new(ClientConfig::builder().with_root_certificates(roots).with_no_client_auth()))
}

/// Returns what to do about a TLS error, if known.
fn explain(error: &(dyn Error + Send + Sync + 'static)) -> Option<&'static str> {
    let error = error.downcast_ref::<io::Error>()?;
    // Some servers hang up on input that is not HTTP.
    if error.kind() == io::ErrorKind::UnexpectedEof {
        return Some("the server ended the TLS handshake; if it speaks plain HTTP, write http://");
    }
    Some(match error.get_ref()?.downcast_ref::<rustls::Error>()? {
        rustls::Error::InvalidMessage(_) => "the server does not speak TLS; for plain HTTP, write http://",
        rustls::Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => "the certificate is for another name than the URL's",
        rustls::Error::InvalidCertificate(CertificateError::Expired | CertificateError::ExpiredContext { .. }) => {
            "the certificate has expired"
        }
        rustls::Error::InvalidCertificate(_) => {
            "the certificate is not trusted; give it with --cacert, and the vendor needs one that it trusts"
        }
        _ => return None,
    })
}
