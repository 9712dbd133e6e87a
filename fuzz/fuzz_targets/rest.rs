//! The REST responses, against `serde_json::Value`: what is accepted says the same there; and a saved run that anybody
//! may have written.
#![no_main]

use std::time::{Duration, UNIX_EPOCH};

use im_group_full::SdkAppId;
use im_group_full::http::StatusCode;
use im_group_full::rest::{
    DeleteGroupMembers, Endpoint, GetGroupInfo, GetGroupMemberInfo, GetSpecifiedGroupMemberInfo, MakeRoom, Member,
    RestApi, RestError, SecretKey, Step,
};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

const GROUP: &str = "@TGS#1NVTZEAE4";

// The first byte says which response it is, and with which status.
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
        0 => {
            let response = GetGroupInfo::new(GROUP).response(status, body);
            check(
                status,
                body,
                &response,
                |response| {
                    let entries = response["GroupInfo"].as_array().unwrap();
                    let entry = entries.iter().find(|entry| entry["GroupId"] == GROUP).unwrap();
                    assert_eq!(entry["ErrorCode"], 0);
                    (entry["MemberNum"].clone(), entry["MaxMemberNum"].clone())
                },
                |info| (info.members.into(), info.limit.into()),
            );
        }
        1 => {
            let response = GetGroupMemberInfo::new(GROUP).response(status, body);
            check(
                status,
                body,
                &response,
                |response| {
                    let next = response.get("Next").map_or("", |next| next.as_str().unwrap()).to_owned();
                    (response["MemberNum"].clone(), members_of(response), next)
                },
                |page| (page.group_members.into(), members(&page.members), page.next.clone()),
            );
        }
        2 => {
            let asked = GetSpecifiedGroupMemberInfo::new(GROUP, ["a"]).unwrap();
            let response = asked.response(status, body);
            check(status, body, &response, members_of, |found| members(found));
        }
        3 => {
            let asked = DeleteGroupMembers::new(GROUP, ["a"]).unwrap();
            let response = asked.response(status, body);
            check(status, body, &response, |_| (), |()| ());
        }
        _ => saved(body),
    }
});

fn check<T, U: PartialEq + std::fmt::Debug>(
    status: StatusCode,
    body: &[u8],
    response: &Result<T, RestError>,
    expected: impl FnOnce(&Value) -> U,
    found: impl FnOnce(&T) -> U,
) {
    match response {
        Ok(response) => {
            assert_eq!(status, 200);
            // What `Value` refuses in a field that is ignored: a number such as `1e999`, half of a surrogate pair.
            // And what stands inside may be an array, field by field: serde reads a struct from both.
            if let Ok(reference) = serde_json::from_slice::<Value>(body)
                && !has_positional_fields(&reference)
            {
                assert_eq!(reference["ErrorCode"], 0);
                assert_eq!(found(response), expected(&reference));
            }
        }
        Err(error) => {
            let text = error.to_string();
            assert!(text.len() < 400 && !text.contains("usersig="), "{text}");
            let json = serde_json::to_string(error).unwrap();
            assert_eq!(serde_json::from_str::<RestError>(&json).unwrap(), *error);
        }
    }
}

fn has_positional_fields(response: &Value) -> bool {
    let lists = ["GroupInfo", "MemberList"].into_iter().filter_map(|name| response[name].as_array());
    lists.flatten().any(Value::is_array)
}

fn members_of(response: &Value) -> Vec<(String, u64, u64)> {
    let number = |value: &Value| value.as_u64().unwrap();
    let list = response["MemberList"].as_array().unwrap().iter();
    list.map(|member| {
        let account = member["Member_Account"].as_str().unwrap().to_owned();
        (account, number(&member["JoinTime"]), number(&member["LastSendMsgTime"]))
    })
    .collect()
}

fn members(members: &[Member]) -> Vec<(String, u64, u64)> {
    let fields = |member: &Member| (member.account().to_owned(), member.joined(), member.last_spoke().unwrap_or(0));
    members.iter().map(fields).collect()
}

/// It ends or asks for something, and does not panic.
fn saved(json: &[u8]) {
    let Ok(mut run) = serde_json::from_slice::<MakeRoom>(json) else {
        return;
    };
    let again = serde_json::to_string(&run).unwrap();
    assert_eq!(serde_json::from_str::<MakeRoom>(&again).unwrap(), run);
    let key = SecretKey::new("5bd2850fff3ecb11d7c805251c51ee463a25727bddc2385f3fa8bfee1bb93b5e").unwrap();
    let api = RestApi::new(Endpoint::China, SdkAppId::new(1), "administrator", key).unwrap();
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
