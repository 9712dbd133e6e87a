//! The vendor's answers: those of the stand-in, with lies, unusual pages and entries seen in the wild.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::Simulation;
use super::chance::Chance;
use super::check::{Count, INACTIVE, Online, Said, Told, strings};
use crate::stand_in::Group;
use crate::world::{NOW, group_of};

pub struct Quirks {
    /// How rare a broken entry is: one in this many.
    broken: u64,
    /// How rare a well-formed answer is that is not true.
    lies: u64,
    without_member_num: bool,
    /// Fields have their old names.
    old_names: bool,
    /// A raise is accepted, and changes nothing.
    pub ignores_raises: bool,
}

impl Quirks {
    pub fn new(chance: &mut Chance) -> Self {
        Self {
            broken: chance.pick(&[0, 0, 20, 6]),
            lies: chance.pick(&[0, 0, 0, 0, 0, 0, 20, 4]),
            without_member_num: chance.one_in(6),
            old_names: chance.one_in(3),
            ignores_raises: chance.one_in(12),
        }
    }
}

impl Simulation {
    /// Answers a call; the group exists.
    pub fn answer(&mut self, command: &str, body: &Value) -> (Value, Said) {
        let Self { vendor, quirks, chance, ledger, .. } = self;
        let mut body = body.clone();
        let group = group_of(vendor);
        if group.kind == "Community" {
            group.members.sort_by(|a, b| a.account.cmp(&b.account));
            if let Some(next) = body["Next"].as_str().filter(|_| chance.one_in(8)) {
                // Some pages overlap the one before.
                let before =
                    group.members.iter().map(|member| &*member.account).filter(|account| *account < next).max();
                body["Next"] = json!(before.unwrap_or_default());
            }
        }
        let truth = group.clone();
        let lies = command != "modify_group_base_info" && chance.one_in(quirks.lies);
        if lies {
            lie(group, chance);
            ledger.lied = true;
        }
        let mut answer = vendor.answer(command, &body);
        assert!(answer["ErrorCode"] == 0 || answer["ErrorCode"] == 10038, "{command} {body}: {answer}");
        let group = group_of(vendor);
        let said = match command {
            "get_group_info" => {
                let entry = &mut answer["GroupInfo"][0];
                // Even if the sender has left.
                entry["LastMsgTime"] = json!(self.last_message);
                let unclear = chance.one_in(quirks.broken);
                if unclear {
                    entry["MuteAllMember"].take();
                }
                let (limit, members, leaves) = (group.limit, group.members.len(), ledger.left.len());
                Said::Count(Count { limit, members, leaves, muted: unclear || group.all_muted })
            }
            "query_online_status" => Said::Online(quirks.spoil_online(&mut answer, chance)),
            "get_group_member_info" | "get_specified_group_member_info" => {
                let told = quirks.spoil_members(&mut answer["MemberList"], group, chance);
                if quirks.without_member_num {
                    answer["MemberNum"].take();
                }
                if lies && let Some(next) = answer.get_mut("Next") {
                    *next =
                        json!(truth.members.get(chance.index(truth.members.len() + 1)).map_or("", |one| &one.account));
                }
                if command == "get_group_member_info" {
                    Said::Page(told)
                } else {
                    let unseen = strings(&body["Member_List_Account"]).into_iter().map(|account| (account, None));
                    Said::Look(unseen.chain(told).collect(), self.vendor.next_msg_seq.unwrap())
                }
            }
            _ => Said::Nothing,
        };
        if lies {
            *group_of(&mut self.vendor) = truth;
        }
        (answer, said)
    }
}

/// Turns the group into another one under the same name.
fn lie(group: &mut Group, chance: &mut Chance) {
    let len = group.members.len();
    group.members.truncate(chance.index(4 * len + 2));
    group.limit = (group.members.len() + chance.index(2 * len + 2)).saturating_sub(len / 2);
    for member in &mut group.members {
        let mut time = || NOW - chance.below(3 * INACTIVE);
        (member.join_time, member.last_send_msg_time) = (time(), time());
        member.role = chance.pick(&["Member", "Member", "Member", "Admin"]);
        member.state = chance.pick(&["Offline", "Offline", "Online"]);
        member.msg_seq = chance.below(200);
    }
}

impl Quirks {
    pub fn print(&self, answer: &Value) -> String {
        let names = [("MuteAllMember", "ShutUpAllMember"), ("MuteUntil", "ShutUpUntil"), ("State\"", "Status\"")];
        let names = names.iter().filter(|_| self.old_names);
        names.fold(answer.to_string(), |text, (new, old)| text.replace(new, old))
    }

    fn spoil_online(&self, answer: &mut Value, chance: &mut Chance) -> Online {
        let (mut result, mut errors, mut told) = (Vec::new(), Vec::new(), Online::new());
        for entry in std::mem::take(answer["QueryResult"].as_array_mut().unwrap()) {
            let account = entry["To_Account"].as_str().unwrap();
            let with = |state: Value| json!({ "To_Account": account, "State": state });
            let broken = chance.one_in(self.broken);
            told.insert(account.to_owned(), (!broken).then(|| entry["State"] != "Offline"));
            match if broken { chance.below(6) } else { 6 } {
                0 => {}
                1 => result.push(with(json!("Away"))),
                2 => result.push(with(Value::Null)),
                3 => result.extend([with(json!("Online")), with(json!("Offline"))]),
                4 if !self.old_names => {
                    result.push(json!({ "To_Account": account, "State": "Offline", "Status": "Online" }));
                }
                4 | 5 => {
                    errors.push(json!({ "To_Account": account, "ErrorCode": "many" }));
                    result.push(entry);
                }
                _ => result.push(entry),
            }
        }
        answer["QueryResult"] = result.into();
        answer["ErrorList"].as_array_mut().unwrap().extend(errors);
        told
    }

    fn spoil_members(&self, list: &mut Value, group: &Group, chance: &mut Chance) -> Told {
        let members: HashMap<_, _> = group.members.iter().map(|member| (&*member.account, member)).collect();
        let (list, mut told) = (list.as_array_mut().unwrap(), Told::new());
        for entry in std::mem::take(list) {
            let member = members[entry["Member_Account"].as_str().unwrap()];
            told.insert(member.account.clone(), Some(member.clone()));
            if !chance.one_in(self.broken) {
                list.push(entry);
                continue;
            }
            let mut other = entry.clone();
            // A change, whether the account is still clear, and whether the entry itself may be missing.
            let (field, value, clear, alone) = match chance.below(11) {
                0 => ("Role", Value::Null, false, true),
                1 => ("Role", json!("Moderator"), false, true),
                2 => ("JoinTime", json!(0), false, true),
                3 => ("LastSendMsgTime", Value::Null, false, true),
                4 => ("LastSendMsgTime", json!("12"), false, true),
                5 => ("MuteUntil", Value::Null, false, true),
                6 => ("Member_Account", Value::Null, true, true),
                7 => ("Role", json!(format!(" {} ", member.role)), true, true),
                8 => ("Role", json!(member.role), true, true),
                9 => ("Role", json!(if member.role == "Admin" { "Member" } else { "Admin" }), false, false),
                _ => ("LastSendMsgTime", json!(member.last_send_msg_time + 7), false, false),
            };
            other[field] = value;
            let alone = alone && chance.one_in(2);
            if !clear {
                told.insert(member.account.clone(), None);
            } else if alone && field == "Member_Account" {
                told.remove(&member.account);
            }
            list.push(other);
            if !alone {
                let at = list.len() - chance.index(2);
                list.insert(at, entry);
            }
        }
        told
    }
}
