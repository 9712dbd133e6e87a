//! Sends events as the vendor does, keeping a number of them in flight, and times the answers.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{sleep, sleep_until, timeout};

use crate::util::process::request;

/// One in so many events is sent through two receivers at once, as if the vendor had repeated it.
const TWICE: u32 = 50;
/// Longer than the vendor waits, so that what is too late is seen, and by how much.
const GIVE_UP: Duration = Duration::from_secs(10);

#[derive(Clone)]
pub struct Load {
    pub events: u32,
    pub in_flight: usize,
    /// Events a second; as fast as the answers come unless set.
    pub rate: Option<u32>,
    /// The receivers.
    pub addresses: Vec<String>,
    /// How many events have been begun.
    pub begun: Arc<AtomicU32>,
}

pub struct Answer {
    pub event: u32,
    pub start: Instant,
    pub end: Instant,
    /// Whether it was `OK`; none came from a receiver that died.
    pub ok: Option<bool>,
}

/// The group and the time of the event with a number.
pub fn event(number: u32) -> (String, u64) {
    let kind = if fails(number) { "fails" } else { "" };
    (format!("@TGS#{number}{kind}"), 1_670_574_414_123 + u64::from(number))
}

/// Tells whether all work on an event fails: one in a hundred.
pub fn fails(number: u32) -> bool {
    number % 100 == 7
}

/// What `GroupFull::id` says of it.
pub fn id(number: u32) -> String {
    let (group, time) = event(number);
    format!("888888:{time}:{group}")
}

impl Load {
    pub async fn run(self) -> Vec<Answer> {
        let start = Instant::now();
        let mut senders = JoinSet::new();
        for number in 0..self.in_flight {
            senders.spawn(self.clone().send(number, start));
        }
        senders.join_all().await.into_iter().flatten().collect()
    }

    async fn send(self, sender: usize, start: Instant) -> Vec<Answer> {
        let mut lines: Vec<_> = self.addresses.iter().map(|address| Line { address, stream: None }).collect();
        let count = lines.len();
        lines.rotate_left(sender % count);
        let mut answers = Vec::new();
        loop {
            let number = self.begun.fetch_add(1, Relaxed);
            if number >= self.events {
                return answers;
            }
            if let Some(rate) = self.rate {
                let due = start + Duration::from_secs(1).mul_f64(f64::from(number) / f64::from(rate));
                sleep_until(due.into()).await;
            }
            if number.is_multiple_of(TWICE)
                && let [one, other, ..] = &mut lines[..]
            {
                let (one, other) = tokio::join!(one.exchange(number), other.exchange(number));
                answers.extend([one, other]);
                continue;
            }
            // A load balancer leads the vendor's next try to a receiver that is alive.
            for line in (0..count).cycle().take(10 * count) {
                let answer = lines[line].exchange(number).await;
                let answered = answer.ok.is_some();
                answers.push(answer);
                if answered {
                    break;
                }
                sleep(Duration::from_millis(20)).await;
            }
        }
    }
}

/// A connection to a receiver, which is kept as long as it works.
struct Line<'a> {
    address: &'a str,
    stream: Option<TcpStream>,
}

impl Line<'_> {
    async fn exchange(&mut self, number: u32) -> Answer {
        let start = Instant::now();
        let ok = timeout(GIVE_UP, self.try_exchange(number)).await.ok().and_then(Result::ok);
        if ok.is_none() {
            self.stream = None;
        }
        Answer { event: number, start, end: Instant::now(), ok }
    }

    async fn try_exchange(&mut self, number: u32) -> io::Result<bool> {
        let stream = match &mut self.stream {
            Some(stream) => stream,
            none => {
                let stream = TcpStream::connect(self.address).await?;
                stream.set_nodelay(true)?;
                none.insert(stream)
            }
        };
        let (group, time) = event(number);
        stream.write_all(request(&group, Some(time), "keep-alive").as_bytes()).await?;
        let mut answer = Vec::with_capacity(512);
        loop {
            if stream.read_buf(&mut answer).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if let Some(body) = body(&answer) {
                return Ok(body == r#"{"ActionStatus":"OK","ErrorInfo":"","ErrorCode":0}"#);
            }
        }
    }
}

/// The body of an answer, if it is there as a whole.
fn body(answer: &[u8]) -> Option<&str> {
    let (head, body) = std::str::from_utf8(answer).ok()?.split_once("\r\n\r\n")?;
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "))?;
    (length.parse() == Ok(body.len())).then_some(body)
}
