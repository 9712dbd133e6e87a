use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use super::Spared;

/// Counts the members that stay, by reason.
///
/// Pages overlap if the group grows, and the run reads again after a short page. A member on several of the
/// last pages counts once, by its latest entry.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Census {
    spared: BTreeMap<Spared, u32>,
    /// Members that may be removed.
    eligible: u32,
    /// The latest note on each member of the last pages, with its page; empty before and after the scan.
    recent: HashMap<String, (u32, Option<Spared>)>,
    page: u32,
}

/// More pages than can overlap.
const PAGES: u32 = 4;

impl Census {
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
        self.add(spared, 1);
    }

    /// Notes that a member stays although its entry allowed removing it.
    pub(super) fn change(&mut self, account: &str, spared: Spared) {
        if let Some((_, noted)) = self.recent.get_mut(account) {
            *noted = Some(spared);
        }
        self.eligible = self.eligible.saturating_sub(1);
        self.add(Some(spared), 1);
    }

    pub(super) fn turn_the_page(&mut self) {
        self.page = self.page.saturating_add(1);
        let first = self.page.saturating_sub(PAGES);
        self.recent.retain(|_, (page, _)| *page >= first);
    }

    /// Ends the scan. Removable members beyond the candidates count as not needed.
    pub(super) fn end(&mut self, candidates: usize) {
        let candidates = u32::try_from(candidates).unwrap_or(u32::MAX);
        let not_needed = std::mem::take(&mut self.eligible).saturating_sub(candidates);
        self.recent = HashMap::new();
        self.add(Some(Spared::NotNeeded), not_needed);
    }

    pub(super) fn get(&self) -> BTreeMap<Spared, u32> {
        self.spared.iter().filter(|(_, count)| **count > 0).map(|(spared, count)| (*spared, *count)).collect()
    }

    fn add(&mut self, spared: Option<Spared>, members: u32) {
        let count = self.count(spared);
        *count = count.saturating_add(members);
    }

    fn count(&mut self, spared: Option<Spared>) -> &mut u32 {
        match spared {
            Some(spared) => self.spared.entry(spared).or_default(),
            None => &mut self.eligible,
        }
    }
}
