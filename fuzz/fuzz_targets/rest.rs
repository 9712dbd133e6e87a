//! Parses REST responses with the crate and with `serde_json::Value`, which must agree on everything
//! accepted; and saved runs from an untrusted author.
#![no_main]

use std::time::{Duration, UNIX_EPOCH};

use im_group_full::SdkAppId;
use im_group_full::http::StatusCode;
use im_group_full::rest::{
    DeleteGroupMembers, Endpoint, GetGroupInfo, GetGroupMemberInfo, GetSpecifiedGroupMemberInfo, MakeRoom, MemberList,
    RestApi, RestError, Role, SavedRun, SecretKey, Step,
};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

const GROUP: &str = "@TGS#1NVTZEAE4";

// The first byte chooses the response and its status.
fuzz_target!(|data: &[u8]| {
    let Some((&first, body)) = data.split_first() else {
        return;
    };
    let status = match first / 8 {
        1 => StatusCode::INTERNAL_SERVER_ERROR,
        2 => StatusCode::NO_CONTENT,
        _ => StatusCode::OK,
    };
    match first % 8 {
        0 => check(status, body, &GetGroupInfo::new(GROUP).response(status, body), |info, reference| {
            let entries = reference["GroupInfo"].as_array().unwrap();
            let entry = entries.iter().find(|entry| entry["GroupId"] == GROUP).unwrap();
            assert_eq!(entry["ErrorCode"], 0);
            assert_eq!((&entry["MemberNum"], &entry["MaxMemberNum"]), (&info.members.into(), &info.limit.into()));
        }),
        1 => check(status, body, &GetGroupMemberInfo::new(GROUP).response(status, body), |page, reference| {
            assert_eq!(page.group_members.map(u64::from), reference["MemberNum"].as_u64());
            assert_eq!(page.next.as_deref(), reference["Next"].as_str());
            check_members(reference, &page.list);
        }),
        2 => {
            let asked = GetSpecifiedGroupMemberInfo::new(GROUP, ["a"]).unwrap();
            check(status, body, &asked.response(status, body), |list, reference| check_members(reference, list));
        }
        3 => {
            let asked = DeleteGroupMembers::new(GROUP, ["a"]).unwrap();
            check(status, body, &asked.response(status, body), |(), _| ());
        }
        _ => saved(body),
    }
});

fn check<T>(status: StatusCode, body: &[u8], response: &Result<T, RestError>, agree: impl FnOnce(&T, &Value)) {
    match response {
        Ok(response) => {
            assert_eq!(status, 200);
            if let Some(reference) = reference(body) {
                assert_eq!(reference["ErrorCode"], 0);
                agree(response, &reference);
            }
        }
        Err(error) => {
            let text = error.to_string();
            assert!(text.len() < 400, "{text}");
            let runs = text.split(|c: char| !(c.is_ascii_alphanumeric() || "*-_".contains(c)));
            assert!(runs.map(str::len).max() < Some(32), "{text}");
            let json = serde_json::to_string(error).unwrap();
            assert_eq!(serde_json::from_str::<RestError>(&json).unwrap(), *error);
        }
    }
}

/// Returns `None` if `Value` refuses an ignored field (a number such as `1e999`, half of a surrogate pair),
/// or if the entry of the group is an array of the fields, which serde also accepts.
fn reference(body: &[u8]) -> Option<Value> {
    let reference: Value = serde_json::from_str(&String::from_utf8_lossy(body)).ok()?;
    let entries = reference["GroupInfo"].as_array();
    (!entries.into_iter().flatten().any(Value::is_array)).then_some(reference)
}

/// Checks that every parsed member is in the response with these fields, and has no contradicting entry.
fn check_members(reference: &Value, list: &MemberList) {
    let entries = reference["MemberList"].as_array().map(Vec::as_slice).unwrap_or_default();
    assert_eq!(entries.len(), list.entries);
    let mut seen = std::collections::HashSet::new();
    for member in &list.members {
        assert!(seen.insert(member.account()) && !list.unclear.iter().any(|account| account == member.account()));
        let role = match member.role() {
            Role::Owner => "Owner",
            Role::Admin => "Admin",
            _ => "Member",
        };
        let is_that = |entry: &&Value| {
            let number = |name: &str| entry[name].as_u64();
            entry["Role"].as_str().is_some_and(|found| found.trim_ascii() == role)
                && number("JoinTime").filter(|joined| *joined > 0) == member.joined()
                && number("LastSendMsgTime")
                    .is_some_and(|sent| sent.max(member.joined().unwrap_or(0)) == member.last_active())
                && number("MsgSeq") == member.msg_seq()
        };
        let mut named = entries.iter().filter(|entry| entry["Member_Account"] == member.account());
        // If an entry has two accounts, `Value` takes the last one and the crate none.
        let of_all =
            if list.unnamed > 0 { named.any(|entry| is_that(&entry)) } else { named.all(|entry| is_that(&entry)) };
        assert!(of_all, "{member:?}");
    }
}

/// Checks that it ends or makes a request, and does not panic.
fn saved(json: &[u8]) {
    let (Ok(saved), Ok(whole)) = (serde_json::from_slice::<SavedRun>(json), serde_json::from_slice::<Value>(json))
    else {
        return;
    };
    let policy = serde_json::from_value(whole["policy"].clone()).unwrap();
    let mut run = MakeRoom::new(saved.report().group_id(), policy).continue_from(saved).unwrap();
    let again = serde_json::to_string(&run).unwrap();
    assert_eq!(serde_json::from_str::<SavedRun>(&again).unwrap().report(), run.report());
    let key = SecretKey::new("5bd2850fff3ecb11d7c805251c51ee463a25727bddc2385f3fa8bfee1bb93b5e").unwrap();
    let app = SdkAppId::new(whole["app"].as_u64().unwrap_or(1));
    let api = RestApi::new(Endpoint::China, app, "administrator", key).unwrap();
    let mut now = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    for _ in 0..8 {
        match run.step(&api, now) {
            Step::Send(_) => run.response(StatusCode::OK, br#"{"ErrorCode":0,"MemberNum":1,"MemberList":[]}"#, now),
            Step::Wait(time) => now += time.min(Duration::from_mins(1)),
            Step::Done(_) => break,
            Step::Failed(_) => run.resume(),
        }
    }
}
