use std::time::SystemTime;

use http::Request;

use super::run::Run;
use super::transitions::Phase;
use crate::rest::{
    DeleteGroupMembers, GetGroupInfo, GetGroupMemberInfo, GetSpecifiedGroupMemberInfo, ModifyGroupBaseInfo,
    QueryOnlineStatus, RestApi,
};

/// The call of a phase.
pub(super) enum Call {
    Count(GetGroupInfo),
    Raise(ModifyGroupBaseInfo),
    Page(GetGroupMemberInfo),
    Look(GetSpecifiedGroupMemberInfo),
    Presence(QueryOnlineStatus),
    Delete(DeleteGroupMembers),
}

impl Call {
    pub(super) fn request(&self, api: &RestApi, now: SystemTime) -> Request<Vec<u8>> {
        match self {
            Self::Count(call) => call.request(api, now),
            Self::Raise(call) => call.request(api, now),
            Self::Page(call) => call.request(api, now),
            Self::Look(call) => call.request(api, now),
            Self::Presence(call) => call.request(api, now),
            Self::Delete(call) => call.request(api, now),
        }
    }
}

impl Run {
    /// Returns the call of this phase; `None` if nothing is left to do.
    pub(super) fn call(&self) -> Option<Call> {
        let group_id = self.report.group_id();
        // A list is empty or too long only in a saved run that was tampered with.
        Some(match self.phase.get() {
            Phase::Done => return None,
            Phase::Count => Call::Count(GetGroupInfo::new(group_id)),
            Phase::Raise { to } => Call::Raise(ModifyGroupBaseInfo::new(group_id).max_member_num(*to)),
            Phase::Scan(scan) => Call::Page(scan.call(group_id)),
            Phase::Ask { accounts, .. } => Call::Presence(QueryOnlineStatus::new(accounts).ok()?),
            Phase::Look => {
                let accounts = self.accounts(self.round.next());
                Call::Look(GetSpecifiedGroupMemberInfo::new(group_id, accounts).ok()?)
            }
            Phase::LookOnline => Call::Presence(QueryOnlineStatus::new(self.accounts(&self.round.to_remove)).ok()?),
            Phase::Delete => {
                let mut call = DeleteGroupMembers::new(group_id, self.accounts(&self.round.to_remove)).ok()?;
                if self.options.no_notification {
                    call = call.no_notification();
                }
                if let Some(reason) = &self.options.reason {
                    call = call.reason(reason);
                }
                Call::Delete(call)
            }
        })
    }

    fn accounts<'a>(&'a self, indices: &'a [usize]) -> impl Iterator<Item = &'a str> {
        indices.iter().filter_map(|index| Some(self.report.candidates.get(*index)?.member().account()))
    }
}
