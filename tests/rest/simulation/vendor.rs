//! The vendor's answers: those of the stand-in, with unusual pages and entries seen in the wild.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::chance::Chance;
use super::group::Group;
use crate::stand_in::Member;

/// What one answer says about an account; `None` if it is unclear or contradictory.
pub type Told = HashMap<String, Option<Member>>;

/// What one answer says about who is online; `None` if it is unclear or contradictory.
pub type Online = HashMap<String, Option<bool>>;

pub struct Quirks {
    /// How rare a broken entry is: one in this many.
    pub broken: u64,
    pub without_member_num: bool,
    /// Fields have their old names.
    pub old_names: bool,
    /// A raise is accepted, and changes nothing.
    pub ignores_raises: bool,
}

/// The readable part of one answer.
#[derive(Default)]
pub struct Said {
    pub told: Told,
    pub online: Online,
    /// It cannot be taken to say that nobody is muted.
    pub muted: bool,
}

pub fn answer(group: &mut Group, command: &str, body: &Value, quirks: &Quirks, chance: &mut Chance) -> (Value, Said) {
    let mut body = body.clone();
    if group.kind == "Community" {
        group.members.sort_by(|a, b| a.account.cmp(&b.account));
        if let Some(next) = body["Next"].as_str().filter(|_| chance.one_in(8)) {
            // Some pages overlap the one before.
            let before = group.members.iter().map(|member| &*member.account).filter(|account| *account < next).max();
            body["Next"] = json!(before.unwrap_or_default());
        }
    }
    let mut answer = group.vendor.answer(command, &body);
    let mut said = Said::default();
    assert!(answer["ErrorCode"] == 0 || answer["ErrorCode"] == 10038, "{command} {body}: {answer}");
    match command {
        "get_group_info" => said.muted = spoil_count(&mut answer["GroupInfo"][0], group, quirks, chance),
        "query_online_status" => said.online = spoil_online(&mut answer, quirks, chance),
        "get_group_member_info" | "get_specified_group_member_info" => {
            said.told = spoil_members(&mut answer["MemberList"], group, quirks, chance);
            if quirks.without_member_num {
                answer["MemberNum"].take();
            }
        }
        _ => {}
    }
    (answer, said)
}

fn rename(entry: &mut Value, from: &str, to: &str) {
    let entry = entry.as_object_mut().unwrap();
    if let Some(value) = entry.remove(from) {
        entry.insert(to.to_owned(), value);
    }
}

fn spoil_count(entry: &mut Value, group: &Group, quirks: &Quirks, chance: &mut Chance) -> bool {
    // Even if the sender has left.
    entry["LastMsgTime"] = json!(group.last_message);
    let unclear = chance.one_in(quirks.broken);
    if unclear {
        entry["MuteAllMember"].take();
    }
    if quirks.old_names {
        rename(entry, "MuteAllMember", "ShutUpAllMember");
    }
    unclear || group.all_muted
}

fn spoil_online(answer: &mut Value, quirks: &Quirks, chance: &mut Chance) -> Online {
    let (mut result, mut errors, mut told) = (Vec::new(), Vec::new(), Online::new());
    let name = if quirks.old_names { "Status" } else { "State" };
    for mut entry in answer["QueryResult"].as_array().unwrap().clone() {
        let account = entry["To_Account"].as_str().unwrap().to_owned();
        told.insert(account.clone(), Some(entry["State"] != "Offline"));
        rename(&mut entry, "State", name);
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
    answer["QueryResult"] = result.into();
    answer["ErrorList"].as_array_mut().unwrap().extend(errors);
    told
}

fn spoil_members(list: &mut Value, group: &Group, quirks: &Quirks, chance: &mut Chance) -> Told {
    let name = if quirks.old_names { "ShutUpUntil" } else { "MuteUntil" };
    let members: HashMap<_, _> = group.members.iter().map(|member| (&*member.account, member)).collect();
    let (list, mut told) = (list.as_array_mut().unwrap(), Told::new());
    for mut entry in std::mem::take(list) {
        let member = members[entry["Member_Account"].as_str().unwrap()];
        rename(&mut entry, "MuteUntil", name);
        told.insert(member.account.clone(), Some(member.clone()));
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
                // Contradicts itself, in either order.
                broken["Role"] = json!("Admin");
                list.push(entry);
            }
            6 => {
                broken["LastSendMsgTime"] = json!(member.last_send_msg_time + 7);
                list.push(broken.clone());
                broken = entry;
            }
            7 => {
                // Says nothing about anyone.
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
    told
}
