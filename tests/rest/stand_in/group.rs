use std::collections::HashSet;

use serde_json::{Map, Value, json};

/// A group as the stand-in holds it.
#[derive(Debug, Clone)]
pub struct Group {
    /// `Private`, `Public`, `ChatRoom`, `AVChatRoom` or `Community`.
    pub kind: &'static str,
    /// `MaxMemberNum`.
    pub limit: usize,
    /// In the order in which they are listed.
    pub members: Vec<Member>,
    /// `MuteAllMember`.
    pub all_muted: bool,
}

/// A member as the stand-in holds it; times in seconds since the Unix epoch.
#[derive(Debug, Clone)]
pub struct Member {
    pub account: String,
    pub role: &'static str,
    pub join_time: u64,
    pub last_send_msg_time: u64,
    /// The number of the last message that it has read.
    pub msg_seq: u64,
    /// `MuteUntil`.
    pub mute_until: u64,
    /// What `query_online_status` says: `Online`, `PushOnline` or `Offline`.
    pub state: &'static str,
}

impl Group {
    pub fn find(&mut self, account: &str) -> Option<&mut Member> {
        self.members.iter_mut().find(|member| member.account == account)
    }

    pub fn has(&self, account: &str) -> bool {
        self.members.iter().any(|member| member.account == account)
    }

    /// Removes these accounts; returns those who were members.
    pub fn remove(&mut self, accounts: &[String]) -> Vec<String> {
        let accounts: HashSet<_> = accounts.iter().map(String::as_str).collect();
        let members = std::mem::take(&mut self.members).into_iter();
        let (gone, stay): (Vec<_>, _) = members.partition(|member| accounts.contains(member.account.as_str()));
        self.members = stay;
        gone.into_iter().map(|member| member.account).collect()
    }

    pub fn last_msg_time(&self) -> u64 {
        self.members.iter().map(|member| member.last_send_msg_time).max().unwrap_or(0)
    }

    pub fn page_by_offset(&self, offset: usize, limit: usize, filter: &[String]) -> Value {
        let page = self.members.iter().skip(offset).take(limit);
        let list: Vec<_> = page.map(|member| member.to_json(filter)).collect();
        answer(json!({ "MemberNum": self.members.len(), "MemberList": list }))
    }

    /// `next` is the account after which the page begins; accounts of a Community are listed in their order, so it
    /// stays valid when that member leaves.
    pub fn page_by_next(&self, next: &str, limit: usize, filter: &[String]) -> Value {
        let start = self.members.partition_point(|member| member.account.as_str() <= next);
        let page = &self.members[start..self.members.len().min(start + limit)];
        let at_end = start + page.len() == self.members.len();
        let next = page.last().filter(|_| !at_end).map_or("", |last| last.account.as_str());
        let list: Vec<_> = page.iter().map(|member| member.to_json(filter)).collect();
        answer(json!({ "MemberNum": self.members.len(), "MemberList": list, "Next": next }))
    }

    pub fn specified(&self, accounts: &[String], filter: &[String]) -> Value {
        let accounts: HashSet<_> = accounts.iter().map(String::as_str).collect();
        let found = self.members.iter().filter(|member| accounts.contains(member.account.as_str()));
        let list: Vec<_> = found.map(|member| member.to_json(filter)).collect();
        answer(json!({ "MemberList": list }))
    }
}

impl Member {
    /// An ordinary member.
    pub fn new(account: impl Into<String>, join_time: u64, last_send_msg_time: u64) -> Self {
        Self {
            account: account.into(),
            role: "Member",
            join_time,
            last_send_msg_time,
            msg_seq: 0,
            mute_until: 0,
            state: "Offline",
        }
    }

    pub fn last_active(&self) -> u64 {
        self.join_time.max(self.last_send_msg_time)
    }

    pub fn presence(&self) -> (&str, &'static str) {
        (&self.account, self.state)
    }

    /// Always includes the account, and the other fields only on request.
    fn to_json(&self, filter: &[String]) -> Value {
        let mut fields = Map::new();
        fields.insert("Member_Account".to_owned(), json!(self.account));
        for name in filter {
            let value = match name.as_str() {
                "Role" => json!(self.role),
                "JoinTime" => json!(self.join_time),
                "LastSendMsgTime" => json!(self.last_send_msg_time),
                "MsgSeq" => json!(self.msg_seq),
                "MuteUntil" => json!(self.mute_until),
                _ => continue,
            };
            fields.insert(name.clone(), value);
        }
        Value::Object(fields)
    }
}

/// Returns an answer: the common outcome and its own fields.
pub fn answer(mut fields: Value) -> Value {
    fields["ActionStatus"] = json!("OK");
    fields["ErrorCode"] = json!(0);
    fields["ErrorInfo"] = json!("");
    fields
}

/// An error of the vendor's.
pub fn refusal(code: i32, info: &str) -> Value {
    json!({ "ActionStatus": "FAIL", "ErrorCode": code, "ErrorInfo": info })
}
