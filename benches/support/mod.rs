//! What is measured, for the clock (`time.rs`) and for callgrind (`instructions.rs`).

mod handwritten;
mod linear;

use std::hint::black_box;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http_body_util::Full;
use im_group_full::http::{Method, Request, Uri};
use im_group_full::{
    CallbackBody, CallbackQuery, Failure, GroupFull, GroupFullHandler, GroupFullService, Immediate, Rejection,
    SdkAppId, Token, Validator, handle,
};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use tower_service::Service;

const APP: u64 = 1_400_701_118;
const TOKEN: &str = "xxxxyyyy";
const TIME: u64 = 1_669_872_112;

/// The documented sample: 120 bytes, and 213 with the signature.
const QUERY: &str = "SdkAppid=1400701118&CallbackCommand=Group.CallbackAfterGroupFull&contenttype=json\
                     &ClientIP=127.0.0.1&OptPlatform=RESTAPI";
const SIGNATURE: &str = "&Sign=17773bc39a671d7b9aa835458704d2a6db81360a5940292b587d6d760d484061&RequestTime=1669872112";
const BODY: &str =
    r#"{"CallbackCommand":"Group.CallbackAfterGroupFull","GroupId":"@TGS#2J4SZEAEL","EventTime":1670574414123}"#;

/// The app's own parameters in front, escapes in names and values, another order.
const OWN_QUERY: &str = "tenant=7&from=%E4%B8%8A%E6%B5%B7&debug&CallbackCommand=Group%2ECallbackAfterGroupFull\
                         &ClientIP=127.0.0.1&OptPlatform=RESTAPI&SdkAppid=1400701118&contenttype=json\
                         &RequestID=5e1f0b34-7d2c-4f7e-9c1b-0a5f6c2d9b11&note=a+b%26c";
/// Escapes in what is read, a time that is a string, and fields of tomorrow.
const RICH_BODY: &str = r#"{
    "CallbackCommand": "Group.CallbackAfterGroupFull",
    "GroupId": "\u4e0a\u6d77 \"all hands\"",
    "GroupName": "all hands \ud83c\udf89",
    "MemberNum": 6000,
    "Owner": {"Member_Account": "bob", "Roles": ["Owner", "Admin"], "Since": 1.5e9, "Muted": null},
    "EventTime": "1670574414123"
}"#;

/// One thing that is measured, named `group/what`.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) run: Box<dyn Fn()>,
}

fn case<T>(name: impl Into<String>, run: impl Fn() -> T + 'static) -> Case {
    let run = move || {
        black_box(run());
    };
    Case { name: name.into(), run: Box::new(run) }
}

/// An app that does nothing with the event but look at it, and whose clock stands still.
struct App(Validator);

impl GroupFullHandler for App {
    fn validator(&self) -> &Validator {
        &self.0
    }

    fn on_group_full(&self, event: &GroupFull<'_>) -> Result<(), Failure> {
        black_box(event);
        Ok(())
    }

    fn on_rejected(&self, rejection: &Rejection) {
        black_box(rejection);
    }

    fn now(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(TIME)
    }
}

fn validator(signed: bool) -> Validator {
    let app = SdkAppId::new(APP);
    if signed { Validator::signed(app, Token::new(TOKEN).unwrap()) } else { Validator::unauthenticated(app) }
}

/// `handle` as a user calls it, up to the bytes to send.
fn ours(name: impl Into<String>, signed: bool, query: &str, body: &str) -> Case {
    let (app, query, body) = (App(validator(signed)), query.to_owned(), body.to_owned());
    case(name, move || {
        let reply = handle(black_box(&query), black_box(body.as_bytes()), black_box(&app));
        (reply.status(), reply.body())
    })
}

fn by_hand(name: impl Into<String>, signed: bool, query: &str, body: &str) -> Case {
    let app = handwritten::App { sdk_app_id: APP, token: signed.then(|| TOKEN.to_owned()) };
    let (query, body) = (query.to_owned(), body.to_owned());
    case(name, move || {
        let on_group_full = |event| {
            black_box(event);
        };
        handwritten::handle(black_box(&query), black_box(body.as_bytes()), black_box(&app), TIME, on_group_full)
    })
}

/// What `serde_json`, as it is usually called, needs for the body, with nothing owned.
#[derive(Deserialize)]
#[expect(dead_code, reason = "only read")]
struct Floor<'a> {
    #[serde(rename = "CallbackCommand")]
    command: &'a str,
    #[serde(rename = "GroupId")]
    group_id: &'a str,
    #[serde(rename = "EventTime")]
    event_time: u64,
}

fn floor(body: &[u8]) -> Floor<'_> {
    serde_json::from_slice(body).unwrap()
}

fn hash(text: &str) -> impl AsRef<[u8]> {
    Sha256::digest(text)
}

pub(crate) fn all() -> Vec<Case> {
    [sample(), stages(), refusals(), untidy(), service(), event(), linear::linear()].into_iter().flatten().collect()
}

/// `handle` on the documented sample, beside the floor and the version written by hand.
fn sample() -> Vec<Case> {
    let signed = &format!("{QUERY}{SIGNATURE}");
    vec![
        case("unsigned/floor", || floor(black_box(BODY.as_bytes())).event_time),
        ours("unsigned/handle", false, QUERY, BODY),
        by_hand("unsigned/by hand", false, QUERY, BODY),
        case("signed/floor", || (floor(black_box(BODY.as_bytes())).event_time, hash(black_box("xxxxyyyy1669872112")))),
        ours("signed/handle", true, signed, BODY),
        by_hand("signed/by hand", true, signed, BODY),
    ]
}

/// The steps of `handle`, each alone; the query and the hash also without what is around them.
fn stages() -> Vec<Case> {
    let signed = format!("{QUERY}{SIGNATURE}");
    let now = UNIX_EPOCH + Duration::from_secs(TIME);
    let (open, closed) = (validator(false), validator(true));
    vec![
        case("stage/query", || CallbackQuery::parse(black_box(QUERY))),
        case("stage/check_query", move || open.check_query(black_box(QUERY), now).is_ok()),
        case("stage/check_query signed", move || closed.check_query(black_box(&signed), now).is_ok()),
        case("stage/hash", || hash(black_box("xxxxyyyy1669872112"))),
        case("stage/body", || CallbackBody::parse(black_box(BODY.as_bytes()))),
    ]
}

/// What does not reach the app.
fn refusals() -> Vec<Case> {
    let signed = format!("{QUERY}{SIGNATURE}");
    let forged = &signed.replace("Sign=1", "Sign=2");
    let stale = &format!(
        "{QUERY}&Sign=1167f14bef4d8e86e0deef952061e40c791e4b4e2c95f612511bf41205e5d9c2&RequestTime=1669872000"
    );
    let foreign = &QUERY.replace("1400701118", "1400701119");
    let broken = &BODY.replace("1670574414123", "soon");
    let other = &QUERY.replace("GroupFull", "MemberExit");
    vec![
        ours("refusal/other app", true, foreign, BODY),
        by_hand("refusal/other app by hand", true, foreign, BODY),
        ours("refusal/forged", true, forged, BODY),
        by_hand("refusal/forged by hand", true, forged, BODY),
        ours("refusal/stale", true, stale, BODY),
        ours("refusal/other command", false, other, BODY),
        ours("refusal/malformed body", false, QUERY, broken),
        by_hand("refusal/malformed body by hand", false, QUERY, broken),
    ]
}

/// Requests that are less tidy than the sample.
fn untidy() -> Vec<Case> {
    vec![
        ours("untidy/query", false, OWN_QUERY, BODY),
        by_hand("untidy/query by hand", false, OWN_QUERY, BODY),
        ours("untidy/body", false, QUERY, RICH_BODY),
        by_hand("untidy/body by hand", false, QUERY, RICH_BODY),
    ]
}

/// The tower service, beside making the request that it takes; one poll is enough, because nothing waits.
fn service() -> Vec<Case> {
    let uri: Uri = format!("/im/callback?{QUERY}").parse().unwrap();
    let request = move || {
        let mut request = Request::new(Full::new(Bytes::from_static(BODY.as_bytes())));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = black_box(&uri).clone();
        request
    };
    let service = GroupFullService::new(Immediate(App(validator(false))));
    vec![
        case("service/request", request.clone()),
        case("service/answer", move || {
            let answer = pin!(service.clone().call(request()));
            match answer.poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(Ok(response)) => response,
                Poll::Pending => panic!("pending"),
            }
        }),
    ]
}

/// What an app that hands the event over does with it.
fn event() -> Vec<Case> {
    let event = validator(false).validate(QUERY, BODY.as_bytes(), UNIX_EPOCH).unwrap();
    let copied = event.clone();
    vec![
        case("event/written at once", move || {
            let mut json = Vec::with_capacity(512);
            serde_json::to_writer(&mut json, black_box(&event)).map(|()| json)
        }),
        case("event/copied, then written", move || serde_json::to_string(&black_box(&copied).to_static())),
    ]
}
