//! The state of the vendor's servers and their answers; `simulation` and the fuzz target `make_room` use only this.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Value, json};

use super::group::{Group, Member, answer, refusal};

pub struct Vendor {
    /// By group ID.
    pub groups: BTreeMap<String, Group>,
    /// Every call so far.
    pub calls: Vec<Call>,
    /// The removed accounts, in order.
    pub removed: Vec<String>,
    /// How many calls of one command are allowed in a second.
    pub calls_per_second: u32,
    /// The maximum length of a page, whatever the request says.
    pub longest_page: usize,
    /// `NextMsgSeq` of every group; `None` leaves it out.
    pub next_msg_seq: Option<u64>,
    /// The highest `MaxMemberNum` that the app's package allows.
    pub package: usize,
    /// Whether `query_online_status` is switched on.
    pub tells_who_is_online: bool,
}

/// One call.
#[derive(Debug, Clone)]
pub struct Call {
    /// The number of earlier calls.
    pub number: usize,
    pub command: String,
    pub body: Value,
}

type Answer = Result<Value, (i32, &'static str)>;

const NOT_ALLOWED: (i32, &str) = (10004, "not allowed for an AVChatRoom");

impl Default for Vendor {
    fn default() -> Self {
        Self {
            groups: BTreeMap::new(),
            calls: Vec::new(),
            removed: Vec::new(),
            calls_per_second: 200,
            longest_page: 200,
            next_msg_seq: Some(1000),
            package: 6000,
            tells_who_is_online: true,
        }
    }
}

impl Vendor {
    /// Returns how many calls of this command there were.
    pub fn count(&self, command: &str) -> usize {
        self.calls.iter().filter(|call| call.command == command).count()
    }

    pub fn record(&mut self, command: String, body: Value) -> Call {
        let call = Call { number: self.calls.len(), command, body };
        self.calls.push(call.clone());
        call
    }

    /// Answers an authenticated call.
    pub fn answer(&mut self, command: &str, body: &Value) -> Value {
        self.carry_out(command, body).unwrap_or_else(|(code, info)| refusal(code, info))
    }

    fn carry_out(&mut self, command: &str, body: &Value) -> Answer {
        match command {
            "get_group_info" => Ok(self.group_info(body)),
            "get_group_member_info" => self.member_info(body),
            "get_specified_group_member_info" => {
                let accounts = strings(&body["Member_List_Account"]);
                in_limit(accounts.len(), 50, "1 to 50 accounts")?;
                Ok(self.group(body)?.specified(&accounts, &strings(&body["MemberInfoFilter"])))
            }
            "delete_group_member" => {
                let accounts = strings(&body["MemberToDel_Account"]);
                in_limit(accounts.len(), 100, "1 to 100 accounts")?;
                let gone = self.group(body)?.remove(&accounts);
                self.removed.extend(gone);
                Ok(answer(json!({})))
            }
            "modify_group_base_info" => {
                let (members, package) = (as_usize(&body["MaxMemberNum"]), self.package);
                let group = self.group(body)?;
                if members > package {
                    return Err((10038, "MaxMemberNum is above the package's"));
                }
                group.limit = members;
                Ok(answer(json!({})))
            }
            "query_online_status" => self.online_status(&strings(&body["To_Account"])),
            "GetIPList" => Ok(answer(json!({ "IPList": ["127.0.0.2", "183.192.202.0/25"] }))),
            _ => Err((60002, "no such command")),
        }
    }

    fn group_info(&self, body: &Value) -> Value {
        let mut list = Vec::new();
        for id in strings(&body["GroupIdList"]) {
            let mut entry = match self.groups.get(&id) {
                Some(group) => answer(json!({
                    "Type": group.kind,
                    "MemberNum": group.members.len(),
                    "MaxMemberNum": group.limit,
                    "LastMsgTime": group.last_msg_time(),
                    "NextMsgSeq": self.next_msg_seq,
                    "MuteAllMember": if group.all_muted { "On" } else { "Off" },
                })),
                None => refusal(10010, "no such group"),
            };
            entry["GroupId"] = json!(id);
            list.push(entry);
        }
        answer(json!({ "GroupInfo": list }))
    }

    /// Returns who is online. An account in no group does not exist.
    fn online_status(&self, accounts: &[String]) -> Answer {
        in_limit(accounts.len(), 500, "1 to 500 accounts")?;
        if !self.tells_who_is_online {
            return Err((72001, "not switched on"));
        }
        let (mut result, mut errors) = (Vec::new(), Vec::new());
        let states: HashMap<_, _> =
            self.groups.values().flat_map(|group| &group.members).map(Member::presence).collect();
        for account in accounts {
            match states.get(account.as_str()) {
                Some(state) => result.push(json!({ "To_Account": account, "State": state })),
                None => errors.push(json!({ "To_Account": account, "ErrorCode": 70107 })),
            }
        }
        Ok(answer(json!({ "QueryResult": result, "ErrorList": errors })))
    }

    fn member_info(&mut self, body: &Value) -> Answer {
        let limit = as_usize(&body["Limit"]);
        in_limit(limit, 200, "a `Limit` of 1 to 200")?;
        let limit = limit.min(self.longest_page);
        let filter = strings(&body["MemberInfoFilter"]);
        let group = self.group(body)?;
        match (group.kind, body["Next"].as_str()) {
            ("Community", Some(next)) => Ok(group.page_by_next(next, limit, &filter)),
            ("Community", None) => Err((10004, "a Community is paged by `Next`")),
            (_, Some(_)) => Err((10004, "`Next` is for a Community")),
            (_, None) => Ok(group.page_by_offset(as_usize(&body["Offset"]), limit, &filter)),
        }
    }

    /// The group of a call that is about members.
    fn group(&mut self, body: &Value) -> Result<&mut Group, (i32, &'static str)> {
        let id = body["GroupId"].as_str().unwrap_or_default();
        let group = self.groups.get_mut(id).ok_or((10010, "no such group"))?;
        if group.kind == "AVChatRoom" { Err(NOT_ALLOWED) } else { Ok(group) }
    }
}

fn in_limit(found: usize, max: usize, expected: &'static str) -> Result<(), (i32, &'static str)> {
    if (1..=max).contains(&found) { Ok(()) } else { Err((10004, expected)) }
}

fn strings(list: &Value) -> Vec<String> {
    let list = list.as_array().into_iter().flatten();
    list.filter_map(Value::as_str).map(str::to_owned).collect()
}

fn as_usize(number: &Value) -> usize {
    number.as_u64().and_then(|number| usize::try_from(number).ok()).unwrap_or(0)
}
