//! A callback server on hyper alone, over TLS: the vendor calls HTTPS only.
//!
//! The certificate is made at start, for localhost. A real server loads one from an authority, or stands behind a
//! reverse proxy that does.

use std::error::Error;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use example_support::connections::Connections;
use example_support::flags::Flags;
use example_support::log;
use example_support::serve::{interrupted, serve};
use im_group_full::http::StatusCode;
use im_group_full::{CALLBACK_TIMEOUT, GroupFullService, Immediate, handler_fn};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tower_http::timeout::Timeout;

/// Receives Group.CallbackAfterGroupFull over HTTPS, on any path
#[derive(Parser)]
struct Options {
    #[command(flatten)]
    flags: Flags,
    /// How many connections may be open
    #[arg(long, value_name = "CONNECTIONS", default_value = "128")]
    max_connections: usize,
    /// Where to write the certificate that clients have to trust (default: a temporary file)
    #[arg(long, value_name = "FILE")]
    certificate: Option<PathBuf>,
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("hyper-tls: {error}");
            ExitCode::FAILURE
        }
    }
}

#[tokio::main]
async fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let handler = handler_fn(options.flags.validator()?, |event| {
        tracing::info!(group = event.group_id(), "accepted");
        Ok(())
    });
    let service = GroupFullService::new(Immediate(handler));
    // A client that sends slower than that is not the vendor, or is not waiting any more.
    let service = Timeout::with_status_code(service, StatusCode::REQUEST_TIMEOUT, CALLBACK_TIMEOUT);

    let (tls, pem) = localhost()?;
    // Removed when it goes out of scope.
    let temporary = tempfile::Builder::new().prefix("localhost-").suffix(".pem").tempfile()?;
    let certificate = options.certificate.as_deref().unwrap_or(temporary.path());
    match &options.certificate {
        Some(path) => std::fs::write(path, pem)?,
        None => temporary.as_file().write_all(pem.as_bytes())?,
    }
    let listener = options.flags.listen_as("https", &format!("--cacert '{}' ", certificate.display()))?;
    let (_guard, _dropped) = log::init(log::LevelFilter::INFO);
    let connections = Connections::new(options.max_connections);
    serve(listener, connections, move |stream| tls.accept(stream), service, interrupted()).await?;
    Ok(())
}

/// Makes a certificate for this machine; returns what uses it, and its text.
fn localhost() -> Result<(TlsAcceptor, String), Box<dyn Error>> {
    let localhost = rcgen::generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()])?;
    let key = PrivateKeyDer::try_from(localhost.signing_key.serialize_der())?;
    let certificate = vec![localhost.cert.der().clone()];
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(certificate, key)?;
    Ok((TlsAcceptor::from(Arc::new(config)), localhost.cert.pem()))
}
