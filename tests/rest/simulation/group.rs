//! The vendor's truth: a group, what happens in it, and who was removed from it.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::chance::Chance;

/// A policy looks back a day at least.
pub const INACTIVE: u64 = 100_000;

#[derive(Debug, Clone)]
pub struct Member {
    pub account: String,
    pub role: &'static str,
    pub joined: u64,
    pub sent: u64,
    pub read: u64,
    pub muted: u64,
    /// What `query_online_status` says.
    pub state: &'static str,
}

impl Member {
    pub fn last_active(&self) -> u64 {
        self.joined.max(self.sent)
    }
}

pub struct Group {
    pub kind: &'static str,
    pub limit: usize,
    /// The highest limit that the package allows.
    pub package: usize,
    pub all_muted: bool,
    pub members: Vec<Member>,
    pub gone: bool,
    pub next_seq: u64,
    pub last_message: u64,
    /// Newcomers stand before all others.
    newcomers_first: bool,
    /// Who left by themselves, ever; how often anybody did, and who joined since the run began.
    pub left: HashSet<String>,
    pub leaves: usize,
    pub joins: HashSet<String>,
    pub promoted: HashSet<String>,
    pub removed: HashSet<String>,
    /// Removals that are still to be carried out.
    pub late: Vec<Late>,
}

/// A removal that is carried out later.
pub struct Late {
    /// In milliseconds.
    pub due: u64,
    pub accounts: BTreeSet<String>,
    /// Upon which count it was handed out.
    pub count: usize,
}

impl Group {
    pub fn new(chance: &mut Chance, kind: &'static str, now: u64) -> Self {
        let size = if chance.one_in(12) { 120 + chance.below(140) } else { 3 + chance.below(40) };
        let member = |i: u64, chance: &mut Chance| {
            let joined = now - 50_000_000 + chance.below(49_990_000);
            let sent = match chance.below(4) {
                0 => 0,
                1 => joined + chance.below(now - joined),
                _ => joined + chance.below((now - joined) / 2 + 1),
            };
            let role = match i {
                0 => "Owner",
                _ if chance.one_in(12) => "Admin",
                _ => "Member",
            };
            // Robots, and the accounts of the two admins, are members like others.
            let account = match i {
                3 if chance.one_in(3) => "@RBT#bot".to_owned(),
                4 if chance.one_in(3) => "adminA".to_owned(),
                5 if chance.one_in(3) => "adminB".to_owned(),
                _ => format!("u{i:03}"),
            };
            let muted = if chance.one_in(8) { now - 200_000 + chance.below(250_000) } else { 0 };
            let state = chance.pick(&["Offline", "Offline", "Offline", "Online", "PushOnline"]);
            Member { account, role, joined, sent, read: chance.below(200), muted, state }
        };
        let members: Vec<_> = (0..size).map(|i| member(i, chance)).collect();
        let last_message = members.iter().map(|member| member.sent).max().unwrap_or(0);
        let limit = match chance.below(8) {
            0 => members.len() + 3,
            1 => members.len() + 1,
            // Above its limit.
            2 => (members.len() * 9 / 10).max(1),
            _ => members.len(),
        };
        Self {
            kind,
            limit,
            package: limit + chance.index(60),
            all_muted: chance.one_in(30),
            members,
            gone: false,
            next_seq: 100 + chance.below(100),
            last_message,
            newcomers_first: chance.one_in(4),
            left: HashSet::new(),
            leaves: 0,
            joins: HashSet::new(),
            promoted: HashSet::new(),
            removed: HashSet::new(),
            late: Vec::new(),
        }
    }

    /// Perhaps somebody joins, leaves, speaks, reads or is promoted; one in many groups is dissolved.
    pub fn happen(&mut self, chance: &mut Chance, now: u64, candidates: &[String]) {
        let all: Vec<_> = self.members.iter().map(|member| member.account.clone()).collect();
        if all.is_empty() {
            return;
        }
        // Rather those whom the run has in view: with the others, nothing can go wrong.
        let known = candidates.iter().filter(|account| all.contains(account)).count();
        let index = if known > 0 && !chance.one_in(3) {
            let account = &candidates[chance.index(candidates.len())];
            all.iter().position(|other| other == account).unwrap_or(0)
        } else {
            chance.index(all.len())
        };
        match chance.below(76) {
            60..=62 => self.members[index].muted = now + chance.below(100_000),
            63 | 64 => self.members[index].muted = 0,
            65..=70 => self.members[index].state = chance.pick(&["Offline", "Online", "PushOnline"]),
            71 if chance.one_in(8) => self.all_muted = !self.all_muted,
            // Somebody else sets the limit.
            72 if chance.one_in(4) => self.limit = (self.limit + chance.index(9)).saturating_sub(4).max(1),

            0..=11 => self.speak(index, now),
            12..=19 => self.members[index].read = self.next_seq - 1,
            20..=25 => {
                self.members[index].role = "Admin";
                self.promoted.insert(all[index].clone());
            }
            26..=37 => {
                self.members.remove(index);
                self.left.insert(all[index].clone());
                self.leaves += 1;
            }
            38..=56 => self.join(chance, now),
            57 if chance.one_in(20) => self.gone = true,
            _ => {}
        }
    }

    fn speak(&mut self, index: usize, now: u64) {
        self.members[index].sent = now;
        self.members[index].read = self.next_seq;
        self.last_message = now;
        self.next_seq += 1;
    }

    /// Rather somebody who was there before.
    fn join(&mut self, chance: &mut Chance, now: u64) {
        if self.members.len() >= self.limit {
            return;
        }
        let mut before: Vec<_> = self.left.iter().chain(&self.removed).collect();
        before.sort();
        before.retain(|account| !self.members.iter().any(|member| member.account == **account));
        let account = if before.is_empty() || chance.one_in(4) {
            format!("n{}", self.joins.len())
        } else {
            before[chance.index(before.len())].clone()
        };
        if self.members.iter().any(|member| member.account == account) {
            return;
        }
        self.joins.insert(account.clone());
        let member = Member { account, role: "Member", joined: now, sent: 0, read: 0, muted: 0, state: "Online" };
        let at = if self.newcomers_first { 0 } else { self.members.len() };
        self.members.insert(at, member);
    }

    /// Says whether anybody was removed.
    pub fn remove(&mut self, accounts: &BTreeSet<String>) -> bool {
        let members = std::mem::take(&mut self.members).into_iter();
        let (gone, stay): (Vec<_>, _) = members.partition(|member| accounts.contains(&member.account));
        self.members = stay;
        let any = !gone.is_empty();
        self.removed.extend(gone.into_iter().map(|member| member.account));
        any
    }

    /// Takes out what is due at this time.
    pub fn due(&mut self, millis: u64) -> Vec<Late> {
        let (due, later) = std::mem::take(&mut self.late).into_iter().partition(|late| late.due <= millis);
        self.late = later;
        due
    }

    pub fn by_account(&self) -> HashMap<&str, &Member> {
        self.members.iter().map(|member| (member.account.as_str(), member)).collect()
    }
}
