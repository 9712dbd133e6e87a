//! Faults in the middle, of the servers that are shown as examples: each a process of its own, with the real clock.
#![cfg(target_os = "linux")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;

use faults::{Client, connect, faults, faults_and};
use started::{Ended, Started, example};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

#[path = "util/faults.rs"]
mod faults;
#[path = "util/started.rs"]
mod started;
#[path = "../examples/support/vendor/mod.rs"]
mod vendor;

/// The path may be any, but for the one in the URL that it prints.
fn address_and_path(url: &str) -> (&str, String) {
    let (address, path) = url.split_once("://").unwrap().1.split_once('/').unwrap();
    (address, format!("/{path}"))
}

fn plain(name: &str) {
    let server = Started::new(&example(name), &[], None);
    let (address, path) = address_and_path(&server.url);
    faults(server.id(), &path, || connect(address));
}

#[test]
fn server() {
    plain("server");
}

#[test]
fn tiny_http() {
    plain("tiny_http");
}

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

#[test]
fn hyper_tls() {
    let certificate = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("faults.pem");
    let server = Started::new(&example("hyper_tls"), &["--certificate", certificate.to_str().unwrap()], None);
    let (address, path) = address_and_path(&server.url);
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(certificate).unwrap()).unwrap();
    let config = Arc::new(ClientConfig::builder().with_root_certificates(roots).with_no_client_auth());
    let connect_tls = || {
        let client = ClientConnection::new(Arc::clone(&config), ServerName::try_from("localhost").unwrap()).unwrap();
        Tls(StreamOwned::new(client, connect(address)))
    };
    faults_and(server.id(), &path, connect_tls, || {
        // Before and in the middle of the handshake.
        for bytes in [&b""[..], b"\x16", b"\x16\x03\x01\x02\x00\x01", b"POST / HTTP/1.1\r\n\r\n"] {
            connect(address).write_all(bytes).unwrap();
        }
    });
}

#[test]
fn make_room() {
    // Where nobody listens: what the worker does about the group is not looked at.
    let arguments = ["--region", "http://127.0.0.1:1", "--sdk-app-id", "888888", "--admin", "administrator"];
    let mut command = Command::new(example("make_room"));
    command.args(arguments).env("IM_SECRET_KEY", "secret").stdout(Stdio::piped()).stderr(Stdio::null());
    let mut server = Ended(command.spawn().unwrap());
    let mut line = String::new();
    // Kept to the end: the worker still prints.
    let mut stdout = BufReader::new(server.0.stdout.take().unwrap());
    stdout.read_line(&mut line).unwrap();
    let (address, path) = address_and_path(line.trim_end().strip_prefix("listening for callbacks at ").unwrap());
    faults(server.0.id(), &path, || connect(address));
}
