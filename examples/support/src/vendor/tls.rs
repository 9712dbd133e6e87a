use std::error::Error;
use std::io;
use std::path::Path;
use std::sync::Arc;

use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::{self, CertificateError, ClientConfig, RootCertStore};

use super::client::Unreachable;

/// `certificate` is a PEM file to trust, in addition to the authorities that browsers trust.
pub(super) fn connector(certificate: Option<&Path>) -> Result<TlsConnector, Unreachable> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    if let Some(path) = certificate {
        let failed = |reason: &dyn std::fmt::Display| Unreachable(format!("{}: {reason}", path.display()));
        let certificate = CertificateDer::from_pem_file(path).map_err(|error| failed(&error))?;
        roots.add(certificate).map_err(|error| failed(&error))?;
    }
    let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

/// Returns what to do about a TLS error, if known.
pub(super) fn explain(error: &(dyn Error + Send + Sync + 'static)) -> Option<&'static str> {
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
