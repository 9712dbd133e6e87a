use std::io;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering::Relaxed};
use std::thread;

/// An address that leads to one server and then to another, as a name or a load balancer does. A connection that is
/// open stays with the server that it was made to.
pub struct Proxy {
    pub port: u16,
    to: Arc<AtomicU16>,
}

impl Proxy {
    pub fn start(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let to = Arc::new(AtomicU16::new(port));
        let proxy = Self { port: listener.local_addr().unwrap().port(), to: Arc::clone(&to) };
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let Ok(server) = TcpStream::connect(("127.0.0.1", to.load(Relaxed))) else { continue };
                let _ = (client.set_nodelay(true), server.set_nodelay(true));
                for (mut from, mut to) in [(client.try_clone().unwrap(), server.try_clone().unwrap()), (server, client)]
                {
                    thread::spawn(move || {
                        let _ = io::copy(&mut from, &mut to);
                        let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
                    });
                }
            }
        });
        proxy
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Leads the next connections to another server.
    pub fn lead_to(&self, port: u16) {
        self.to.store(port, Relaxed);
    }
}
