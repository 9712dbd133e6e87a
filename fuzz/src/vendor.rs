//! The vendor's servers with one group, and what happens to it.

use std::collections::HashSet;

use serde_json::{Value, json};

pub const GROUP: &str = "g";

/// What happens, byte for byte; nothing happens after the end, unless it all happens again and again.
pub struct Script<'a> {
    pub bytes: &'a [u8],
    pub at: usize,
    pub again: bool,
}

impl Script<'_> {
    pub fn byte(&mut self) -> u8 {
        if self.again && !self.bytes.is_empty() {
            self.at %= self.bytes.len();
        }
        let byte = self.bytes.get(self.at).copied().unwrap_or(0);
        self.at += 1;
        byte
    }
}

pub struct Member {
    pub account: String,
    pub role: &'static str,
    pub joined: u64,
    pub spoke: u64,
}

pub struct Vendor {
    pub kind: &'static str,
    pub limit: usize,
    pub members: Vec<Member>,
}

impl Vendor {
    pub fn answer(&mut self, command: &str, body: &Value) -> Value {
        let accounts = |name: &str| -> HashSet<&str> {
            body[name].as_array().unwrap().iter().map(|account| account.as_str().unwrap()).collect()
        };
        let list = |members: &mut dyn Iterator<Item = &Member>| -> Value { members.map(Member::json).collect() };
        match command {
            "get_group_info" => json!({ "ErrorCode": 0, "GroupInfo": [{
                "GroupId": GROUP, "ErrorCode": 0, "Type": self.kind,
                "MemberNum": self.members.len(), "MaxMemberNum": self.limit,
            }] }),
            "get_group_member_info" => {
                let limit = usize::try_from(body["Limit"].as_u64().unwrap()).unwrap();
                assert!((1..=200).contains(&limit));
                let start = match body["Next"].as_str() {
                    Some(next) => next.parse().unwrap_or(0),
                    None => usize::try_from(body["Offset"].as_u64().unwrap()).unwrap(),
                };
                let end = start.saturating_add(limit);
                let next =
                    if self.kind == "Community" && end < self.members.len() { end.to_string() } else { String::new() };
                let page = list(&mut self.members.iter().skip(start).take(limit));
                json!({ "ErrorCode": 0, "MemberNum": self.members.len(), "MemberList": page, "Next": next })
            }
            "get_specified_group_member_info" => {
                let asked = accounts("Member_List_Account");
                assert!((1..=50).contains(&asked.len()));
                let found = list(&mut self.members.iter().filter(|member| asked.contains(&*member.account)));
                json!({ "ErrorCode": 0, "MemberList": found })
            }
            "delete_group_member" => {
                let gone = accounts("MemberToDel_Account");
                self.members.retain(|member| !gone.contains(&*member.account));
                json!({ "ErrorCode": 0 })
            }
            other => panic!("{other}"),
        }
    }
}

impl Member {
    fn json(&self) -> Value {
        json!({ "Member_Account": self.account, "Role": self.role, "JoinTime": self.joined, "LastSendMsgTime": self.spoke })
    }
}
