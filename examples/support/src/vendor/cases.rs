//! The requests of the vendor's servers and of attackers, for the probe and all tests.

use im_group_full::RejectionKind::{
    self, BodyTooLarge, CommandMismatch, DuplicateParameter, InvalidParameter, InvalidSignature, MalformedBody,
    MethodNotAllowed, MissingParameter, MissingSignature, OtherCommand, SdkAppIdMismatch, UnsupportedContentType,
};
use im_group_full::testing::Callback;
use im_group_full::{SdkAppId, Token};

/// One request and the expected answer.
#[derive(Debug, Clone)]
pub struct Case {
    pub name: &'static str,
    pub method: &'static str,
    pub query: String,
    pub headers: &'static [(&'static str, &'static str)],
    pub body: Vec<u8>,
    pub delivery: Delivery,
    /// Whether it goes on the connection of the case before, if that can take it.
    pub kept_alive: bool,
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

const ELSEWHERE: u64 = 120;

impl Sender {
    /// Returns all cases. Every server must accept the first one.
    pub fn cases(&self) -> Vec<Case> {
        let forged = self.token.as_ref().map(|token| self.forged(token)).unwrap_or_default();
        [self.genuine(), self.delivered(), self.strange(), forged, self.malformed(), self.kept_alive()].concat()
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
        let (headers, delivery) = (&[], Delivery::Whole);
        Case { name, method: "POST", query, headers, body, delivery, kept_alive: false, status }
    }

    fn broken(&self, name: &'static str, status: u16, kind: RejectionKind) -> Case {
        Self::case(name, status, &self.callback().broken(kind))
    }

    /// `COMMAND` in the body stands for the callback's command.
    fn with_body(&self, name: &'static str, status: u16, body: &str) -> Case {
        let body = body.replace("COMMAND", "Group.CallbackAfterGroupFull").into_bytes();
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
        let topic =
            self.callback().group_id("@TGS#_@TGS#cTESTHIM62CJ").topic_id("@TGS#_@TGS#cTESTHIM62CJ@TOPIC#_@TOPIC#cRT");
        let text = r#"{"CallbackCommand":"COMMAND","GroupId":"@TGS#2J4SZEAEL","EventTime":"1670574414123"}"#;
        let pretty = "{\n  \"GroupId\": \"@TGS#2J4SZEAEL\",\n  \"New\": {\"deep\": [1, null]},\n  \"CallbackCommand\": \"COMMAND\"\n}\n";
        vec![
            Self::case("genuine: EventTime an integer", 200, &self.callback()),
            Self::case("genuine: without EventTime", 200, &self.callback().event_time_millis(None)),
            self.with_body("genuine: EventTime a string", 200, text),
            self.with_body("genuine: pretty-printed, with new fields", 200, pretty),
            Self::case("genuine: a community", 200, &self.callback().group_id("@TGS#_@TGS#cQVLVHIM62CJ")),
            Self::case("genuine: a private topic", 200, &topic),
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

    /// Callbacks of another app or command, and requests that are not callbacks.
    fn strange(&self) -> Vec<Case> {
        let other = |name| self.broken(name, 200, OtherCommand);
        let too_large = |name| self.broken(name, 413, BodyTooLarge);
        let long = vec![b' '; 128 * 1024];
        vec![
            self.broken("SdkAppid of another app", 403, SdkAppIdMismatch),
            other("another command"),
            Case { body: long.clone(), ..other("another command, 128 KiB") },
            Case { body: long.clone(), delivery: Delivery::Chunked, ..other("another command, 128 KiB, chunked") },
            too_large("body too large"),
            Case { body: long.repeat(8), ..too_large("body too large, 1 MiB") },
            Case { body: long.repeat(8), delivery: Delivery::Chunked, ..too_large("body too large, 1 MiB, chunked") },
            Case { method: "GET", body: Vec::new(), ..self.broken("GET", 405, MethodNotAllowed) },
            Case { method: "PUT", ..self.broken("PUT", 405, MethodNotAllowed) },
        ]
    }

    fn forged(&self, token: &Token) -> Vec<Case> {
        let (sign, time) = (token.sign(self.now), self.now.to_string());
        let signed = |name, sign: &str| self.with_query(name, 403, |query| query.replace(&token.sign(self.now), sign));
        let timed = |name, new: &str| {
            let (old, new) = (format!("RequestTime={time}"), format!("RequestTime={new}"));
            self.with_query(name, 403, |query| query.replace(&old, &new))
        };
        let by = |name, token: &Token, time| Self::case(name, 403, &Callback::new(self.sdk_app_id).signed(token, time));
        let mut cases = vec![
            self.broken("forged: no signature", 403, MissingSignature),
            self.broken("forged: Sign all zeros", 403, InvalidSignature),
            signed("forged: Sign empty", ""),
            signed("forged: Sign one digit short", &sign[1..]),
            signed("forged: Sign one digit long", &format!("{sign}0")),
            signed("forged: Sign not hexadecimal", &"g".repeat(64)),
            signed("forged: Sign in upper case", &sign.to_ascii_uppercase()),
            signed("forged: Sign of the next second", &token.sign(self.now + 1)),
            timed("forged: RequestTime of the next second", &(self.now + 1).to_string()),
            timed("forged: RequestTime empty", ""),
            timed("forged: RequestTime with a sign", &format!("%2B{time}")),
            timed("forged: RequestTime with a leading zero", &format!("0{time}")),
            self.with_query("forged: Sign alone", 403, |query| query.replace("RequestTime=", "x=")),
            self.with_query("forged: RequestTime alone", 403, |query| query.replace("Sign=", "x=")),
            by("stale: two minutes ago", token, self.now - ELSEWHERE),
            by("stale: in two minutes", token, self.now + ELSEWHERE),
        ];
        cases.extend(Token::new("not the token").map(|other| by("forged: Sign of another token", &other, self.now)));
        cases
    }

    fn malformed(&self) -> Vec<Case> {
        let bodies = [
            ("malformed: no body", ""),
            ("malformed: body {}", "{}"),
            ("malformed: body not JSON", "GroupId=@TGS#2J4SZEAEL"),
            ("malformed: no GroupId", r#"{"CallbackCommand":"COMMAND"}"#),
            ("malformed: GroupId empty", r#"{"CallbackCommand":"COMMAND","GroupId":""}"#),
            ("malformed: GroupId a number", r#"{"CallbackCommand":"COMMAND","GroupId":7}"#),
            ("malformed: GroupId twice", r#"{"CallbackCommand":"COMMAND","GroupId":"a","GroupId":"b"}"#),
            ("malformed: EventTime negative", r#"{"CallbackCommand":"COMMAND","GroupId":"a","EventTime":-1}"#),
        ];
        let cut = |query: String| query.replace("CallbackCommand=", "x=");
        let escape = |query: String| query.replace("CallbackCommand=", "CallbackCommand=%G0");
        let not_utf8 = b"{\"CallbackCommand\":\"Group.CallbackAfterGroupFull\",\"GroupId\":\"\xff\"}".to_vec();
        let mut cases = vec![
            self.broken("malformed: no SdkAppid", 400, MissingParameter),
            self.broken("malformed: SdkAppid twice", 400, DuplicateParameter),
            self.broken("malformed: SdkAppid not digits", 400, InvalidParameter),
            self.with_query("malformed: no CallbackCommand", 400, cut),
            self.with_query("malformed: a broken escape", 400, escape),
            self.with_query("malformed: no query", 400, |_| String::new()),
            self.broken("malformed: contenttype=xml", 415, UnsupportedContentType),
            self.broken("malformed: body cut short", 400, MalformedBody),
            self.broken("malformed: body of another command", 400, CommandMismatch),
            Case { body: not_utf8, ..Self::case("malformed: body not UTF-8", 400, &self.callback()) },
        ];
        cases.extend(bodies.map(|(name, body)| self.with_body(name, 400, body)));
        cases
    }

    /// On one connection, one behind the other: unread bytes must not be taken for the next request.
    fn kept_alive(&self) -> Vec<Case> {
        let genuine = |name| Case { kept_alive: true, ..Self::case(name, 200, &self.callback()) };
        let other = |name, body: &[u8]| {
            let case = Self::case(name, 200, &self.callback().command("State.StateChange"));
            Case { body: body.to_vec(), kept_alive: true, ..case }
        };
        let large = vec![b' '; 48 * 1024];
        vec![
            genuine("kept alive: genuine"),
            other("kept alive: another command", b"{\"CallbackCommand\":\"State.StateChange\"}"),
            genuine("kept alive: genuine, behind it"),
            other("kept alive: another command, no body", b""),
            other("kept alive: another command, 48 KiB", &large),
            genuine("kept alive: genuine, behind 48 KiB"),
            Case { delivery: Delivery::Chunked, ..other("kept alive: another command, chunked", &large) },
            genuine("kept alive: genuine, behind chunks"),
        ]
    }
}
