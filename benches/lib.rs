//! What is measured, for the clock (`time.rs`) and for callgrind (`instructions.rs`).
#![allow(clippy::missing_panics_doc, clippy::must_use_candidate, reason = "a bench panics where it is wrong")]

mod handwritten;

use std::hint::black_box;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use http_body_util::Full;
use im_group_full::http::{Method, Request, Uri};
use im_group_full::{GroupFullHandler, GroupFullService, Immediate, SdkAppId, Token, Validator, handle, handler_fn};
use serde::Deserialize;
use serde::de::IgnoredAny;
use sha2::{Digest, Sha256};
use tower_service::Service;

const APP: u64 = 1_400_701_118;
const TOKEN: &str = "xxxxyyyy";
const TIME: u64 = 1_669_872_112;
const QUERY_LIMIT: usize = 8 * 1024;
const BODY_LIMIT: usize = 64 * 1024;

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

/// One thing that is measured.
pub struct Case {
    pub name: String,
    pub run: Box<dyn Fn()>,
}

fn case<T>(name: impl Into<String>, run: impl Fn() -> T + 'static) -> Case {
    let run = move || {
        black_box(run());
    };
    Case { name: name.into(), run: Box::new(run) }
}

fn validator(signed: bool) -> Validator {
    let app = SdkAppId::new(APP);
    if signed { Validator::signed(app, Token::new(TOKEN).unwrap()) } else { Validator::unauthenticated(app) }
}

/// An app that does nothing with the event but look at it, and whose clock stands still.
fn app(signed: bool) -> impl GroupFullHandler {
    let app = handler_fn(validator(signed), |event| {
        black_box(event);
        Ok(())
    });
    let app = app.when_rejected(|rejection| {
        black_box(rejection);
    });
    app.clock(|| UNIX_EPOCH + Duration::from_secs(TIME))
}

/// `handle` as a user calls it, up to the bytes to send.
fn ours(name: impl Into<String>, status: u16, signed: bool, query: &str, body: &str) -> Case {
    let (app, query, body) = (app(signed), query.to_owned(), body.to_owned());
    let run = move || {
        let reply = handle(black_box(&query), black_box(body.as_bytes()), black_box(&app));
        (reply.status().as_u16(), reply.body())
    };
    assert_eq!(run().0, status);
    case(name, run)
}

fn by_hand(name: &str, status: u16, signed: bool, query: &str, body: &str) -> Case {
    let app = handwritten::App { sdk_app_id: APP, token: signed.then(|| TOKEN.to_owned()) };
    let (query, body) = (query.to_owned(), body.to_owned());
    let on_group_full = |event| {
        black_box(event);
    };
    let run = move || {
        handwritten::handle(black_box(&query), black_box(body.as_bytes()), black_box(&app), TIME, on_group_full)
    };
    assert_eq!(run().0, status);
    case(format!("{name}, by hand"), run)
}

/// What `serde_json`, as it is usually called, needs for the body, with nothing owned.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
#[expect(dead_code, reason = "only read")]
struct Floor<'a> {
    callback_command: &'a str,
    group_id: &'a str,
    event_time: u64,
}

fn floor() -> u64 {
    serde_json::from_slice::<Floor>(black_box(BODY.as_bytes())).unwrap().event_time
}

pub fn all() -> Vec<Case> {
    let signed = &format!("{QUERY}{SIGNATURE}");
    let foreign = &QUERY.replace("1400701118", "1400701119");
    let forged = &signed.replace("Sign=1", "Sign=2");
    let broken = &BODY.replace("1670574414123", "soon");
    let requests = [
        ("unsigned", 200, false, QUERY, BODY),
        ("signed", 200, true, signed, BODY),
        ("another app", 403, true, foreign, BODY),
        ("forged", 403, true, forged, BODY),
        ("malformed body", 400, false, QUERY, broken),
        ("untidy query", 200, false, OWN_QUERY, BODY),
        ("untidy body", 200, false, QUERY, RICH_BODY),
    ];
    let mut cases = vec![
        case("unsigned, floor", floor),
        case("signed, floor", || (floor(), Sha256::digest(black_box("xxxxyyyy1669872112")))),
        service(),
    ];
    for (name, status, signed, query, body) in requests {
        cases.extend([ours(name, status, signed, query, body), by_hand(name, status, signed, query, body)]);
    }
    cases.extend(event());
    cases.extend(linear());
    cases
}

/// The tower service, with making the request that it takes; one poll is enough, because nothing waits.
fn service() -> Case {
    let uri: Uri = format!("/im/callback?{QUERY}").parse().unwrap();
    let service = GroupFullService::new(Immediate(app(false)));
    case("unsigned, service", move || {
        let mut request = Request::new(Full::new(Bytes::from_static(BODY.as_bytes())));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = black_box(&uri).clone();
        let answer = pin!(service.clone().call(request));
        match answer.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Ok(response)) => response,
            Poll::Pending => panic!("pending"),
        }
    })
}

/// What an app that hands the event over does with it.
fn event() -> [Case; 2] {
    let event = validator(false).validate(QUERY, BODY.as_bytes(), UNIX_EPOCH).unwrap();
    let copied = event.clone();
    [
        case("event, written at once", move || {
            let mut json = Vec::with_capacity(512);
            serde_json::to_writer(&mut json, black_box(&event)).map(|()| json)
        }),
        case("event, copied and written", move || serde_json::to_string(&black_box(&copied).to_static())),
    ]
}

/// Makes a text of about this length.
type Fill = fn(usize) -> String;

/// As much of one thing as the limits let in, and half of it: the cost must grow with the length, and no faster.
fn linear() -> Vec<Case> {
    let queries: [(&str, Fill); 4] = [
        ("ampersands", |len| QUERY.replacen('&', &"&".repeat(len + 1), 1)),
        ("escapes in a query", |len| format!("{QUERY}&{}", "%41".repeat((len - 1) / 3))),
        ("escapes that are read", |len| format!("{QUERY}&ClientIP={}", "%41".repeat((len - 10) / 3))),
        ("long value", |len| format!("{QUERY}&own={}", "a".repeat(len - 5))),
    ];
    let bodies: [(&str, Fill); 3] = [
        ("nested arrays", |len| "[".repeat(len / 2) + &"]".repeat(len / 2)),
        ("escapes in a body", |len| format!("\"{}\"", "\\u0041".repeat((len - 2) / 6))),
        ("digits", |len| "7".repeat(len)),
    ];
    // What `serde_json` needs to skip the same bytes.
    let ignored = |name, json: String| {
        case(format!("{name}, ignored"), move || serde_json::from_str::<IgnoredAny>(black_box(&json)).unwrap())
    };
    let mut cases = Vec::new();
    for (name, fill) in queries {
        let [half, whole] = [QUERY_LIMIT / 2, QUERY_LIMIT].map(|len| fill(len - QUERY.len()));
        cases.push(ours(format!("{name}, half"), 200, false, &half, BODY));
        cases.push(ours(name, 200, false, &whole, BODY));
        cases.push(ignored(name, serde_json::to_string(&whole).unwrap()));
    }
    for (name, fill) in bodies {
        let own = |len| format!("{{\"Own\":{},", fill(len - BODY.len() - r#""Own":,"#.len()));
        let [half, whole] = [BODY_LIMIT / 2, BODY_LIMIT].map(|len| BODY.replacen('{', &own(len), 1));
        cases.push(ours(format!("{name}, half"), 200, false, QUERY, &half));
        cases.push(ours(name, 200, false, QUERY, &whole));
        cases.push(ignored(name, whole));
    }
    cases
}
