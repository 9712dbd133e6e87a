//! Requests as bytes.

use std::io::Read;
use std::net::TcpStream;

use im_group_full::testing::Callback;

use crate::util::APP;

pub const CLOSE: &str = "Connection: close\r\n";

pub fn read_to_end(mut client: TcpStream) -> String {
    let mut answers = Vec::new();
    // A reset after the answer counts as an end.
    drop(client.read_to_end(&mut answers));
    String::from_utf8(answers).unwrap()
}

pub fn request(group_id: &str, headers: &str) -> Vec<u8> {
    let callback = Callback::new(APP).group_id(group_id);
    let body = callback.raw_body();
    let head = format!(
        "POST /?{} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n{headers}\r\n",
        callback.raw_query(),
        body.len()
    );
    [head.as_bytes(), &body].concat()
}
