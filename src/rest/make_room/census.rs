use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use super::Spared;

/// How many of the members that were read stay, and why.
///
/// Pages overlap where the group has grown, and a page that was short is read again: a member of one of the
/// last pages is not counted twice, and its later entry counts.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Census {
    spared: BTreeMap<Spared, u32>,
    /// Those who may be removed.
    eligible: u32,
    /// What was noted of each member on the last pages, and on which page; empty before and after the scan.
    recent: HashMap<String, (u32, Option<Spared>)>,
    page: u32,
}

/// Pages overlap by less than that.
const PAGES: u32 = 4;

impl Census {
    /// Notes that a member stays, or that it may be removed.
    pub(super) fn note(&mut self, account: &str, spared: Option<Spared>) {
        let noted = (self.page, spared);
        let before = match self.recent.get_mut(account) {
            Some(before) => Some(std::mem::replace(before, noted)),
            None => self.recent.insert(account.to_owned(), noted),
        };
        if let Some((_, before)) = before {
            let count = self.count(before);
            *count = count.saturating_sub(1);
        }
        let count = self.count(spared);
        *count = count.saturating_add(1);
    }

    /// Notes that a member stays who could have been removed by what its entry says.
    pub(super) fn change(&mut self, account: &str, spared: Spared) {
        if let Some((_, noted)) = self.recent.get_mut(account) {
            *noted = Some(spared);
        }
        self.eligible = self.eligible.saturating_sub(1);
        let count = self.count(Some(spared));
        *count = count.saturating_add(1);
    }

    pub(super) fn turn_the_page(&mut self) {
        self.page = self.page.saturating_add(1);
        let first = self.page.saturating_sub(PAGES);
        self.recent.retain(|_, (page, _)| *page >= first);
    }

    /// Ends the scan. Those who may be removed and are not among the candidates are not needed.
    pub(super) fn end(&mut self, candidates: usize) {
        let candidates = u32::try_from(candidates).unwrap_or(u32::MAX);
        let not_needed = std::mem::take(&mut self.eligible).saturating_sub(candidates);
        self.recent = HashMap::new();
        let count = self.count(Some(Spared::NotNeeded));
        *count = count.saturating_add(not_needed);
    }

    pub(super) fn get(&self) -> BTreeMap<Spared, u32> {
        self.spared.iter().filter(|(_, count)| **count > 0).map(|(spared, count)| (*spared, *count)).collect()
    }

    fn count(&mut self, spared: Option<Spared>) -> &mut u32 {
        match spared {
            Some(spared) => self.spared.entry(spared).or_default(),
            None => &mut self.eligible,
        }
    }
}
