//! Makes room with any answers of the vendor and any events in the group: the run ends, and removes only
//! members that the vendor just reported as ordinary, unprotected and inactive, and no more than are missing.
#![no_main]

use std::collections::{HashMap, HashSet};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use im_group_full::SdkAppId;
use im_group_full::http::{Request, StatusCode};
use im_group_full::rest::{Endpoint, InactivityPolicy, MakeRoom, Outcome, RestApi, SavedRun, SecretKey, Step};
use im_group_full_fuzz::{Group, Member, Script, Vendor};
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};

const GROUP: &str = "g";
const SECRET: &str = "5bd2850fff3ecb11d7c805251c51ee463a25727bddc2385f3fa8bfee1bb93b5e";
const INACTIVE: u64 = 86_400;
const PROTECTED: [&str; 2] = ["m3", "m40"];

/// What the run was told and may do.
#[derive(Default)]
struct Told {
    /// By account, with the times of the request and the response. A lying vendor may list an account twice.
    members: HashMap<String, Vec<(Value, u64, u64)>>,
    missing: Option<u64>,
    asked_to_go: HashSet<String>,
}

impl Told {
    fn response(&mut self, command: &str, request: &Value, response: &Value, free: u64, (asked, now): (u64, u64)) {
        match command {
            "get_group_info" => {
                let entry =
                    response["GroupInfo"].as_array().into_iter().flatten().find(|entry| entry["GroupId"] == GROUP);
                if let Some((members, limit)) =
                    entry.and_then(|entry| Some((entry["MemberNum"].as_u64()?, entry["MaxMemberNum"].as_u64()?)))
                {
                    // The whole limit may be removed, including the excess.
                    let above = members.saturating_sub(limit);
                    let aim = free.min(limit.saturating_sub(above));
                    self.missing = Some((aim + above).saturating_sub(limit.saturating_sub(members)));
                }
            }
            "get_specified_group_member_info" => {
                let asked_for = request["Member_List_Account"].as_array().unwrap();
                for account in asked_for {
                    self.members.remove(account.as_str().unwrap());
                }
                // Entries of other accounts were not requested.
                for member in response["MemberList"].as_array().into_iter().flatten() {
                    let account = &member["Member_Account"];
                    if asked_for.contains(account) {
                        let told = self.members.entry(account.as_str().unwrap().to_owned()).or_default();
                        told.push((member.clone(), asked, now));
                    }
                }
            }
            "delete_group_member" if response["ErrorCode"] == 0 => {
                let removed = request["MemberToDel_Account"].as_array().unwrap().len() as u64;
                self.missing = self.missing.map(|missing| missing.saturating_sub(removed));
            }
            _ => {}
        }
    }

    fn check_removal(&mut self, request: &Value, now: u64) {
        let accounts = request["MemberToDel_Account"].as_array().unwrap();
        assert!((1..=100).contains(&accounts.len()));
        let missing = self.missing.expect("removed without knowing how many are missing");
        assert!(accounts.len() as u64 <= missing, "{} of {missing}", accounts.len());
        for account in accounts {
            let account = account.as_str().unwrap();
            assert!(!PROTECTED.contains(&account), "{account}");
            let told = self.members.get(account).expect("removed unseen");
            let may_go = |(member, asked, came): &(Value, u64, u64)| may_go(member, *asked, *came, now);
            assert!(told.iter().all(may_go), "{account}: {told:?} at {now}");
            assert!(told.iter().all(|(member, ..)| *member == told[0].0), "{account}: {told:?}");
            self.asked_to_go.insert(account.to_owned());
        }
    }
}

/// Returns whether it was an ordinary member, inactive for long enough, in a look that was requested at most
/// 30 seconds ago. The clock may have been set back by a second since.
fn may_go(member: &Value, asked: u64, came: u64, now: u64) -> bool {
    let Some(active) = member["JoinTime"].as_u64().max(member["LastSendMsgTime"].as_u64()) else { return false };
    member["Role"] == "Member"
        && now.saturating_sub(asked) <= 30
        && now + 1 >= asked
        && came.checked_sub(active).is_some_and(|inactive| inactive >= INACTIVE)
}

fuzz_target!(|data: &[u8]| {
    let Some((&[flags, members, slack, free], rest)) = data.split_first_chunk::<4>() else {
        return;
    };
    let mut now = 1_700_000_000;
    let kind = ["Public", "Community", "Private", "AVChatRoom"][usize::from(flags % 4)];
    let member = |index: u16| {
        let role = match index {
            0 => "Owner",
            1 => "Admin",
            _ => "Member",
        };
        let joined = now - 500_000 + u64::from(index) * 700 % 600_000;
        let spoke = if index.is_multiple_of(3) { 0 } else { now - 300_000 + u64::from(index) * 1300 % 300_001 };
        Member { role, ..Member::new(format!("m{index}"), joined, spoke) }
    };
    let mut members: Vec<_> = (0..u16::from(members)).map(member).collect();
    members.sort_by(|a, b| a.account.cmp(&b.account));
    let mut vendor = Vendor::default();
    let limit = members.len() + usize::from(slack % 8);
    vendor.groups.insert(GROUP.to_owned(), Group { kind, limit, members, all_muted: false });
    let mut script = Script { bytes: rest, at: 0, again: flags & 4 != 0 };
    let policy = PROTECTED
        .into_iter()
        .fold(InactivityPolicy::new(Duration::from_secs(INACTIVE), free.into()), InactivityPolicy::protect)
        .max_removed_percent(100)
        .trust_silence()
        .ignore_online_status();
    let api =
        RestApi::new(Endpoint::China, SdkAppId::new(1), "administrator", SecretKey::new(SECRET).unwrap()).unwrap();
    let mut run = MakeRoom::new(GROUP, policy).pace(Duration::ZERO);
    let mut told = Told::default();
    let mut resumed = 0;

    for steps in 0.. {
        assert!(steps < 50 * MakeRoom::MAX_CALLS, "it does not end");
        if script.again && steps % 8 == 0 || script.byte() % 32 == 31 {
            let json = serde_json::to_string(&run).unwrap();
            assert!(!json.contains(SECRET));
            assert_eq!(serde_json::from_str::<SavedRun>(&json).unwrap().report(), run.report());
        }
        happen(&mut vendor, &mut script, &mut now);
        match run.step(&api, at(now)) {
            Step::Send(request) => {
                exchange(&mut run, &request, &mut vendor, &mut script, &mut told, &mut now, free.into());
            }
            Step::Wait(time) => now += time.as_secs().max(1),
            Step::Done(report) => {
                for candidate in report.with_outcome(Outcome::Removed) {
                    assert!(told.asked_to_go.contains(candidate.member().account()));
                }
                break;
            }
            Step::Failed(_) if resumed < 3 => {
                resumed += 1;
                run.resume();
            }
            Step::Failed(_) => break,
        }
    }
});

fn at(now: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(now)
}

/// A member speaks, leaves, joins or becomes an admin; time passes, or the clock is set back.
fn happen(vendor: &mut Vendor, script: &mut Script<'_>, now: &mut u64) {
    let members = &mut vendor.groups.get_mut(GROUP).unwrap().members;
    let event = script.byte();
    let index = usize::from(script.byte());
    let len = members.len();
    match event % 16 {
        1 if len > 0 => members[index % len].last_send_msg_time = *now,
        2 if len > 0 => drop(members.remove(index % len)),
        3 => members.push(Member::new(format!("n{index}"), *now, 0)),
        4 if len > 0 => members[index % len].role = "Admin",
        5 => *now += index as u64,
        6 => *now -= index as u64 / 16,
        7 => members.reverse(),
        _ => {}
    }
}

fn exchange(
    run: &mut MakeRoom,
    request: &Request<Vec<u8>>,
    vendor: &mut Vendor,
    script: &mut Script<'_>,
    told: &mut Told,
    now: &mut u64,
    free: u64,
) {
    let command = request.uri().path().rsplit('/').next().unwrap().to_owned();
    let body: Value = serde_json::from_slice(request.body()).unwrap();
    let removal = command == "delete_group_member";
    let asked = *now;
    if removal {
        told.check_removal(&body, *now);
    }
    let fault = script.byte() % 16;
    let carried_out = !matches!(fault, 1..=4);
    let mut response = if carried_out { vendor.answer(&command, &body) } else { Value::Null };
    let refused = carried_out && response["ErrorCode"] != 0;
    assert!(!refused || vendor.groups[GROUP].kind == "AVChatRoom", "{command} {body}: {response}");
    *now += u64::from(script.byte() % 64 == 63) * 20;
    if removal && matches!(fault, 1 | 2 | 4 | 5 | 6 | 7 | 8) {
        // Whether they are gone is unknown, so the run has to count again.
        told.missing = None;
    }
    let (status, bytes) = match fault {
        1 | 5 => return run.no_response(at(*now)),
        2 | 6 => (StatusCode::BAD_GATEWAY, b"gateway".to_vec()),
        3 => {
            let code = [10002, 10004, 10006, 60008, 10010, 70001, 60020, 1][usize::from(script.byte() % 8)];
            (StatusCode::OK, json!({ "ErrorCode": code, "ErrorInfo": "no" }).to_string().into_bytes())
        }
        4 | 7 => (StatusCode::OK, (0..script.byte()).map(|_| script.byte()).collect()),
        8 => (StatusCode::OK, response.to_string().into_bytes()[1..].to_vec()),
        9 => {
            lie(&mut response, script);
            (StatusCode::OK, response.to_string().into_bytes())
        }
        _ => (StatusCode::OK, response.to_string().into_bytes()),
    };
    if status == StatusCode::OK
        && let Ok(response) = serde_json::from_slice(&bytes)
    {
        told.response(&command, &body, &response, free, (asked, *now));
    }
    run.response(status, &bytes, at(*now));
}

/// Well-formed, but false.
fn lie(response: &mut Value, script: &mut Script<'_>) {
    let number = u64::from(script.byte()) * 3;
    for name in ["MemberNum", "MaxMemberNum"] {
        if let Some(entry) = response["GroupInfo"].get_mut(0)
            && script.byte() & 1 == 0
        {
            entry[name] = number.into();
        }
    }
    if let Some(list) = response["MemberList"].as_array_mut() {
        let len = list.len();
        for member in list.iter_mut().take(usize::from(script.byte())) {
            member["Member_Account"] = format!("m{}", usize::from(script.byte()) % (len + 1)).into();
            member["LastSendMsgTime"] = (1_700_000_000 - number).into();
        }
        if response.get("Next").is_some() {
            response["Next"] = script.byte().to_string().into();
        }
    }
}
