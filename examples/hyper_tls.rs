//! A callback server on hyper alone, over TLS: the vendor calls HTTPS only.
//!
//! The certificate is made at start, for localhost. A real server loads one from an authority, or stands behind a
//! reverse proxy that does.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use im_group_full::{CALLBACK_TIMEOUT, GroupFullService, Immediate, handler_fn};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use crate::flags::{Flags, log};

#[path = "support/flags.rs"]
mod flags;

/// Receives Group.CallbackAfterGroupFull over HTTPS, on any path.
#[derive(Parser)]
struct Options {
    #[command(flatten)]
    flags: Flags,
    /// Where to write the certificate, for those who shall trust it
    #[arg(long, default_value = "localhost.pem", value_name = "FILE")]
    certificate: PathBuf,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Options::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("hyper_tls: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(Options { flags, certificate }: Options) -> Result<(), Box<dyn std::error::Error>> {
    let localhost = rcgen::generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()])?;
    std::fs::write(&certificate, localhost.cert.pem())?;
    let key = PrivateKeyDer::try_from(localhost.signing_key.serialize_der())?;
    let config =
        ServerConfig::builder().with_no_client_auth().with_single_cert(vec![localhost.cert.der().clone()], key)?;
    let tls = TlsAcceptor::from(Arc::new(config));

    let handler = handler_fn(flags.validator()?, |event| {
        log(format_args!("accepted {:?}", event.group_id()));
        Ok(())
    });
    let service = TowerToHyperService::new(GroupFullService::new(Immediate(handler)));

    let listener = flags.listen_as("https", &format!("--cacert '{}' ", certificate.display()))?;
    listener.set_nonblocking(true)?;
    let listener = tokio::net::TcpListener::from_std(listener)?;
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Out of file handles, say: the connections that there are go on.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let (tls, service) = (tls.clone(), service.clone());
        tokio::spawn(async move {
            if let Ok(Ok(stream)) = timeout(CALLBACK_TIMEOUT, tls.accept(stream)).await {
                let mut server = http1::Builder::new();
                server.timer(TokioTimer::new()).header_read_timeout(CALLBACK_TIMEOUT);
                // What fails here is the client's connection, and nobody is left to tell.
                let _ = server.serve_connection(TokioIo::new(stream), service).await;
            }
        });
    }
}
