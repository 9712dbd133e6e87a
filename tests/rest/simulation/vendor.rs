//! How the vendor answers: from the truth, with the strange pages and entries that were seen in the wild.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::chance::Chance;
use super::group::{Group, Member};
use crate::world::GROUP;

/// What one answer says of an account; `None` if that cannot be understood or contradicts itself.
pub type Told = HashMap<String, Option<Member>>;

pub struct Quirks {
    /// How many members a page can have.
    pub longest_page: usize,
    /// How rare a broken entry is: one in this many.
    pub broken: u64,
    pub without_member_num: bool,
    /// Fields have the names of before.
    pub old_names: bool,
    /// A raise is accepted, and changes nothing.
    pub ignores_raises: bool,
}

/// What one answer says of who is online; `None` if that cannot be understood or contradicts itself.
pub type Online = HashMap<String, Option<bool>>;

/// A count, and whether it can be taken to say that nobody is muted.
pub fn count(group: &Group, quirks: &Quirks, chance: &mut Chance) -> (Value, bool) {
    let mut count = info(group);
    let name = if quirks.old_names { "ShutUpAllMember" } else { "MuteAllMember" };
    let unclear = chance.one_in(quirks.broken);
    count["GroupInfo"][0][name] = match (unclear, group.all_muted) {
        (true, _) => Value::Null,
        (false, true) => json!("On"),
        (false, false) => json!("Off"),
    };
    (count, unclear || group.all_muted)
}

pub fn online(group: &Group, accounts: &[String], quirks: &Quirks, chance: &mut Chance) -> (Value, Online) {
    assert!((1..=500).contains(&accounts.len()));
    let members = group.by_account();
    let (mut result, mut errors, mut told) = (Vec::new(), Vec::new(), HashMap::new());
    let name = if quirks.old_names { "Status" } else { "State" };
    for account in accounts {
        let Some(member) = members.get(account.as_str()) else {
            errors.push(json!({ "To_Account": account, "ErrorCode": 70107 }));
            continue;
        };
        let entry = json!({ "To_Account": account, name: member.state });
        told.insert(account.clone(), Some(member.state != "Offline"));
        if !chance.one_in(quirks.broken) {
            result.push(entry);
            continue;
        }
        told.insert(account.clone(), None);
        match chance.below(6) {
            0 => {}
            1 => result.push(json!({ "To_Account": account, name: "Away" })),
            2 => {
                result.push(entry);
                errors.push(json!({ "To_Account": account, "ErrorCode": "many" }));
            }
            3 => {
                result.push(json!({ "To_Account": account, name: "Online" }));
                result.push(json!({ "To_Account": account, name: "Offline" }));
            }
            4 => result.push(json!({ "To_Account": account, name: null })),
            _ => result.push(json!({ "To_Account": account, "State": "Offline", "Status": "Online" })),
        }
    }
    (json!({ "ErrorCode": 0, "QueryResult": result, "ErrorList": errors }), told)
}

fn info(group: &Group) -> Value {
    let entry = json!({
        "GroupId": GROUP, "ErrorCode": 0, "Type": group.kind, "MemberNum": group.members.len(),
        "MaxMemberNum": group.limit, "LastMsgTime": group.last_message, "NextMsgSeq": group.next_seq,
    });
    json!({ "ErrorCode": 0, "GroupInfo": [entry] })
}

pub fn page(group: &Group, body: &Value, quirks: &Quirks, chance: &mut Chance) -> (Value, Told) {
    let asked = usize::try_from(body["Limit"].as_u64().unwrap()).unwrap();
    assert!((1..=200).contains(&asked));
    let limit = asked.min(quirks.longest_page);
    let mut sorted = group.members.clone();
    let start = match body["Next"].as_str() {
        Some(next) => {
            sorted.sort_by(|a, b| a.account.cmp(&b.account));
            let start = sorted.partition_point(|member| *member.account <= *next);
            // Some pages overlap the one before.
            start.saturating_sub(usize::from(chance.one_in(8)))
        }
        None => usize::try_from(body["Offset"].as_u64().unwrap()).unwrap(),
    };
    let page: Vec<_> = sorted.iter().skip(start).take(limit.max(2)).collect();
    let next = page.last().filter(|_| start + page.len() < sorted.len()).map_or("", |last| &last.account);
    let (list, told) = entries(&page, quirks, chance);
    let mut answer = json!({ "ErrorCode": 0, "MemberNum": group.members.len(), "MemberList": list });
    if group.kind == "Community" {
        answer["Next"] = json!(next);
    }
    if quirks.without_member_num {
        answer["MemberNum"].take();
    }
    (answer, told)
}

pub fn look(group: &Group, accounts: &[String], quirks: &Quirks, chance: &mut Chance) -> (Value, Told) {
    assert!((1..=50).contains(&accounts.len()));
    let members = group.by_account();
    let found: Vec<_> = accounts.iter().filter_map(|account| members.get(account.as_str()).copied()).collect();
    let (list, told) = entries(&found, quirks, chance);
    (json!({ "ErrorCode": 0, "MemberList": list }), told)
}

fn entries(members: &[&Member], quirks: &Quirks, chance: &mut Chance) -> (Vec<Value>, Told) {
    let mut list = Vec::new();
    let mut told = HashMap::new();
    for member in members {
        let name = if quirks.old_names { "ShutUpUntil" } else { "MuteUntil" };
        let entry = json!({
            "Member_Account": member.account, "Role": member.role, "JoinTime": member.joined,
            "LastSendMsgTime": member.sent, "MsgSeq": member.read, name: member.muted,
        });
        told.insert(member.account.clone(), Some((*member).clone()));
        if !chance.one_in(quirks.broken) {
            list.push(entry);
            continue;
        }
        let mut broken = entry.clone();
        let mut spares = true;
        match chance.below(11) {
            10 => broken[name] = Value::Null,
            0 => drop(broken["Role"].take()),
            1 => broken["Role"] = json!("Moderator"),
            2 => broken["JoinTime"] = json!(0),
            3 => drop(broken["LastSendMsgTime"].take()),
            4 => broken["LastSendMsgTime"] = json!("12"),
            5 => {
                // Says two things, in either order.
                broken["Role"] = json!("Admin");
                list.push(entry);
            }
            6 => {
                broken["LastSendMsgTime"] = json!(member.sent + 7);
                list.push(broken.clone());
                broken = entry;
            }
            7 => {
                // Says nothing about anybody.
                drop(broken["Member_Account"].take());
                told.remove(&member.account);
                spares = false;
            }
            8 => {
                broken["Role"] = json!(format!(" {} ", member.role));
                spares = false;
            }
            _ => {
                list.push(entry);
                spares = false;
            }
        }
        list.push(broken);
        if spares {
            told.insert(member.account.clone(), None);
        }
    }
    (list, told)
}
