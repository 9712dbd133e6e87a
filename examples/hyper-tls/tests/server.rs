//! The server, started for real, asked everything that the probe asks, and put through the faults.
#![cfg(target_os = "linux")]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use example_support::PATH;
use example_support::testing::{Client, Started, TOKEN, attacks, connect, faults_and, finishes_on_sigterm};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

const PROGRAM: &str = env!("CARGO_BIN_EXE_example-hyper-tls");

struct Tls(StreamOwned<ClientConnection, TcpStream>);

impl Read for Tls {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for Tls {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.flush()
    }
}

impl Client for Tls {
    fn finish(&mut self) {
        self.0.conn.send_close_notify();
        let _ = self.0.flush();
        self.0.sock.finish();
    }
}

fn certificate(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name)
}

/// How to connect to the server that wrote this certificate.
fn connect_tls(server: &Started, certificate: &PathBuf) -> impl Fn() -> Tls + use<> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(certificate).unwrap()).unwrap();
    let config = Arc::new(ClientConfig::builder().with_root_certificates(roots).with_no_client_auth());
    let address = server.address().to_owned();
    move || {
        let client = ClientConnection::new(Arc::clone(&config), ServerName::try_from("localhost").unwrap()).unwrap();
        Tls(StreamOwned::new(client, connect(&address)))
    }
}

#[test]
fn answers_every_case() {
    let certificate = certificate("cases.pem");
    let server = Started::new(PROGRAM, &["--certificate", certificate.to_str().unwrap()], Some(TOKEN));
    assert!(server.url.starts_with("https://127.0.0.1:"), "{}", server.url);
    assert_eq!(server.differing(Some(&certificate)), [""; 0]);
}

#[test]
fn goes_on_after_faults() {
    let certificate = certificate("faults.pem");
    let server = Started::new(PROGRAM, &["--certificate", certificate.to_str().unwrap()], None);
    faults_and(server.id(), PATH, None, connect_tls(&server, &certificate), || {
        // Before and in the middle of the handshake.
        for bytes in [&b""[..], b"\x16", b"\x16\x03\x01\x02\x00\x01", b"POST / HTTP/1.1\r\n\r\n"] {
            connect(server.address()).write_all(bytes).unwrap();
        }
    });
}

#[test]
fn answers_while_connections_are_held() {
    let certificate = certificate("attacks.pem");
    let server = Started::limited(PROGRAM, &["--certificate", certificate.to_str().unwrap()], TOKEN);
    println!("{:?}", attacks(PATH, TOKEN, connect_tls(&server, &certificate)));
}

#[test]
fn finishes_what_it_is_at() {
    let certificate = certificate("stopping.pem");
    let server = Started::new(PROGRAM, &["--certificate", certificate.to_str().unwrap()], Some(TOKEN));
    let connect = connect_tls(&server, &certificate);
    finishes_on_sigterm(server, connect);
}

#[test]
fn the_line_that_it_prints_works_and_nothing_is_left_behind() {
    let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("working");
    std::fs::create_dir_all(&directory).unwrap();
    let mut command = Command::new(PROGRAM);
    command.args(["--address", "127.0.0.1:0"]).current_dir(&directory).env("TMPDIR", &directory);
    let server = Started::spawn(&mut command, None);
    assert_eq!(server.paste("", ""), "{\"ActionStatus\":\"OK\",\"ErrorInfo\":\"\",\"ErrorCode\":0}\n");
    assert_eq!(std::fs::read_dir(&directory).unwrap().count(), 1);
    assert_eq!(server.stop("TERM").0, Some(0));
    assert_eq!(std::fs::read_dir(&directory).unwrap().count(), 0);
}
