use std::ops::Range;
use std::time::SystemTime;

use http::StatusCode;

use super::get_group_member_info::Position;
use super::make_room::{Phase, Round};
use super::retry::is_fresh;
use super::{
    Candidate, DeleteGroupMembers, GetGroupMemberInfo, GetSpecifiedGroupMemberInfo, GroupInfo, GroupType,
    InactivityPolicy, MakeRoom, Member, MemberPage, Outcome, Plan, RestError, Role, since_epoch,
};

const PAGE: u32 = GetGroupMemberInfo::MAX_LIMIT;

/// How a run goes on after each answer.
impl MakeRoom {
    pub(super) fn advance(&mut self, status: StatusCode, body: &[u8], now: SystemTime) -> Result<(), RestError> {
        match self.phase.clone() {
            Phase::Count => {
                let info = self.get_group_info().response(status, body)?;
                self.counted(info)?;
            }
            Phase::Scan(position) => {
                let page = self.get_page(position.clone()).response(status, body)?;
                self.read(&position, page, now)?;
            }
            Phase::Look => {
                let found = self.get_chosen().response(status, body)?;
                self.looked(&found, now);
            }
            Phase::Recount => {
                let info = self.get_group_info().response(status, body)?;
                self.recounted(info, now);
            }
            Phase::Delete => {
                self.delete_doomed().response(status, body)?;
                self.deleted();
            }
            Phase::Done => {}
        }
        Ok(())
    }

    fn counted(&mut self, info: GroupInfo) -> Result<(), RestError> {
        self.report.counted(info);
        self.missing = self.policy.free().saturating_sub(info.free());
        self.failures = 0;
        self.plan = Plan::new(self.missing);
        self.phase = match info.group_type {
            _ if self.missing == 0 => Phase::Done,
            GroupType::AvChatRoom => return Err(RestError::av_chat_room()),
            GroupType::Community => Phase::Scan(Position::Next(String::new())),
            // From the last page to the first: whoever leaves meanwhile shifts only what was read already.
            _ => Phase::Scan(Position::Offset(info.members.saturating_sub(1) / PAGE * PAGE)),
        };
        Ok(())
    }

    fn read(&mut self, position: &Position, page: MemberPage, now: SystemTime) -> Result<(), RestError> {
        let next = following(position, &page)?;
        self.disturbed |= page.group_members != self.report.members();
        self.report.read(page.members.len());
        if self.report.scanned() / 2 > self.report.limit() {
            return Err(RestError::malformed(&"pages that do not end"));
        }
        for member in page.members {
            self.plan.consider(&self.policy, member, now);
        }
        self.failures = 0;
        match next {
            Some(position) => self.phase = Phase::Scan(position),
            None => self.planned(),
        }
        Ok(())
    }

    fn planned(&mut self) {
        let members = std::mem::take(&mut self.plan).into_members();
        let outcome = Outcome::Planned;
        self.report.candidates = members.into_iter().map(|member| Candidate { member, outcome }).collect();
        if self.options.dry_run {
            self.phase = Phase::Done;
        } else {
            self.begin_round(0);
        }
    }

    fn begin_round(&mut self, start: usize) {
        let missing = usize::try_from(self.missing).unwrap_or(usize::MAX);
        let len = missing.min(DeleteGroupMembers::MAX_ACCOUNTS);
        let end = self.report.candidates.len().min(start.saturating_add(len));
        self.failures = 0;
        if start < end {
            self.look_again(start, end);
        } else {
            self.finish();
        }
    }

    pub(super) fn look_again(&mut self, start: usize, end: usize) {
        self.round = Round { start, end, looked: start, ..Round::default() };
        self.phase = Phase::Look;
    }

    /// The candidates whom the next [`Phase::Look`] is about.
    pub(super) fn chosen(&self) -> Range<usize> {
        let Round { looked, end, .. } = self.round;
        looked..end.min(looked.saturating_add(GetSpecifiedGroupMemberInfo::MAX_ACCOUNTS))
    }

    fn looked(&mut self, found: &[Member], now: SystemTime) {
        let chosen = self.chosen();
        self.round.looked = chosen.end;
        // The earliest, also if the clock was set back between two looks.
        let at = since_epoch(now);
        self.round.looked_at = Some(self.round.looked_at.map_or(at, |first| first.min(at)));
        let candidates = self.report.candidates.iter_mut().enumerate();
        for (index, candidate) in candidates.take(chosen.end).skip(chosen.start) {
            candidate.outcome = second_look(&self.policy, candidate, found, now);
            match candidate.outcome {
                Outcome::Planned => self.round.doomed.push(index),
                Outcome::Left => self.disturbed = true,
                _ => {}
            }
        }
        if self.round.looked < self.round.end {
            return;
        }
        if self.round.doomed.is_empty() {
            self.begin_round(self.round.end);
        } else if self.disturbed || !is_fresh(self.counted_at, now) {
            self.phase = Phase::Recount;
        } else {
            self.phase = Phase::Delete;
        }
    }

    fn recounted(&mut self, info: GroupInfo, now: SystemTime) {
        self.report.counted(info);
        self.counted_at = Some(since_epoch(now));
        self.missing = self.policy.free().saturating_sub(info.free());
        if self.missing == 0 {
            self.finish();
            return;
        }
        let missing = usize::try_from(self.missing).unwrap_or(usize::MAX);
        self.round.doomed.truncate(missing);
        self.phase = Phase::Delete;
    }

    fn deleted(&mut self) {
        let removed = self.mark_doomed(Outcome::Removed);
        self.missing = self.missing.saturating_sub(removed);
        self.begin_round(self.round.end);
    }

    pub(super) fn mark_doomed(&mut self, outcome: Outcome) -> u32 {
        let mut marked = 0;
        for index in std::mem::take(&mut self.round.doomed) {
            if let Some(candidate) = self.report.candidates.get_mut(index) {
                candidate.outcome = outcome;
                marked += 1;
            }
        }
        marked
    }

    fn finish(&mut self) {
        self.phase = Phase::Done;
        for candidate in &mut self.report.candidates {
            if candidate.outcome == Outcome::Planned {
                candidate.outcome = Outcome::NotNeeded;
            }
        }
    }
}

/// Where the next page begins; `None` after the last one.
fn following(position: &Position, page: &MemberPage) -> Result<Option<Position>, RestError> {
    match position {
        Position::Offset(0) => Ok(None),
        Position::Offset(offset) => Ok(Some(Position::Offset(offset.saturating_sub(PAGE)))),
        Position::Next(_) if page.next.is_empty() || page.members.is_empty() => Ok(None),
        Position::Next(next) if *next == page.next => Err(RestError::malformed(&"a `Next` that does not move on")),
        Position::Next(_) => Ok(Some(Position::Next(page.next.clone()))),
    }
}

fn second_look(policy: &InactivityPolicy, candidate: &Candidate, found: &[Member], now: SystemTime) -> Outcome {
    let planned = &candidate.member;
    let found = found.iter().find(|now| now.account == planned.account);
    match (candidate.outcome, found) {
        (Outcome::Removed | Outcome::Unconfirmed, None) | (Outcome::Removed, Some(_)) => Outcome::Removed,
        (_, None) => Outcome::Left,
        (_, Some(member)) if member.role != Role::Member => Outcome::Promoted,
        (_, Some(member)) if member.last_active() != planned.last_active() || !policy.allows(member, now) => {
            Outcome::Active
        }
        (_, Some(_)) => Outcome::Planned,
    }
}
