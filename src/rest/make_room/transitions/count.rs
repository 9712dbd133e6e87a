use std::time::SystemTime;

use super::super::evidence::Evidence;
use super::super::policy::Room;
use super::super::report::LimitRaise;
use super::super::run::Run;
use super::Phase;
use crate::rest::error::{Repr, Unproven};
use crate::rest::{GetGroupMemberInfo, GroupInfo, GroupType, MakeRoom, RestError, since_epoch};

impl Run {
    pub(super) fn counted(&mut self, info: &GroupInfo, now: SystemTime) -> Result<(), RestError> {
        self.counted_at = self.asked_at;
        if info.all_muted {
            self.muted_at = self.muted_at.max(Some(since_epoch(now).as_secs()));
        }
        let above = self.policy.raise_limit_to.filter(|to| *to > info.limit);
        if above.is_none() {
            self.unchanged = None;
        }
        self.report.limit_raise = match self.report.limit_raise {
            // The raise has become unnecessary.
            Some(LimitRaise::Planned) if above.is_none() => None,
            Some(LimitRaise::Unconfirmed) if self.raised_to.is_some_and(|to| to <= info.limit) => {
                Some(LimitRaise::Raised)
            }
            other => other,
        };
        let Some(room) = self.needed_room(info) else { return Ok(()) };
        if info.group_type == GroupType::AvChatRoom {
            return Err(RestError(Repr::AvChatRoom));
        }
        match above {
            // The plan also frees what the raise leaves missing. If inactivity cannot be judged, it is only the raise.
            Some(to) if self.stops_at_plan() => {
                self.report.limit_raise = Some(LimitRaise::Planned);
                let info = GroupInfo { limit: to, ..*info };
                self.needed_room(&info).map_or(Ok(()), |room| self.remove(&info, &room, now))
            }
            Some(to) => self.raise(to, info.limit),
            // Only the raise was approved.
            None if self.approved && !self.planned => {
                self.finish();
                Ok(())
            }
            None => self.remove(info, &room, now),
        }
    }

    /// Records a count; finishes the run if no slot is missing.
    fn needed_room(&mut self, info: &GroupInfo) -> Option<Room> {
        let mut room = self.policy.room(info);
        if self.planned {
            // The run never aims higher than its plan did.
            let less = room.aim.saturating_sub(self.report.aim());
            room.aim -= less;
            room.missing = room.missing.saturating_sub(less);
        }
        self.missing = room.missing;
        self.report.counted(info, room.aim);
        if self.missing == 0 {
            self.finish();
            return None;
        }
        Some(room)
    }

    /// Goes on to the removals, if inactivity can be judged in this group.
    fn remove(&mut self, info: &GroupInfo, room: &Room, now: SystemTime) -> Result<(), RestError> {
        if !room.covered {
            let GroupInfo { members, limit, .. } = *info;
            return Err(RestError(Repr::OverLimit { members, limit, most: room.most }));
        }
        self.judge_silence(info, now)?;
        if self.planned {
            self.recounted(info);
            return Ok(());
        }
        self.begin_scan(info)
    }

    /// Checks, before any member is read, that silence can mean anything in this group.
    fn judge_silence(&mut self, info: &GroupInfo, now: SystemTime) -> Result<(), RestError> {
        let measured_at = self.measured_at(now);
        if let Some(why) = self.silence_is_empty(measured_at) {
            return Err(RestError(Repr::SilenceUnproven(why)));
        }
        let evidence = Evidence::begin(&self.policy, info, self.policy.inactive_until(measured_at))?;
        if !self.planned {
            self.evidence = evidence;
        }
        Ok(())
    }

    /// Returns why silence in this group means nothing: it was forced or not recorded.
    pub(in super::super) fn silence_is_empty(&self, measured_at: SystemTime) -> Option<Unproven> {
        let back_to = |since: Option<u64>| since.is_some_and(|since| self.policy.looks_back_beyond(since, measured_at));
        if back_to(self.muted_at) && self.policy.spare_readers.is_none() {
            return Some(Unproven::Muted);
        }
        back_to(self.policy.recorded_since_secs).then_some(Unproven::NotRecorded)
    }

    fn begin_scan(&mut self, info: &GroupInfo) -> Result<(), RestError> {
        if info.members.div_ceil(GetGroupMemberInfo::MAX_LIMIT) > MakeRoom::MAX_CALLS {
            return Err(RestError(Repr::TooManyCalls(MakeRoom::MAX_CALLS)));
        }
        self.next_msg_seq = info.next_msg_seq;
        // The run counts again before any removal.
        self.counted_at = None;
        self.scan(info);
        self.retry.progressed();
        Ok(())
    }

    /// Raises the limit, or fails if an accepted raise changed nothing.
    fn raise(&mut self, to: u32, limit: u32) -> Result<(), RestError> {
        match self.unchanged {
            // The vendor may report it late.
            Some(0) => self.unchanged = Some(1),
            Some(_) => {
                self.unchanged = None;
                return Err(RestError(Repr::LimitUnchanged { wanted: to, limit }));
            }
            None => {
                // Do not raise a limit forever that something else keeps lowering.
                if self.report.limit_raise == Some(LimitRaise::Raised) {
                    self.retry.too_slow();
                }
                self.go(Phase::Raise { to });
            }
        }
        Ok(())
    }

    pub(super) fn raised(&mut self) {
        self.report.limit_raise = Some(LimitRaise::Raised);
        self.unchanged = Some(0);
        self.counted_at = None;
        self.go(Phase::Count);
    }
}
