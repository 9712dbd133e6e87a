//! The group, and what happens in it.

use super::Simulation;
use super::chance::Chance;
use crate::stand_in::{Group, Member, Vendor};
use crate::world::{GROUP, NOW};

pub fn vendor(chance: &mut Chance) -> Vendor {
    let size = if chance.one_in(8) { 120 + chance.index(140) } else { 3 + chance.index(40) };
    let limit = match chance.below(8) {
        0 => size + 3,
        1 => size + 1,
        // Above its limit.
        2 => (size * 9 / 10).max(1),
        _ => size,
    };
    let kind = match chance.below(40) {
        0 => "AVChatRoom",
        _ => chance.pick(&["Public", "Private", "ChatRoom", "Community", "Community", "Guild"]),
    };
    let members = (0..size).map(|i| member(i, chance)).collect();
    let group = Group { kind, limit, members, all_muted: chance.one_in(30) };
    Vendor {
        groups: [(GROUP.to_owned(), group)].into(),
        package: limit + chance.index(60),
        next_msg_seq: Some(100 + chance.below(100)),
        longest_page: chance.pick(&[200, 200, 100, 13, 7, 3]),
        ..Vendor::default()
    }
}

fn member(i: usize, chance: &mut Chance) -> Member {
    let joined = NOW - 50_000_000 + chance.below(49_990_000);
    let sent = match chance.below(4) {
        0 => 0,
        1 => joined + chance.below(NOW - joined),
        _ => joined + chance.below((NOW - joined) / 2 + 1),
    };
    let role = match i {
        0 => "Owner",
        _ if chance.one_in(12) => "Admin",
        _ => "Member",
    };
    // Robots, and the accounts of the two admins, are members like others.
    let account = match i {
        3..=5 if chance.one_in(3) => ["@RBT#bot", "adminA", "adminB"][i - 3].to_owned(),
        _ => format!("u{i:03}"),
    };
    let mute_until = if chance.one_in(8) { NOW - 200_000 + chance.below(250_000) } else { 0 };
    let state = chance.pick(&["Offline", "Offline", "Offline", "Online", "PushOnline"]);
    Member { role, msg_seq: chance.below(200), mute_until, state, ..Member::new(account, joined, sent) }
}

impl Simulation {
    /// A member may join, leave, speak, read or be promoted; a few groups are dissolved.
    pub fn happen(&mut self) {
        let Self { vendor, ledger, chance, .. } = self;
        let (now, next_seq) = (self.now.truth / 1000, vendor.next_msg_seq.unwrap());
        let Some(group) = vendor.groups.get_mut(GROUP).filter(|group| !group.members.is_empty()) else { return };
        let len = group.members.len();
        // Prefers members that the run has in view: with the others, nothing can go wrong.
        let candidates = self.run.report().candidates();
        let in_view = |index: &usize| {
            candidates.iter().any(|candidate| candidate.member().account() == group.members[*index].account)
        };
        let known: Vec<_> = (0..len).filter(in_view).collect();
        let index = if known.is_empty() || chance.one_in(3) { chance.index(len) } else { chance.pick(&known) };
        let member = &mut group.members[index];
        match chance.below(76) {
            0..=11 => {
                (member.last_send_msg_time, member.msg_seq) = (now, next_seq);
                (self.last_message, vendor.next_msg_seq) = (now, Some(next_seq + 1));
            }
            12..=19 => member.msg_seq = next_seq - 1,
            20..=25 => {
                member.role = "Admin";
                ledger.promoted.push(member.account.clone());
            }
            26..=37 => ledger.left.push(group.members.remove(index).account),
            38..=56 if len < group.limit => {
                let former = ledger.left.iter().chain(&vendor.removed);
                let former: Vec<_> = former.filter(|account| !group.has(account)).collect();
                let account = if former.is_empty() || chance.one_in(4) {
                    format!("n{}", ledger.joined.len())
                } else {
                    chance.pick(&former).clone()
                };
                ledger.joined.push(account.clone());
                let at = if self.newcomers_first { 0 } else { len };
                group.members.insert(at, Member { state: "Online", ..Member::new(account, now, 0) });
            }
            57 if chance.one_in(20) => vendor.groups.clear(),
            60..=62 => member.mute_until = now + chance.below(100_000),
            63 | 64 => member.mute_until = 0,
            65..=70 => member.state = chance.pick(&["Offline", "Online", "PushOnline"]),
            71 if chance.one_in(8) => group.all_muted = !group.all_muted,
            // Another client sets the limit.
            72..=75 => group.limit = (group.limit + chance.index(9)).saturating_sub(4).max(1),
            _ => {}
        }
    }
}
