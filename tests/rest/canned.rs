//! Hand-written answers, without a server.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::StatusCode;
use im_group_full::rest::{MakeRoom, RestApi, Step};
use serde_json::{Value, json};

use crate::world::{self, ADMIN, APP, GROUP, NOW, SECRET};

pub fn at(secs: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(secs)
}

pub fn api() -> RestApi {
    world::api(APP, ADMIN, SECRET)
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

/// Returns a page, of a Community if `next` is given.
pub fn page(members: &[Value], next: Option<&str>) -> Value {
    let mut page = json!({ "ErrorCode": 0, "MemberNum": members.len(), "MemberList": members });
    if let Some(next) = next {
        page["Next"] = json!(next);
    }
    page
}

pub fn look(members: &[Value]) -> Value {
    json!({ "ErrorCode": 0, "MemberList": members })
}

/// Returns the next request at this time, without pauses.
#[derive(Debug, Clone, PartialEq)]
pub enum Wants {
    Send(String, Value),
    Done,
    Failed(String),
}

impl Wants {
    /// The accounts of a removal.
    #[track_caller]
    pub fn removal(&self) -> Vec<&str> {
        let Self::Send(command, body) = self else { panic!("{self:?}") };
        assert_eq!(command, "delete_group_member");
        body["MemberToDel_Account"].as_array().unwrap().iter().map(|account| account.as_str().unwrap()).collect()
    }

    #[track_caller]
    pub fn command(&self) -> &str {
        let Self::Send(command, _) = self else { panic!("{self:?}") };
        command
    }
}

pub fn wants(run: &mut MakeRoom, now: SystemTime) -> Wants {
    match run.step(&api(), now) {
        Step::Send(request) => {
            let command = request.uri().path().rsplit('/').next().unwrap().to_owned();
            Wants::Send(command, serde_json::from_slice(request.body()).unwrap())
        }
        Step::Done(_) => Wants::Done,
        Step::Failed(error) => Wants::Failed(error.to_string()),
        Step::Wait(time) => panic!("wait {time:?}"),
    }
}

/// Answers the run's request at `now` at once, and returns the request.
#[track_caller]
pub fn answer(run: &mut MakeRoom, now: SystemTime, answer: &Value) -> Wants {
    let wanted = wants(run, now);
    assert!(matches!(wanted, Wants::Send(..)), "{wanted:?}");
    run.response(StatusCode::OK, answer.to_string().as_bytes(), now);
    wanted
}
