//! A stand-in for the vendor's REST servers, without HTTP: it holds groups, keeps to the vendor's limits, checks who calls,
//! and has the faults that a test wants. `examples/support` puts HTTP around it.
#![allow(dead_code, reason = "each of its users uses a part of it")]

pub mod credential;
mod group;
mod vendor;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use http::StatusCode;
use im_group_full::SdkAppId;
use serde_json::Value;

use self::group::refusal;
pub use self::group::{Group, Member};
pub use self::vendor::{Call, Vendor};

/// The clock of the stand-in; a test passes a fixed one.
pub type Clock = Arc<dyn Fn() -> SystemTime + Send + Sync>;

/// What happens to a call instead of, or after, its being carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing: the call is carried out and answered.
    None,
    /// The connection breaks, and nothing is done.
    BreakBefore,
    /// The connection breaks after the call was carried out.
    BreakAfter,
    /// An HTTP status, and nothing is done.
    Status(u16),
    /// An HTTP status after the call was carried out.
    StatusAfter(u16),
    /// Status 200 and a page that is not JSON, after the call was carried out.
    NotJson,
    /// The vendor's error, and nothing is done.
    Code(i32),
}

/// Called before each call is carried out, and may change the groups.
pub type Hook = Box<dyn FnMut(&Call, &mut Vendor) -> Fault + Send>;

pub struct StandIn(Mutex<Shared>);

struct Shared {
    vendor: Vendor,
    app: SdkAppId,
    admin: String,
    secret_key: String,
    clock: Clock,
    hook: Option<Hook>,
    /// By command: the second, and how many calls it has seen.
    rates: HashMap<String, (u64, u32)>,
}

impl StandIn {
    /// For one app with one admin.
    pub fn new(app: SdkAppId, admin: &str, secret_key: &str, clock: Clock) -> Self {
        let (admin, secret_key) = (admin.to_owned(), secret_key.to_owned());
        let vendor = Vendor::default();
        Self(Mutex::new(Shared { vendor, app, admin, secret_key, clock, hook: None, rates: HashMap::new() }))
    }

    /// Answers a request; `None` if the connection breaks.
    pub fn call(&self, request: &http::Request<impl AsRef<[u8]>>) -> Option<(StatusCode, Vec<u8>)> {
        let command = request.uri().path().rsplit('/').next().unwrap_or_default();
        let query = request.uri().query().unwrap_or_default();
        let query = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        self.lock().answer(command.to_owned(), &query, request.body().as_ref())
    }

    /// Reads or changes the state; no call is served meanwhile.
    pub fn with<T>(&self, f: impl FnOnce(&mut Vendor) -> T) -> T {
        f(&mut self.lock().vendor)
    }

    /// Sets the hook for all later calls.
    pub fn on_call(&self, hook: impl FnMut(&Call, &mut Vendor) -> Fault + Send + 'static) {
        self.lock().hook = Some(Box::new(hook));
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    fn answer(
        &mut self,
        command: String,
        query: &HashMap<String, String>,
        body: &[u8],
    ) -> Option<(StatusCode, Vec<u8>)> {
        let body = serde_json::from_slice(body).unwrap_or(Value::Null);
        let call = self.vendor.record(command, body);
        let fault = self.hook.as_mut().map_or(Fault::None, |hook| hook(&call, &mut self.vendor));
        // After the hook, which may let time pass.
        let now = (self.clock)();
        let carried_out = !matches!(fault, Fault::BreakBefore | Fault::Status(_) | Fault::Code(_));
        let served = if carried_out { self.serve(&call, query, now) } else { Value::Null };
        match fault {
            Fault::None => Some(json_answer(&served)),
            Fault::BreakBefore | Fault::BreakAfter => None,
            Fault::Status(status) | Fault::StatusAfter(status) => Some(plain(status, "gateway")),
            Fault::NotJson => Some(plain(200, "<html>it works</html>")),
            Fault::Code(code) => Some(json_answer(&refusal(code, "as the test wants it"))),
        }
    }

    fn serve(&mut self, call: &Call, query: &HashMap<String, String>, now: SystemTime) -> Value {
        let allowed = credential::check(query, self.app, &self.admin, &self.secret_key, now)
            .and_then(|()| self.check_rate(&call.command, now));
        match allowed {
            Ok(()) => self.vendor.answer(&call.command, &call.body),
            Err((code, info)) => refusal(code, info),
        }
    }

    fn check_rate(&mut self, command: &str, now: SystemTime) -> Result<(), (i32, &'static str)> {
        let second = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
        let rate = self.rates.entry(command.to_owned()).or_default();
        if rate.0 != second {
            *rate = (second, 0);
        }
        rate.1 += 1;
        if rate.1 > self.vendor.calls_per_second { Err((10006, "too many calls")) } else { Ok(()) }
    }
}

fn json_answer(body: &Value) -> (StatusCode, Vec<u8>) {
    (StatusCode::OK, body.to_string().into_bytes())
}

fn plain(status: u16, text: &str) -> (StatusCode, Vec<u8>) {
    (StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY), text.into())
}
