//! The ground truth: a group, what happens in it, and who was removed from it.

use std::collections::{BTreeSet, HashSet};
use std::ops::{Deref, DerefMut};

use super::chance::Chance;
use crate::stand_in::{self, Member, Vendor};
use crate::world::GROUP;

/// A policy looks back a day at least.
pub const INACTIVE: u64 = 100_000;

pub struct Group {
    pub vendor: Vendor,
    pub gone: bool,
    pub last_message: u64,
    /// Newcomers are listed before all others.
    newcomers_first: bool,
    /// Who left by themselves; how often that happened; and who joined since the run began.
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
    /// The count on which it was based.
    pub count: usize,
}

impl Deref for Group {
    type Target = stand_in::Group;

    fn deref(&self) -> &stand_in::Group {
        &self.vendor.groups[GROUP]
    }
}

impl DerefMut for Group {
    fn deref_mut(&mut self) -> &mut stand_in::Group {
        self.vendor.groups.get_mut(GROUP).unwrap()
    }
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
            let mute_until = if chance.one_in(8) { now - 200_000 + chance.below(250_000) } else { 0 };
            let state = chance.pick(&["Offline", "Offline", "Offline", "Online", "PushOnline"]);
            let msg_seq = chance.below(200);
            Member { role, msg_seq, mute_until, state, ..Member::new(account, joined, sent) }
        };
        let members: Vec<_> = (0..size).map(|i| member(i, chance)).collect();
        let last_message = members.iter().map(|member| member.last_send_msg_time).max().unwrap_or(0);
        let limit = match chance.below(8) {
            0 => members.len() + 3,
            1 => members.len() + 1,
            // Above its limit.
            2 => (members.len() * 9 / 10).max(1),
            _ => members.len(),
        };
        let mut vendor = Vendor {
            package: limit + chance.index(60),
            next_msg_seq: Some(100 + chance.below(100)),
            longest_page: chance.pick(&[200, 200, 100, 13, 7, 3]),
            ..Vendor::default()
        };
        let all_muted = chance.one_in(30);
        vendor.groups.insert(GROUP.to_owned(), stand_in::Group { kind, limit, members, all_muted });
        Self {
            vendor,
            gone: false,
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

    /// A member may join, leave, speak, read or be promoted; a few groups are dissolved.
    pub fn happen(&mut self, chance: &mut Chance, now: u64, candidates: &[String]) {
        let all: Vec<_> = self.members.iter().map(|member| member.account.clone()).collect();
        if all.is_empty() {
            return;
        }
        // Prefers members that the run has in view: with the others, nothing can go wrong.
        let known = candidates.iter().filter(|account| all.contains(account)).count();
        let index = if known > 0 && !chance.one_in(3) {
            let account = &candidates[chance.index(candidates.len())];
            all.iter().position(|other| other == account).unwrap_or(0)
        } else {
            chance.index(all.len())
        };
        match chance.below(76) {
            60..=62 => self.members[index].mute_until = now + chance.below(100_000),
            63 | 64 => self.members[index].mute_until = 0,
            65..=70 => self.members[index].state = chance.pick(&["Offline", "Online", "PushOnline"]),
            71 if chance.one_in(8) => self.all_muted = !self.all_muted,
            // Another client sets the limit.
            72 if chance.one_in(4) => self.limit = (self.limit + chance.index(9)).saturating_sub(4).max(1),

            0..=11 => self.speak(index, now),
            12..=19 => self.members[index].msg_seq = self.next_seq() - 1,
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
        let seq = self.next_seq();
        let member = &mut self.members[index];
        (member.last_send_msg_time, member.msg_seq) = (now, seq);
        self.last_message = now;
        self.vendor.next_msg_seq = Some(seq + 1);
    }

    /// Prefers a former member.
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
        let member = Member { state: "Online", ..Member::new(account, now, 0) };
        let at = if self.newcomers_first { 0 } else { self.members.len() };
        self.members.insert(at, member);
    }

    /// Returns whether anyone was removed.
    pub fn remove(&mut self, accounts: &BTreeSet<String>) -> bool {
        let accounts: Vec<_> = accounts.iter().cloned().collect();
        let gone = self.deref_mut().remove(&accounts);
        let any = !gone.is_empty();
        self.removed.extend(gone);
        any
    }

    pub fn next_seq(&self) -> u64 {
        self.vendor.next_msg_seq.unwrap()
    }

    /// Carries out the removals that are due at this time.
    pub fn due(&mut self, millis: u64) -> Vec<Late> {
        let (due, later) = std::mem::take(&mut self.late).into_iter().partition(|late| late.due <= millis);
        self.late = later;
        due
    }
}
