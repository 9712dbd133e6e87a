//! Sends events as the vendor does, and times the answers.

use std::io;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, sleep_until, timeout};

use crate::util::process::request;

/// One in so many events is sent through two receivers at once, as if the vendor had repeated it.
const TWICE: u32 = 50;
/// Longer than the vendor waits, so that what is too late is seen, and by how much.
const GIVE_UP: Duration = Duration::from_secs(10);

pub struct Load {
    pub events: u32,
    /// How many of them are on their way at once, at most.
    pub in_flight: usize,
    /// Events a second; without, as fast as the answers come.
    pub rate: Option<u32>,
    /// The receivers.
    pub addresses: Vec<String>,
    /// How many events have been begun.
    pub begun: Arc<AtomicU32>,
}

pub struct Answer {
    pub event: u32,
    pub receiver: usize,
    /// When it was due: what the sender itself is late by counts against the receiver.
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
        let (start, slots) = (Instant::now(), Arc::new(Semaphore::new(self.in_flight)));
        let (load, idle) = (Arc::new(self), Arc::new(Mutex::new(Vec::<Vec<Line>>::new())));
        let mut sent = JoinSet::new();
        for number in 0..load.events {
            let due = load.rate.map(|rate| start + Duration::from_secs(1).mul_f64(f64::from(number) / f64::from(rate)));
            if let Some(due) = due {
                sleep_until(due.into()).await;
            }
            let slot = Arc::clone(&slots).acquire_owned().await;
            load.begun.fetch_add(1, Relaxed);
            let (load, idle, due) = (Arc::clone(&load), Arc::clone(&idle), due.unwrap_or_else(Instant::now));
            sent.spawn(async move {
                let lines = idle.lock().unwrap().pop();
                let mut lines =
                    lines.unwrap_or_else(|| load.addresses.iter().map(|address| Line::new(address)).collect());
                let answers = send(number, &mut lines, due).await;
                idle.lock().unwrap().push(lines);
                drop(slot);
                answers
            });
        }
        sent.join_all().await.into_iter().flatten().collect()
    }
}

async fn send(number: u32, lines: &mut [Line], due: Instant) -> Vec<Answer> {
    if number.is_multiple_of(TWICE)
        && let [one, other] = lines
    {
        let (one, other) = tokio::join!(one.exchange(number, 0, due), other.exchange(number, 1, due));
        return vec![one, other];
    }
    // A load balancer leads the vendor's next try to a receiver that is alive.
    let (mut answers, mut start, count) = (Vec::new(), due, lines.len());
    for receiver in (0..count).cycle().skip(number as usize % count).take(10 * count) {
        let answer = lines[receiver].exchange(number, receiver, start).await;
        let answered = answer.ok.is_some();
        answers.push(answer);
        if answered {
            break;
        }
        sleep(Duration::from_millis(20)).await;
        start = Instant::now();
    }
    answers
}

/// A connection to a receiver, which is kept as long as it works.
struct Line {
    address: String,
    stream: Option<TcpStream>,
}

impl Line {
    fn new(address: &str) -> Self {
        Self { address: address.to_owned(), stream: None }
    }

    async fn exchange(&mut self, event: u32, receiver: usize, start: Instant) -> Answer {
        let ok = timeout(GIVE_UP, self.try_exchange(event)).await.ok().and_then(Result::ok);
        if ok.is_none() {
            self.stream = None;
        }
        Answer { event, receiver, start, end: Instant::now(), ok }
    }

    async fn try_exchange(&mut self, number: u32) -> io::Result<bool> {
        let stream = match &mut self.stream {
            Some(stream) => stream,
            none => {
                let stream = TcpStream::connect(&self.address).await?;
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
