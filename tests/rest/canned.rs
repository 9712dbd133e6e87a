//! Hand-written answers, without a server.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::StatusCode;
use im_group_full::rest::{InactivityPolicy, MakeRoom, Outcome, RestApi, RestErrorKind, Step};
use serde_json::{Value, json};

use crate::world::{self, ADMIN, APP, DAY, GROUP, NOW, SECRET, anybody};

/// Long before [`NOW`].
pub const OLD: u64 = NOW - 1_000_000;

pub fn at(secs: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(secs)
}

pub fn api() -> RestApi {
    world::api(APP, ADMIN, SECRET)
}

/// The shortest policy there is: only who was active within a day stays.
pub fn a_day(free: u32) -> InactivityPolicy {
    anybody(InactivityPolicy::new(Duration::from_secs(DAY), free))
}

/// Sets a field of an entry, of a page, or of the group in a count.
pub fn with(mut answer: Value, field: &str, value: impl Into<Value>) -> Value {
    let entry = if answer["GroupInfo"].is_array() { &mut answer["GroupInfo"][0] } else { &mut answer };
    entry[field] = value.into();
    answer
}

/// The answer to a count of a full group with this many members.
pub fn info(kind: &str, members: usize) -> Value {
    json!({ "ErrorCode": 0, "GroupInfo": [{
        "GroupId": GROUP, "ErrorCode": 0, "Type": kind, "MemberNum": members, "MaxMemberNum": members,
        "LastMsgTime": NOW - 1, "NextMsgSeq": 1000,
    }] })
}

pub fn member(account: &str, role: &str, joined: u64, sent: u64) -> Value {
    json!({ "Member_Account": account, "Role": role, "JoinTime": joined, "LastSendMsgTime": sent })
}

/// The owner, and members who never spoke, in removal order.
pub fn silent(accounts: &[&str]) -> Vec<Value> {
    let members = accounts.iter().zip(2..).map(|(account, joined)| member(account, "Member", joined, 0));
    std::iter::once(member("owner", "Owner", 1, 0)).chain(members).collect()
}

/// This many members `m000`.. who never spoke, in removal order.
pub fn many(members: u64) -> Vec<Value> {
    (0..members).map(|i| member(&format!("m{i:03}"), "Member", i + 1, 0)).collect()
}

/// Returns a page, of a Community if `next` is given.
pub fn page(members: &[Value], next: Option<&str>) -> Value {
    let page = json!({ "ErrorCode": 0, "MemberNum": members.len(), "MemberList": members });
    next.map_or(page.clone(), |next| with(page, "Next", next))
}

pub fn look(members: &[Value]) -> Value {
    json!({ "ErrorCode": 0, "MemberList": members })
}

/// The answer to a removal or a raise.
pub fn ok() -> Value {
    refused(0)
}

pub fn refused(code: i32) -> Value {
    json!({ "ErrorCode": code, "ErrorInfo": "" })
}

/// What a run wants next.
#[derive(Debug, Clone, PartialEq)]
pub enum Next {
    /// The command and the body of a call.
    Call(String, Value),
    Wait(Duration),
    Done,
    Failed(RestErrorKind, String),
}

impl From<&Step<'_>> for Next {
    fn from(step: &Step<'_>) -> Self {
        match step {
            Step::Send(request) => {
                let command = request.uri().path().rsplit('/').next().unwrap().to_owned();
                Self::Call(command, serde_json::from_slice(request.body()).unwrap())
            }
            Step::Wait(time) => Self::Wait(*time),
            Step::Done(_) => Self::Done,
            Step::Failed(error) => Self::Failed(error.kind(), error.to_string()),
        }
    }
}

impl Next {
    /// The accounts of a removal.
    #[track_caller]
    pub fn removal(&self) -> Vec<&str> {
        let Self::Call(command, body) = self else { panic!("{self:?}") };
        assert_eq!(command, "delete_group_member");
        body["MemberToDel_Account"].as_array().unwrap().iter().map(|account| account.as_str().unwrap()).collect()
    }

    #[track_caller]
    pub fn command(&self) -> &str {
        let Self::Call(command, _) = self else { panic!("{self:?}") };
        command
    }

    #[track_caller]
    pub fn kind(&self) -> RestErrorKind {
        let Self::Failed(kind, _) = self else { panic!("{self:?}") };
        *kind
    }
}

pub fn failed(kind: RestErrorKind, text: &str) -> Next {
    Next::Failed(kind, text.to_owned())
}

pub fn wants(run: &mut MakeRoom, now: SystemTime) -> Next {
    Next::from(&run.step(&api(), now))
}

/// Answers the run's next calls at once, and returns the last of them.
#[track_caller]
pub fn answer(run: &mut MakeRoom, now: SystemTime, answers: &[Value]) -> Next {
    answers.iter().map(|answer| answer_late(run, now, now, answer)).last().unwrap()
}

/// Answers the run's next calls at once, and returns what it wants then.
#[track_caller]
pub fn after(run: &mut MakeRoom, now: SystemTime, answers: &[Value]) -> Next {
    answer(run, now, answers);
    wants(run, now)
}

/// Takes a call at one time and answers it at another.
#[track_caller]
pub fn answer_late(run: &mut MakeRoom, sent: SystemTime, came: SystemTime, answer: &Value) -> Next {
    let call = wants(run, sent);
    assert!(matches!(call, Next::Call(..)), "{call:?}");
    run.response(StatusCode::OK, answer.to_string().as_bytes(), came);
    call
}

/// A run without pauses that has counted its group and read its only page.
#[track_caller]
pub fn read(policy: InactivityPolicy, kind: &str, members: &[Value]) -> MakeRoom {
    let mut run = MakeRoom::new(GROUP, policy).pace(Duration::ZERO);
    let next = (kind == "Community").then_some("");
    answer(&mut run, at(NOW), &[info(kind, members.len()), page(members, next)]);
    run
}

/// Answers every call with what `answer` says of its command and its body, until the run ends.
pub fn drive(run: &mut MakeRoom, mut answer: impl FnMut(&str, &Value) -> Value) -> Next {
    let mut now = at(NOW);
    for _ in 0..=2 * MakeRoom::MAX_CALLS {
        match wants(run, now) {
            Next::Call(command, body) => {
                run.response(StatusCode::OK, answer(&command, &body).to_string().as_bytes(), now);
            }
            Next::Wait(time) => now += time,
            end => return end,
        }
    }
    panic!("no end: {:?}", run.report());
}

/// Lets `run` make a plan of these pages of a group; returns whom it plans to remove, or how it fails.
pub fn plan(run: MakeRoom, count: &Value, pages: &[&[Value]]) -> Result<Vec<String>, Next> {
    let mut run = run.plan_only();
    let mut left = (1..).zip(pages);
    let end = drive(&mut run, |command, _| {
        if command == "get_group_info" {
            return count.clone();
        }
        let (number, members) = left.next().unwrap();
        let next = if number < pages.len() { number.to_string() } else { String::new() };
        let next = (count["GroupInfo"][0]["Type"] == "Community").then_some(next.as_str());
        with(page(members, next), "MemberNum", pages.concat().len())
    });
    if end == Next::Done { Ok(world::accounts(&run, Outcome::Planned)) } else { Err(end) }
}
