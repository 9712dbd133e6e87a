//! Nginx as `docs/operate.md` configures it, in front of a server without limits and of one with limits.
#![cfg(target_os = "linux")]

use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use example_support::PATH;
use example_support::testing::{Ended, TOKEN, connect, read_to_end, request};
use example_support::vendor::tls_config;
use example_tests::start;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, ClientConnection, StreamOwned};

const CONFIGURATION: &str = include_str!("../../../docs/nginx.conf");
const NGINX: &str = "/usr/sbin/nginx";
const ATTACKERS: usize = 400;
const IDLE: usize = 300;

type Tls = StreamOwned<ClientConnection, TcpStream>;

/// nginx in front of a server.
struct Nginx {
    process: Ended,
    folder: PathBuf,
    address: String,
    tls: Arc<ClientConfig>,
}

impl Nginx {
    #[track_caller]
    fn before(server: &str, name: &str) -> Self {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("nginx-{name}"));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        let localhost = rcgen::generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
        fs::write(folder.join("callback.pem"), localhost.cert.pem()).unwrap();
        fs::write(folder.join("callback.key"), localhost.signing_key.serialize_pem()).unwrap();
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();

        // Only paths and ports are changed.
        let mut configuration = CONFIGURATION.to_owned();
        let here = format!("{}/", folder.display());
        for (from, to) in
            [("443", &*address), ("127.0.0.1:8080", server), ("/etc/nginx/", &here), ("/var/log/nginx/", &here)]
        {
            assert!(configuration.contains(from), "{from}");
            configuration = configuration.replace(from, to);
        }
        // Around it stands what Debian's `nginx.conf` says; its `auto` would be a process for each processor.
        let main = format!(
            "daemon off; pid {here}pid; worker_processes 2; error_log {here}error.log;\n\
             events {{ worker_connections 768; }}\n\
             http {{\naccess_log {here}access.log;\n{configuration}}}\n"
        );
        fs::write(folder.join("nginx.conf"), main).unwrap();
        let mut command = Command::new(NGINX);
        command.args(["-e", &format!("{here}error.log"), "-p", &here, "-c", &format!("{here}nginx.conf")]);
        let mut process = Ended(command.spawn().unwrap());
        for _ in 0..1000 {
            if TcpStream::connect(&address).is_ok() {
                break;
            }
            assert!(process.0.try_wait().unwrap().is_none(), "nginx ended");
            std::thread::sleep(Duration::from_millis(10));
        }
        let tls = tls_config(Some(&folder.join("callback.pem"))).unwrap();
        Self { process, folder, address, tls }
    }

    fn connect(&self) -> Tls {
        let name = ServerName::try_from("localhost").unwrap();
        StreamOwned::new(ClientConnection::new(Arc::clone(&self.tls), name).unwrap(), connect(&self.address))
    }

    /// Sends bytes that nginx may refuse at any time.
    fn attack(&self, bytes: &str) -> Tls {
        let mut client = self.connect();
        let _ = client.write_all(bytes.as_bytes()).and_then(|()| client.flush());
        client
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // A kill would leave its workers behind.
        let _ = Command::new("kill").arg(self.process.0.id().to_string()).status();
        let _ = self.process.0.wait();
    }
}

/// Sends a valid callback on a new connection, which must be answered.
#[track_caller]
fn is_answered(nginx: &Nginx, meanwhile: &str, ends: bool) {
    let (head, body) = request("Connection: close\r\n");
    let mut client = nginx.connect();
    client.write_all((head + &body).as_bytes()).and_then(|()| client.flush()).unwrap();
    if ends {
        client.conn.send_close_notify();
        let _ = client.flush();
        // It may be closed already.
        let _ = client.sock.shutdown(Shutdown::Write);
    }
    let answer = read_to_end(client);
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("\"OK\""), "{meanwhile}: {answer:?}");
}

/// Opens connections that send a valid callback and then stay open.
fn idle(nginx: &Nginx) -> Vec<Tls> {
    let idle = || {
        let (head, body) = request("");
        let mut client = nginx.connect();
        client.write_all((head + &body).as_bytes()).and_then(|()| client.flush()).unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"\"ErrorCode\":0}") {
            let mut byte = [0];
            client.read_exact(&mut byte).unwrap();
            answer.extend(byte);
        }
        client
    };
    std::iter::repeat_with(idle).take(IDLE).collect()
}

fn withstands(name: &str) {
    if !Path::new(NGINX).exists() {
        assert!(std::env::var_os("CI").is_none(), "nginx is not installed");
        // Bypasses the test's output capture.
        let _ = std::io::stderr().write_all(b"\nNOT RUN: nginx is not installed\n");
        return;
    }
    let mut server = start(name, Some(TOKEN));
    let nginx = Nginx::before(server.address(), name);

    let idle = idle(&nginx);
    let (head, body) = request("");
    let attacks = [
        ("silent", String::new()),
        ("half a head", head[..head.len() / 2].to_owned()),
        ("half a body", format!("{head}{}", &body[..body.len() / 2])),
        ("half a body, forged", format!("{}{}", head.replace("Sign=", "Sign=0"), &body[..body.len() / 2])),
    ];
    for (attack, bytes) in attacks {
        let attackers: Vec<_> = (0..ATTACKERS).map(|_| nginx.attack(&bytes)).collect();
        for _ in 0..3 {
            is_answered(&nginx, attack, false);
            is_answered(&nginx, attack, true);
        }
        drop(attackers);
    }
    drop(idle);

    // With nginx in front, all answers stay the same, except for requests that nginx itself finds too large.
    server.url = format!("https://{}{PATH}", nginx.address);
    let differing = server.differing(Some(&nginx.folder.join("callback.pem")));
    let differing: Vec<_> =
        differing.iter().filter_map(|case| case.split_once(": expected")).map(|case| case.0).collect();
    assert_eq!(
        differing,
        [
            "another command, 128 KiB",
            "another command, 128 KiB, chunked",
            "body too large",
            "body too large, 1 MiB",
            "body too large, 1 MiB, chunked"
        ]
    );

    for log in ["access.log", "error.log", "callback.log", "callback-error.log"] {
        let lines = fs::read_to_string(nginx.folder.join(log)).unwrap();
        assert!(!lines.contains("Sign="), "{log}: {lines}");
        assert_eq!(lines.contains(&format!("\"POST {PATH}\" 200")), log == "callback.log", "{log}: {lines}");
    }
}

#[test]
fn before_axum() {
    withstands("axum");
}

#[test]
fn before_server() {
    withstands("server");
}

#[test]
fn is_what_the_page_says() {
    assert!(include_str!("../../../docs/operate.md").contains(&format!("```nginx\n{CONFIGURATION}```\n")));
}
