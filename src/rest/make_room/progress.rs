use std::time::{Duration, SystemTime};

use http::{Request, StatusCode};

use super::MakeRoom;
use super::evidence::Evidence;
use super::phase::{Phase, Round};
use super::plan::Plan;
use super::report::{Candidate, Outcome};
use super::scan::Scan;
use crate::rest::{
    DeleteGroupMembers, GetGroupInfo, GetGroupMemberInfo, GetSpecifiedGroupMemberInfo, GroupInfo, GroupType,
    MemberPage, RestApi, RestError,
};

/// The call of a phase.
pub(super) enum Call {
    Count(GetGroupInfo),
    Page(GetGroupMemberInfo),
    Look(GetSpecifiedGroupMemberInfo),
    Delete(DeleteGroupMembers),
}

impl Call {
    pub(super) fn request(&self, api: &RestApi, now: SystemTime) -> Request<Vec<u8>> {
        match self {
            Self::Count(call) => call.request(api, now),
            Self::Page(call) => call.request(api, now),
            Self::Look(call) => call.request(api, now),
            Self::Delete(call) => call.request(api, now),
        }
    }
}

/// How a run goes on after each answer: the count, the scan and the plan.
impl MakeRoom {
    /// Returns the call of this phase; `None` if nothing is left to do.
    pub(super) fn call(&self) -> Option<Call> {
        let group_id = self.group_id.as_str();
        Some(match &self.phase {
            Phase::Done => return None,
            Phase::Count | Phase::Recount => Call::Count(GetGroupInfo::new(group_id)),
            Phase::Scan(scan) => Call::Page(scan.call(group_id)),
            // Neither list is ever empty or too long, but in a saved run that somebody has changed.
            Phase::Look => {
                let accounts = self.accounts(self.round.next());
                Call::Look(GetSpecifiedGroupMemberInfo::new(group_id, accounts).ok()?)
            }
            Phase::Delete => {
                let accounts = self.accounts(self.round.doomed.iter().copied());
                let mut call = DeleteGroupMembers::new(group_id, accounts).ok()?;
                if self.options.silent {
                    call = call.silent();
                }
                if let Some(reason) = &self.options.reason {
                    call = call.reason(reason);
                }
                Call::Delete(call)
            }
        })
    }

    fn accounts(&self, indices: impl Iterator<Item = usize>) -> impl Iterator<Item = &str> {
        indices.filter_map(|index| Some(self.report.candidates.get(index)?.member().account()))
    }

    /// Takes the answer that came at `now`, which is `at` by the run's clock.
    pub(super) fn advance(
        &mut self,
        status: StatusCode,
        body: &[u8],
        now: SystemTime,
        at: Duration,
    ) -> Result<(), RestError> {
        match (self.call(), self.phase.clone()) {
            (Some(Call::Count(call)), Phase::Count) => self.counted(&call.response(status, body)?, now)?,
            (Some(Call::Count(call)), _) => self.recounted(&call.response(status, body)?),
            (Some(Call::Page(call)), Phase::Scan(scan)) => {
                self.read_page(scan, call.response(status, body)?, now)?;
            }
            (Some(Call::Look(call)), _) => self.looked(&call.response(status, body)?, now, at),
            (Some(Call::Delete(call)), _) => {
                call.response(status, body)?;
                self.deleted();
            }
            _ => {}
        }
        Ok(())
    }

    fn counted(&mut self, info: &GroupInfo, now: SystemTime) -> Result<(), RestError> {
        let aim = self.policy.aim(info.limit);
        self.report.counted(info, aim);
        self.missing = aim.saturating_sub(info.free());
        if self.missing == 0 {
            self.phase = Phase::Done;
            return Ok(());
        }
        if info.group_type == GroupType::AvChatRoom {
            return Err(RestError::av_chat_room());
        }
        let silent_since = self.policy.inactive_until(self.measured_at(now));
        self.evidence = Evidence::begin(&self.policy, info, silent_since)?;
        if info.members.div_ceil(GetGroupMemberInfo::MAX_LIMIT) > Self::MAX_CALLS {
            return Err(RestError::too_many_calls(Self::MAX_CALLS));
        }
        self.next_msg_seq = info.next_msg_seq;
        self.plan = Plan::new(self.missing);
        self.phase = Phase::Scan(Scan::new(info));
        self.retry.progressed();
        Ok(())
    }

    fn read_page(&mut self, scan: Scan, page: MemberPage, now: SystemTime) -> Result<(), RestError> {
        let entries = u32::try_from(page.list.entries).unwrap_or(u32::MAX);
        let scanned = self.report.scanned().saturating_add(entries);
        let rest = scan.read(&page, self.report.members(), scanned)?;
        let most = self.report.limit().max(self.report.members()).max(GetGroupMemberInfo::MAX_LIMIT);
        if scanned / 4 > most {
            return Err(RestError::malformed(&"pages that do not end"));
        }
        self.report.read(entries);
        self.disturbed |= page.group_members != Some(self.report.members());
        // Across answers the later one counts, also if it spares.
        for account in &page.list.unclear {
            self.plan.forget(account);
        }
        let can_be_judged = self.evidence.page(&page.list.members);
        let measured_at = self.measured_at(now);
        for member in page.list.members {
            let may_go = can_be_judged
                && self.policy.allows(&member, measured_at)
                && !self.policy.is_reader(&member, self.next_msg_seq);
            if may_go {
                self.plan.consider(member);
            } else {
                self.plan.forget(member.account());
            }
        }
        match rest {
            Some(scan) => {
                self.retry.progressed();
                self.phase = Phase::Scan(scan);
                Ok(())
            }
            None => self.planned(),
        }
    }

    fn planned(&mut self) -> Result<(), RestError> {
        if self.report.scanned() == 0 && self.report.members() > 0 {
            return Err(RestError::malformed(&"members are counted, and none is listed"));
        }
        self.evidence.end(&self.policy, self.plan.is_empty())?;
        let members = std::mem::take(&mut self.plan).into_members();
        let outcome = Outcome::Planned;
        self.report.candidates = members.into_iter().map(|member| Candidate { member, outcome }).collect();
        if self.options.dry_run {
            self.phase = Phase::Done;
        } else {
            self.begin_round(0);
        }
        Ok(())
    }

    /// Goes on with the candidates from `start`: with as many as are missing and not on their way
    /// already, and as one removal can have.
    pub(super) fn begin_round(&mut self, start: usize) {
        let budget = usize::try_from(self.budget()).unwrap_or(usize::MAX);
        let len = budget.min(DeleteGroupMembers::MAX_ACCOUNTS);
        let end = self.report.candidates.len().min(start.saturating_add(len));
        self.retry.progressed();
        if start < end {
            self.look_again(start, end);
        } else {
            self.finish();
        }
    }

    /// How many more may be removed, who were not sent before: what got no answer counts as done.
    pub(super) fn budget(&self) -> u32 {
        self.missing.saturating_sub(self.report.unanswered())
    }

    pub(super) fn look_again(&mut self, start: usize, end: usize) {
        self.round = Round::new(start, end);
        self.phase = Phase::Look;
    }

    pub(super) fn finish(&mut self) {
        self.phase = Phase::Done;
        for candidate in &mut self.report.candidates {
            if candidate.outcome == Outcome::Planned {
                candidate.outcome = Outcome::NotNeeded;
            }
        }
    }
}
