use std::borrow::Cow;
use std::collections::HashMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Member, Role, wire};
use crate::body::Text;

/// The members in one response.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct MemberList {
    /// The members whose entry is clear, each once, in the vendor's order. Some may have no join time: check
    /// [`Member::joined`] before you rely on [`Member::last_active`].
    pub members: Vec<Member>,
    /// The accounts whose entry is unclear: `Role` or `LastSendMsgTime` is missing or cannot be read, `JoinTime` or
    /// `MuteUntil` cannot be read, a field comes twice, or two entries contradict each other. Do not remove these.
    pub unclear: Vec<String>,
    /// How many entries have no readable account. They can be anyone.
    pub unnamed: usize,
    /// How many entries the response has.
    pub entries: usize,
}

impl MemberList {
    pub(super) fn read(entries: &[&RawValue]) -> Self {
        let mut list = Self { entries: entries.len(), ..Self::default() };
        let mut found: Vec<(Cow<'_, str>, Option<Member>)> = Vec::with_capacity(entries.len());
        let mut places = HashMap::with_capacity(entries.len());
        for entry in entries {
            let Some((account, member)) = read(entry.get()) else {
                list.unnamed += 1;
                continue;
            };
            let place = *places.entry(account.clone()).or_insert(found.len());
            match found.get_mut(place) {
                Some((_, before)) if *before == member => {}
                Some((_, before)) => *before = None,
                None => found.push((account, member)),
            }
        }
        for (account, member) in found {
            match member {
                Some(member) => list.members.push(member),
                None => list.unclear.push(account.into_owned()),
            }
        }
        list
    }

    /// Returns whether there are entries and none can be understood: then the whole response is wrong, not one member.
    pub(super) fn is_nonsense(entries: &[&RawValue]) -> bool {
        !entries.is_empty() && !entries.iter().any(|entry| matches!(read(entry.get()), Some((_, Some(_)))))
    }
}

/// The fields, each undecoded: an unreadable one must not hide the account.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Fields<'a> {
    #[serde(borrow, rename = "Member_Account")]
    account: Option<&'a RawValue>,
    #[serde(borrow)]
    role: Option<&'a RawValue>,
    #[serde(borrow)]
    join_time: Option<&'a RawValue>,
    #[serde(borrow)]
    last_send_msg_time: Option<&'a RawValue>,
    #[serde(borrow)]
    msg_seq: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "wire::given")]
    mute_until: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "wire::given")]
    shut_up_until: Option<&'a RawValue>,
}

/// Returns the account, and the member if all of it can be understood.
fn read(entry: &str) -> Option<(Cow<'_, str>, Option<Member>)> {
    // A derived `Deserialize` also accepts an array of the fields.
    if !entry.trim_ascii_start().starts_with('{') {
        return None;
    }
    let Ok(fields) = serde_json::from_str::<Fields<'_>>(entry) else {
        // For example, a field is given twice.
        return Some((account(serde_json::from_str::<AccountOnly<'_>>(entry).ok()?.account?)?, None));
    };
    let account = account(fields.account?)?;
    let member = || {
        let role = serde_json::from_str::<Text<'_>>(fields.role?.get()).ok()?.0;
        // One of the vendor's samples has `"Role": "Member "`.
        let role = match role.trim_ascii() {
            "Owner" => Role::Owner,
            "Admin" => Role::Admin,
            "Member" => Role::Member,
            _ => return None,
        };
        let join_time = match fields.join_time {
            None => 0,
            given => wire::number(given)?,
        };
        let last_send_msg_time = wire::number(fields.last_send_msg_time)?;
        let msg_seq = wire::number(fields.msg_seq);
        // Under either name; `null` is not a number.
        let until = |found: Option<&RawValue>| found.map_or(Some(0), |found| wire::number(Some(found)));
        let mute_until = until(fields.mute_until)?.max(until(fields.shut_up_until)?);
        Some(Member { account: account.clone().into_owned(), role, join_time, last_send_msg_time, msg_seq, mute_until })
    };
    let member = member();
    Some((account, member))
}

#[derive(Deserialize)]
struct AccountOnly<'a> {
    #[serde(borrow, rename = "Member_Account")]
    account: Option<&'a RawValue>,
}

/// Rejects an account that was cut within a character: it could be another one's.
fn account(value: &RawValue) -> Option<Cow<'_, str>> {
    let Text(account) = serde_json::from_str(value.get()).ok()?;
    let whole = !account.is_empty() && !account.contains(char::REPLACEMENT_CHARACTER);
    whole.then_some(account)
}
