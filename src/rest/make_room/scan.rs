use serde::{Deserialize, Serialize};

use crate::rest::{GetGroupMemberInfo, GroupInfo, GroupType, MemberPage, RestError};

/// Which members are still to be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) enum Scan {
    /// In a Community: those after the vendor's cursor.
    Next(String),
    /// In every other group: those before a position in the list.
    Backwards(Backwards),
}

/// Reads from the end of the list to its beginning, because a member who leaves then shifts only those already read.
///
/// Invariant: every member who has been in the group since the scan began and is still unread is before `unread`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Backwards {
    unread: u32,
    /// How many members to ask for.
    stride: u32,
    /// The longest useful stride: the vendor's own web SDK gets 100 when it asks for more.
    longest: u32,
    /// The length of the last page that was shorter than asked for.
    short: Option<u32>,
    /// Where the last page that was shorter than asked for ended, while nothing after it is known.
    ended: Option<u32>,
    /// The largest growth of the group between two pages: pages overlap by that many members.
    overlap: u32,
    /// The latest known number of members.
    members: u32,
}

/// A page can be short by accident, even twice. So `longest` never falls below this.
const LEAST: u32 = 50;

impl Scan {
    pub(super) fn new(info: &GroupInfo) -> Self {
        if info.group_type == GroupType::Community {
            return Self::Next(String::new());
        }
        let stride = GetGroupMemberInfo::MAX_LIMIT;
        Self::Backwards(Backwards {
            unread: info.members,
            stride,
            longest: stride,
            short: None,
            ended: Some(info.members),
            overlap: 0,
            members: info.members,
        })
    }

    pub(super) fn call(&self, group_id: &str) -> GetGroupMemberInfo {
        let call = GetGroupMemberInfo::new(group_id);
        match self {
            Self::Next(next) => call.next(next.as_str()),
            Self::Backwards(list) => {
                let call = call.offset(list.from());
                call.clone().limit(list.stride).unwrap_or(call)
            }
        }
    }

    /// Advances by a page. `scanned` is the number of entries so far, including this page. Returns what is
    /// still to be read, if anything.
    pub(super) fn read(self, page: &MemberPage, members: u32, scanned: u32) -> Result<Option<Self>, RestError> {
        match (self, &page.next) {
            (Self::Backwards(list), _) => Ok(list.read(page)?.map(Self::Backwards)),
            (Self::Next(before), Some(next)) if !next.is_empty() && before == *next => {
                Err(RestError::malformed(&"`Next` does not advance"))
            }
            (Self::Next(_), Some(next)) if next.is_empty() => Ok(None),
            (Self::Next(_), Some(next)) => Ok(Some(Self::Next(next.clone()))),
            // The vendor's SDK pages mark `Next` as optional.
            (Self::Next(_), None) if scanned >= page.group_members.unwrap_or(members) => Ok(None),
            (Self::Next(_), None) => Err(RestError::malformed(&"no `Next`, but members are missing")),
        }
    }
}

impl Backwards {
    fn from(&self) -> u32 {
        self.unread.saturating_sub(self.stride.saturating_sub(self.overlap).max(1))
    }

    fn read(mut self, page: &MemberPage) -> Result<Option<Self>, RestError> {
        let from = self.from();
        let entries = u32::try_from(page.list.entries).unwrap_or(u32::MAX);
        let end = from.saturating_add(entries);
        // Newcomers may be listed before the unread members, and shift them.
        let now = page.group_members.unwrap_or(self.members);
        let grown = now.saturating_sub(self.members);
        self.unread = self.unread.saturating_add(grown);
        self.overlap = self.overlap.max(grown);
        self.members = now;

        // There are no members after the end of the list.
        let list_end = match page.group_members {
            Some(members) => members,
            None if entries == 0 => from,
            None => u32::MAX,
        };
        // The count can be larger than the list. If two pages end at the same place before it, and no member
        // was read after that, the list ends there.
        let list_end = if self.ended.is_some_and(|ended| ended == end || entries == 0) { end } else { list_end };
        if end >= self.unread.min(list_end) {
            self.unread = from;
            self.ended = self.ended.filter(|_| entries == 0);
            // One short page does not keep the stride small.
            self.stride = self.longest.min(self.stride.saturating_mul(2));
        } else if entries == 0 {
            return Err(RestError::malformed(&"an empty page in the middle of the list"));
        } else {
            if self.short == Some(entries) {
                self.longest = entries.max(LEAST);
            }
            self.short = Some(entries);
            self.ended = self.ended.map(|_| end);
            self.stride = entries;
        }
        Ok((self.unread > 0).then_some(self))
    }
}
