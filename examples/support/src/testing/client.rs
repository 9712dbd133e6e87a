use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

/// A client that sends raw bytes, with or without TLS.
pub trait Client: Read + Write {
    /// Signals that nothing more will be sent.
    fn finish(&mut self);
}

impl Client for TcpStream {
    fn finish(&mut self) {
        // The server may have closed it already.
        let _ = self.shutdown(Shutdown::Write);
    }
}

/// Connects a client that waits longer than any machine takes to answer.
#[track_caller]
pub fn connect(address: &str) -> TcpStream {
    let client = TcpStream::connect(address).unwrap();
    client.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    client.set_write_timeout(Some(Duration::from_secs(30))).unwrap();
    client
}

/// Reads until the server closes the connection, and panics if it does not.
#[track_caller]
pub fn read_to_end(mut client: impl Read) -> String {
    let mut answers = Vec::new();
    if let Err(error) = client.read_to_end(&mut answers) {
        // A reset after the answer counts as an end.
        let silent = matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut);
        assert!(!silent, "neither answered nor closed: {}", String::from_utf8_lossy(&answers));
    }
    String::from_utf8(answers).unwrap()
}
