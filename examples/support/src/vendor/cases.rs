//! The requests of the vendor's servers and of attackers, for the probe and all tests.

use im_group_full::testing::Callback;
use im_group_full::{RejectionKind, SdkAppId, Token};

/// One request and the expected answer.
#[derive(Debug, Clone)]
pub struct Case {
    pub name: &'static str,
    pub method: &'static str,
    pub query: String,
    pub headers: &'static [(&'static str, &'static str)],
    pub body: Vec<u8>,
    pub delivery: Delivery,
    pub status: u16,
}

/// How the body travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// At once, with a `Content-Length`.
    Whole,
    /// In pieces, without one.
    Chunked,
    /// In pieces over one second, with one.
    Slow,
    /// With a `Content-Length`, and slow from the first byte of the head on.
    SlowHead,
}

impl Case {
    /// Returns the expected status and `ActionStatus`: 200 goes with `OK`, because the app handles these callbacks.
    pub fn expected(&self) -> String {
        format!("{} {}", self.status, if self.status == 200 { "OK" } else { "FAIL" })
    }

    /// Returns whether a router may answer it before the crate. The vendor only sends POST, so any 4xx will do.
    pub(super) fn is_answered_by_routers(&self) -> bool {
        self.method != "POST"
    }
}

/// The app that the cases are for.
pub struct Sender {
    pub sdk_app_id: SdkAppId,
    pub token: Option<Token>,
    /// The server's time, in seconds since the Unix epoch.
    pub now: u64,
}

const COMMAND: &str = "Group.CallbackAfterGroupFull";
const ELSEWHERE: u64 = 120;

impl Sender {
    /// Returns all cases. Every server must accept the first one.
    pub fn cases(&self) -> Vec<Case> {
        let mut cases = self.genuine();
        cases.extend(self.delivered());
        cases.extend(self.strange());
        if let Some(token) = &self.token {
            cases.extend(self.forged(token));
        }
        cases.extend(self.malformed());
        cases
    }

    fn callback(&self) -> Callback {
        let callback = Callback::new(self.sdk_app_id);
        match &self.token {
            Some(token) => callback.signed(token, self.now),
            None => callback,
        }
    }

    fn case(name: &'static str, status: u16, callback: &Callback) -> Case {
        let (query, body) = (callback.raw_query(), callback.raw_body());
        Case { name, method: "POST", query, headers: &[], body, delivery: Delivery::Whole, status }
    }

    fn with_body(&self, name: &'static str, status: u16, body: &str) -> Case {
        let body = body.replace("COMMAND", COMMAND).into_bytes();
        Case { body, ..Self::case(name, status, &self.callback()) }
    }

    fn with_query(&self, name: &'static str, status: u16, edit: impl FnOnce(String) -> String) -> Case {
        let case = Self::case(name, status, &self.callback());
        Case { query: edit(case.query), ..case }
    }

    /// The shapes in the vendor's pages, and captured ones.
    fn genuine(&self) -> Vec<Case> {
        let alphabetical = |query: String| {
            let mut pairs: Vec<_> = query.split('&').filter(|pair| !pair.starts_with("contenttype")).collect();
            pairs.push("RequestID=b2d0f6b4-7a4f-4f0e-9d53-0d7ee3bd5b2f");
            pairs.sort_unstable();
            pairs.join("&")
        };
        vec![
            Self::case("genuine: EventTime an integer", 200, &self.callback()),
            Self::case("genuine: without EventTime", 200, &self.callback().event_time_millis(None)),
            self.with_body(
                "genuine: EventTime a string",
                200,
                r#"{"CallbackCommand":"COMMAND","GroupId":"@TGS#2J4SZEAEL","EventTime":"1670574414123"}"#,
            ),
            self.with_body(
                "genuine: pretty-printed, with new fields",
                200,
                "{\n  \"GroupId\": \"@TGS#2J4SZEAEL\",\n  \"New\": {\"deep\": [1, null]},\n  \"CallbackCommand\": \"COMMAND\"\n}\n",
            ),
            Self::case("genuine: a community", 200, &self.callback().group_id("@TGS#_@TGS#cQVLVHIM62CJ")),
            Self::case(
                "genuine: a private topic",
                200,
                &self.callback().group_id("@TGS#_@TGS#cTESTHIM62CJ").topic_id("@TGS#_@TGS#cTESTHIM62CJ@TOPIC#_@TOPIC#cRT"),
            ),
            Self::case("genuine: a group name of the app's own", 200, &self.callback().group_id("项目组 7")),
            self.with_query("genuine: alphabetical, RequestID, no contenttype", 200, alphabetical),
            self.with_query("genuine: contenttype=JSON", 200, |query| query.replace("=json", "=JSON")),
            self.with_query("genuine: IPv6, a new platform", 200, |query| {
                query.replace("127.0.0.1", "2001%3Adb8%3A%3A1").replace("RESTAPI", "NewOS")
            }),
            self.with_query("genuine: parameters of the app's own", 200, |query| format!("tenant=7&{query}&x=%zz")),
        ]
    }

    /// Genuine callbacks with every delivery of the body.
    fn delivered(&self) -> Vec<Case> {
        let case = |name| Self::case(name, 200, &self.callback());
        vec![
            Case { headers: &[("content-type", "application/json")], ..case("genuine: with a Content-Type header") },
            Case { headers: &[("expect", "100-continue")], ..case("genuine: with Expect: 100-continue") },
            Case { delivery: Delivery::Chunked, ..case("genuine: chunked") },
            Case { delivery: Delivery::Slow, ..case("genuine: sent over one second") },
            Case { delivery: Delivery::SlowHead, ..case("genuine: slow from the first byte on") },
            case("the same event, first time"),
            case("the same event, second time"),
        ]
    }

    /// Returns the cases for one connection in sequence: unread bytes must not be taken for the next request.
    pub fn kept_alive(&self) -> Vec<Case> {
        let genuine = |name| Self::case(name, 200, &self.callback());
        let other =
            |name, body: Vec<u8>| Case { body, ..Self::case(name, 200, &self.callback().command("State.StateChange")) };
        let large = vec![b' '; 48 * 1024];
        vec![
            genuine("kept alive: genuine"),
            other("kept alive: another command", b"{\"CallbackCommand\":\"State.StateChange\"}".to_vec()),
            genuine("kept alive: genuine, behind it"),
            other("kept alive: another command, no body", Vec::new()),
            other("kept alive: another command, 48 KiB", large.clone()),
            genuine("kept alive: genuine, behind 48 KiB"),
            Case { delivery: Delivery::Chunked, ..other("kept alive: another command, chunked", large) },
            genuine("kept alive: genuine, behind chunks"),
        ]
    }

    /// Callbacks of another app or command, and requests that are not callbacks.
    fn strange(&self) -> Vec<Case> {
        let broken = |name, status, kind| Self::case(name, status, &self.callback().broken(kind));
        let other = |name| broken(name, 200, RejectionKind::OtherCommand);
        let too_large = |name| broken(name, 413, RejectionKind::BodyTooLarge);
        let long = vec![b' '; 128 * 1024];
        vec![
            broken("SdkAppid of another app", 403, RejectionKind::SdkAppIdMismatch),
            other("another command"),
            Case { body: long.clone(), ..other("another command, 128 KiB") },
            Case { body: long.clone(), delivery: Delivery::Chunked, ..other("another command, 128 KiB, chunked") },
            too_large("body too large"),
            Case { body: long.repeat(8), ..too_large("body too large, 1 MiB") },
            Case { body: long.repeat(8), delivery: Delivery::Chunked, ..too_large("body too large, 1 MiB, chunked") },
            Case { method: "GET", body: Vec::new(), ..broken("GET", 405, RejectionKind::MethodNotAllowed) },
            Case { method: "PUT", ..broken("PUT", 405, RejectionKind::MethodNotAllowed) },
        ]
    }

    fn forged(&self, token: &Token) -> Vec<Case> {
        let callback = || Callback::new(self.sdk_app_id);
        let broken = |name, kind| Self::case(name, 403, &self.callback().broken(kind));
        let sign = token.sign(self.now);
        let edited = |name, new: &str| self.with_query(name, 403, |query| query.replace(&sign, new));
        let time = self.now.to_string();
        let timed = |name, new: &str| {
            let (old, new) = (format!("RequestTime={time}"), format!("RequestTime={new}"));
            self.with_query(name, 403, |query| query.replace(&old, &new))
        };
        let mut cases = vec![
            broken("forged: no signature", RejectionKind::MissingSignature),
            broken("forged: Sign all zeros", RejectionKind::InvalidSignature),
            edited("forged: Sign empty", ""),
            edited("forged: Sign one digit short", &sign[1..]),
            edited("forged: Sign one digit long", &format!("{sign}0")),
            edited("forged: Sign not hexadecimal", &"g".repeat(64)),
            edited("forged: Sign of the next second", &token.sign(self.now + 1)),
            timed("forged: RequestTime of the next second", &(self.now + 1).to_string()),
            timed("forged: RequestTime empty", ""),
            timed("forged: RequestTime with a sign", &format!("%2B{time}")),
            timed("forged: RequestTime with a leading zero", &format!("0{time}")),
            self.with_query("forged: Sign alone", 403, |query| query.replace("RequestTime=", "x=")),
            self.with_query("forged: RequestTime alone", 403, |query| query.replace("Sign=", "x=")),
            Self::case("stale: two minutes ago", 403, &callback().signed(token, self.now - ELSEWHERE)),
            Self::case("stale: in two minutes", 403, &callback().signed(token, self.now + ELSEWHERE)),
        ];
        if sign.bytes().any(|digit| digit.is_ascii_alphabetic()) {
            cases.push(edited("forged: Sign in upper case", &sign.to_ascii_uppercase()));
        }
        if let Ok(other) = Token::new("not the token") {
            cases.push(Self::case("forged: Sign of another token", 403, &callback().signed(&other, self.now)));
        }
        cases
    }

    fn malformed(&self) -> Vec<Case> {
        let broken = |name, status, kind| Self::case(name, status, &self.callback().broken(kind));
        let cut = |query: String| query.replace("CallbackCommand=", "x=");
        let escape = |query: String| query.replace("CallbackCommand=", "CallbackCommand=%G0");
        vec![
            broken("malformed: no SdkAppid", 400, RejectionKind::MissingParameter),
            broken("malformed: SdkAppid twice", 400, RejectionKind::DuplicateParameter),
            broken("malformed: SdkAppid not digits", 400, RejectionKind::InvalidParameter),
            self.with_query("malformed: no CallbackCommand", 400, cut),
            self.with_query("malformed: a broken escape", 400, escape),
            self.with_query("malformed: no query", 400, |_| String::new()),
            broken("malformed: contenttype=xml", 415, RejectionKind::UnsupportedContentType),
            broken("malformed: body cut short", 400, RejectionKind::MalformedBody),
            broken("malformed: body of another command", 400, RejectionKind::CommandMismatch),
            self.with_body("malformed: no body", 400, ""),
            self.with_body("malformed: body {}", 400, "{}"),
            self.with_body("malformed: body not JSON", 400, "GroupId=@TGS#2J4SZEAEL"),
            self.with_body("malformed: no GroupId", 400, r#"{"CallbackCommand":"COMMAND"}"#),
            self.with_body("malformed: GroupId empty", 400, r#"{"CallbackCommand":"COMMAND","GroupId":""}"#),
            self.with_body("malformed: GroupId a number", 400, r#"{"CallbackCommand":"COMMAND","GroupId":7}"#),
            self.with_body(
                "malformed: GroupId twice",
                400,
                r#"{"CallbackCommand":"COMMAND","GroupId":"a","GroupId":"b"}"#,
            ),
            self.with_body(
                "malformed: EventTime negative",
                400,
                r#"{"CallbackCommand":"COMMAND","GroupId":"a","EventTime":-1}"#,
            ),
            Case {
                body: b"{\"CallbackCommand\":\"Group.CallbackAfterGroupFull\",\"GroupId\":\"\xff\"}".to_vec(),
                ..self.with_body("malformed: body not UTF-8", 400, "")
            },
        ]
    }
}
