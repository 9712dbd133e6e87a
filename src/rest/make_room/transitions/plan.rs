use std::time::SystemTime;

use super::super::plan::Plan;
use super::super::run::Run;
use super::super::scan::Scan;
use super::super::{Candidate, Outcome, Spared};
use super::Phase;
use crate::rest::{GetGroupMemberInfo, GroupInfo, Member, MemberPage, OnlineStatus, OnlineStatusList, RestError};

impl Run {
    pub(super) fn scan(&mut self, info: &GroupInfo) {
        self.plan = Plan::new(self.missing);
        self.go(Phase::Scan(Scan::new(info)));
    }

    pub(super) fn read_page(&mut self, scan: Scan, page: MemberPage, now: SystemTime) -> Result<(), RestError> {
        let entries = u32::try_from(page.list.entries).unwrap_or(u32::MAX);
        let scanned = self.report.scanned.saturating_add(entries);
        let rest = scan.read(&page, self.report.members(), scanned)?;
        let most = self.report.limit().max(self.report.members()).max(GetGroupMemberInfo::MAX_LIMIT);
        if scanned / 4 > most {
            return Err(RestError::malformed(&"the pages do not end"));
        }
        self.report.scanned = scanned;
        self.disturbed |= page.group_members != Some(self.report.members());
        // The latest entry of a member counts, even if it spares the member.
        for account in &page.list.unclear {
            self.plan.forget(account);
            self.report.protected_not_found.remove(account);
            self.report.census.note(account, Some(Spared::Unclear));
        }
        let measured_at = self.measured_at(now);
        self.note_mutes(&page.list.members, measured_at);
        let can_be_judged = self.evidence.page(&page.list.members, measured_at);
        for member in page.list.members {
            let spared = self.spared(&member, measured_at);
            // On a page that proves nothing, nobody is known to be inactive.
            let spared = spared.or((!can_be_judged).then_some(Spared::Unclear));
            self.report.protected_not_found.remove(member.account());
            self.report.census.note(member.account(), spared);
            if spared.is_none() {
                self.plan.consider(member);
            } else {
                self.plan.forget(member.account());
            }
        }
        self.report.census.turn_the_page();
        if rest.is_some() {
            self.retry.progressed();
        }
        self.ask_or_go_on(rest)
    }

    /// Returns why a member stays; `None` if it may be removed.
    fn spared(&self, member: &Member, measured_at: SystemTime) -> Option<Spared> {
        if member.account() == self.admin {
            return Some(Spared::ApiAdmin);
        }
        let spared = match self.muted(member.account()) {
            0 => self.policy.spares(member, measured_at),
            mute => self.policy.spares(&member.clone().also_muted_until(mute), measured_at),
        };
        let reads = || self.policy.is_reader(member, self.next_msg_seq).then_some(Spared::Reader);
        spared.or_else(reads)
    }

    /// Keeps the mutes: one that was lifted a minute ago still forced the silence before.
    pub(super) fn note_mutes(&mut self, members: &[Member], measured_at: SystemTime) {
        for member in members {
            let mute = member.muted_until().filter(|mute| self.policy.looks_back_beyond(*mute, measured_at));
            if let Some(mute) = mute.filter(|mute| *mute > self.muted(member.account())) {
                self.mutes.insert(member.account().to_owned(), mute);
            }
        }
    }

    /// Returns until when a member was muted, as far as known; 0 if it was not.
    pub(in super::super) fn muted(&self, account: &str) -> u64 {
        self.mutes.get(account).copied().unwrap_or(0)
    }

    /// Asks who is online if the plan needs to know; otherwise goes on with the scan.
    pub(super) fn ask_or_go_on(&mut self, rest: Option<Scan>) -> Result<(), RestError> {
        if !self.policy.ignore_online_status {
            let accounts = self.plan.to_ask(rest.is_none());
            if !accounts.is_empty() {
                self.go(Phase::Ask { accounts, rest });
                return Ok(());
            }
        }
        self.plan.keep_the_best();
        match rest {
            Some(scan) => {
                self.go(Phase::Scan(scan));
                Ok(())
            }
            None => self.read_all(),
        }
    }

    pub(super) fn asked(
        &mut self,
        accounts: &[String],
        rest: Option<Scan>,
        list: &OnlineStatusList,
    ) -> Result<(), RestError> {
        for account in accounts {
            match spared_by(list, account) {
                None => self.plan.is_offline(account),
                Some(spared) => {
                    self.plan.forget(account);
                    self.report.census.change(account, spared);
                }
            }
        }
        self.retry.progressed();
        self.ask_or_go_on(rest)
    }

    fn read_all(&mut self) -> Result<(), RestError> {
        if self.report.scanned == 0 && self.report.members() > 0 {
            return Err(RestError::malformed(&"the group has members, but none is listed"));
        }
        self.evidence.end(&self.policy, self.plan.is_empty())?;
        let members = std::mem::take(&mut self.plan).members();
        self.report.planned(members);
        self.planned = true;
        if self.stops_at_plan() {
            self.go(Phase::Done);
        } else {
            self.begin_round(0);
        }
        Ok(())
    }

    pub(super) fn finish(&mut self) {
        self.go(Phase::Done);
        if self.stops_at_plan() {
            return;
        }
        for Candidate { outcome, .. } in &mut self.report.candidates {
            if *outcome == Outcome::Planned {
                *outcome = Outcome::Stays(Spared::NotNeeded);
            }
        }
    }
}

/// Returns why the status spares the member. `Offline` spares nobody, and is no evidence of inactivity.
pub(super) fn spared_by(list: &OnlineStatusList, account: &str) -> Option<Spared> {
    match list.get(account) {
        Some(OnlineStatus::Offline) => None,
        Some(OnlineStatus::Online | OnlineStatus::PushOnline) => Some(Spared::Online),
        Some(OnlineStatus::Other) | None => Some(Spared::Unclear),
    }
}
