//! The invariants: for every request, for every effect, and at the end. Nothing here uses the run's own code.

use std::collections::{BTreeSet, HashMap, HashSet};

use im_group_full::rest::{MakeRoom, Outcome, Spared};
use serde::Serialize;
use serde_json::Value;

use crate::stand_in::{Member, Vendor};
use crate::world::GROUP;

/// A policy looks back a day at least.
pub const INACTIVE: u64 = 100_000;

/// What one answer says about an account; `None` if it is unclear or contradictory.
pub type Told = HashMap<String, Option<Member>>;

/// What one answer says about who is online; `None` if it is unclear or contradictory.
pub type Online = HashMap<String, Option<bool>>;

/// The readable part of one answer.
pub enum Said {
    Nothing,
    Count(Count),
    Page(Told),
    /// And the number of the group's next message.
    Look(Told, u64),
    Online(Online),
    Removed(Vec<String>),
}

#[derive(Clone, Copy)]
pub struct Count {
    pub limit: usize,
    pub members: usize,
    /// How many had left when it was made.
    pub leaves: usize,
    /// It cannot be taken to say that nobody is muted.
    pub muted: bool,
}

/// The caller's wishes: a policy, and an option of the run.
#[derive(Default, Serialize)]
pub struct Rules {
    pub inactive_for_secs: u64,
    pub free: usize,
    pub protected: BTreeSet<String>,
    pub max_removed_percent: usize,
    pub raise_limit_to: Option<usize>,
    pub recorded_since_secs: Option<u64>,
    pub spare_readers: Option<u64>,
    pub ignore_online_status: bool,
    pub trust_silence: bool,
    #[serde(skip)]
    pub plan_only: bool,
}

impl Rules {
    /// Returns how many slots are wanted in a group, how many members may be removed at most, and by how many
    /// it exceeds its limit.
    fn aim(&self, Count { limit, members, .. }: Count) -> (usize, usize, usize) {
        let most = (limit * self.max_removed_percent).div_ceil(100);
        let excess = members.saturating_sub(limit);
        (self.free.min(most.saturating_sub(excess)), most, excess)
    }

    /// Returns how many members have to be removed for that.
    fn missing(&self, count: Count) -> usize {
        let (aim, _, excess) = self.aim(count);
        (aim + excess).saturating_sub(count.limit.saturating_sub(count.members))
    }
}

/// What the run was told, what it did, and what really happened.
#[derive(Default)]
pub struct Ledger {
    pub rules: Rules,
    /// `None` until a plan is approved.
    pub approved: Option<BTreeSet<String>>,
    /// Inactivity is measured no later than at this second.
    pub full_at: Option<u64>,
    /// The clock never jumped, so true times can be compared.
    pub honest_clock: bool,
    /// The run may have been told what is not true, so the report cannot be compared with the group.
    pub lied: bool,
    planned: Told,
    looked: HashMap<String, Look>,
    online: HashMap<String, (Option<bool>, Moment)>,
    /// The latest reported mute of each member.
    mutes: HashMap<String, u64>,
    /// When the group was last reported as muted, in seconds of the caller's clock.
    muted_at: Option<u64>,
    /// Those whose answers arrived.
    pub counts: Vec<(Count, Moment)>,
    /// How many are still to be removed by the last count; `None` after a removal without an answer.
    missing: Option<usize>,
    /// Who was asked to go, with the time of joining that a look had told.
    sent: HashMap<String, u64>,
    unanswered: HashSet<String>,
    /// Those of the unanswered whom no look has shown to be gone, or to have rejoined.
    open: HashSet<String>,
    /// A run with another policy has a new report, without the removals of the run before.
    forgot: bool,
    /// Who left by themselves, joined and was promoted since the run began.
    pub left: Vec<String>,
    pub joined: Vec<String>,
    pub promoted: Vec<String>,
}

/// The last look at a member whose answer arrived.
struct Look {
    told: Option<Member>,
    next_seq: u64,
    asked: Moment,
    /// The caller's clock when the answer arrived, in seconds.
    measured_at: u64,
}

/// A time in milliseconds: the true one and the caller's.
#[derive(Clone, Copy)]
pub struct Moment {
    pub truth: u64,
    pub clock: u64,
}

impl Ledger {
    pub fn new(rules: Rules, full_at: Option<u64>, honest_clock: bool) -> Self {
        Self { rules, full_at, honest_clock, ..Self::default() }
    }

    /// Starts over with another policy. Reported mutes and sent removals are kept.
    pub fn begins_anew(&mut self, rules: Rules) {
        (self.rules, self.approved, self.forgot) = (rules, None, true);
        self.planned.clear();
        self.looked.clear();
        self.online.clear();
    }

    /// An answer arrives, to a request of the moment `asked`.
    pub fn told(&mut self, said: Said, asked: Moment, now: Moment) {
        let clock = now.clock / 1000;
        let measured_at = clock.min(self.full_at.unwrap_or(u64::MAX));
        if let Said::Page(told) | Said::Look(told, _) = &said {
            // Older ones mean nothing, unless the clock is set back for months.
            for member in told.values().flatten().filter(|member| member.mute_until + INACTIVE > measured_at) {
                let mute = self.mutes.entry(member.account.clone()).or_default();
                *mute = member.mute_until.max(*mute);
            }
        }
        match said {
            Said::Nothing => {}
            Said::Count(count) => {
                if count.muted {
                    self.muted_at = self.muted_at.max(Some(clock));
                }
                self.missing = Some(self.rules.missing(count));
                self.counts.push((count, asked));
            }
            Said::Page(told) => self.planned.extend(told),
            Said::Look(told, next_seq) => {
                let look = |told| Look { told, next_seq, asked, measured_at };
                self.open.retain(|account| match told.get(account) {
                    Some(told) => told.as_ref().is_some_and(|member| member.join_time == self.sent[account]),
                    None => true,
                });
                self.looked.extend(told.into_iter().map(|(account, told)| (account, look(told))));
            }
            Said::Online(told) => self.online.extend(told.into_iter().map(|(account, told)| (account, (told, asked)))),
            Said::Removed(accounts) => {
                self.missing = self.missing.map(|missing| missing.saturating_sub(accounts.len()));
                self.open.retain(|account| !accounts.contains(account));
            }
        }
    }

    /// The run does not learn whether these were removed.
    pub fn unanswered(&mut self, accounts: Vec<String>) {
        if !accounts.is_empty() {
            self.missing = None;
        }
        self.open.extend(accounts.iter().cloned());
        self.unanswered.extend(accounts);
    }

    fn fresh(&self, now: Moment, asked: Moment, what: &str) {
        let age = |now: u64, asked: u64| now.saturating_sub(asked);
        assert!(age(now.clock, asked.clock) <= 30_000, "{what}: old");
        assert!(now.clock + 1000 >= asked.clock, "{what}: of tomorrow");
        assert!(!self.honest_clock || age(now.truth, asked.truth) <= 30_000, "{what}: old in truth");
    }

    /// A raise is handed out.
    pub fn raise(&self, to: usize, now: Moment) {
        assert_eq!(Some(to), self.rules.raise_limit_to);
        assert!(!self.rules.plan_only || self.approved.is_some(), "raised under a plan only");
        let (count, asked) = *self.counts.last().expect("a count before a raise");
        assert!(count.limit < to, "the limit is {}", count.limit);
        assert!(self.rules.missing(count) > 0, "nothing is missing");
        self.fresh(now, asked, "the count before a raise");
    }

    /// A removal is handed out to this admin.
    pub fn remove(&mut self, accounts: &[String], now: Moment, admin: &str) {
        assert!((1..=100).contains(&accounts.len()));
        assert!(!self.rules.plan_only || self.approved.is_some(), "removed under a plan only");
        let missing = self.missing.expect("a count since the last removal without an answer");
        // Those without an answer may still go.
        let may_go = self.open.iter().chain(accounts).collect::<HashSet<_>>().len();
        assert!(may_go <= missing, "{may_go} of {missing}");
        let (count, _) = self.counts[self.counts.len() - 1];
        assert!(self.rules.raise_limit_to.is_none_or(|to| to <= count.limit), "removed before the limit was raised");
        let (_, most, excess) = self.rules.aim(count);
        assert!(excess == 0 || excess < most, "no room is made");
        for account in accounts {
            self.may_go(account, now, admin);
        }
    }

    fn may_go(&mut self, account: &str, now: Moment, admin: &str) {
        let look = self.looked.remove(account).unwrap_or_else(|| panic!("{account}: removed without a look"));
        let member = look.told.unwrap_or_else(|| panic!("{account}: gone or in doubt"));
        let rules = &self.rules;
        assert!(!rules.protected.contains(account), "{account} is protected");
        assert!(!account.starts_with("@RBT#") && account != admin, "{account} is no user");
        assert!(self.approved.as_ref().is_none_or(|approved| approved.contains(account)), "{account} is not approved");
        assert_eq!(member.role, "Member", "{account}");
        self.sent.insert(account.to_owned(), member.join_time);
        let long = |since: u64| since + INACTIVE <= look.measured_at;
        assert!(long(member.last_active()), "{account} is active: {member:?}");
        assert!(self.mutes.get(account).is_none_or(|mute| long(*mute)), "{account} could not speak");
        assert!(rules.recorded_since_secs.is_none_or(long), "{account} was not recorded");
        assert!(rules.spare_readers.is_some() || self.muted_at.is_none_or(long), "nobody could speak");
        // Some are carried over from a run with another policy.
        let carried_over = self.forgot && self.unanswered.contains(account);
        if let (Some(Some(planned)), false) = (self.planned.get(account), carried_over) {
            let activity = |member: &Member| (member.last_active(), member.join_time);
            assert_eq!(activity(&member), activity(planned), "{account}");
            assert!(rules.spare_readers.is_none() || member.msg_seq == planned.msg_seq, "{account} read on");
        } else {
            assert!(self.unanswered.contains(account), "{account} was not planned, or in doubt");
        }
        if let Some(messages) = rules.spare_readers {
            let reads = member.msg_seq >= look.next_seq || look.next_seq - 1 - member.msg_seq < messages;
            assert!(!reads, "{account} reads");
        }
        self.fresh(now, look.asked, account);
        if !rules.ignore_online_status {
            let (online, asked) = self.online[account];
            assert_eq!(online, Some(false), "{account} is online, or nobody knows");
            self.fresh(now, asked, account);
        }
    }

    /// A removal that was handed out after this many counts has removed somebody.
    pub fn carried_out(&self, vendor: &Vendor, counts: usize) {
        // Other clients change the limit. If the run has counted again since, that count may be why more are gone.
        let is_wanted = |(counted, _): &(Count, Moment)| {
            let free = counted.limit.saturating_sub(vendor.groups[GROUP].members.len());
            let (aim, ..) = self.rules.aim(*counted);
            free <= aim.max(counted.limit.saturating_sub(counted.members)) + self.left.len() - counted.leaves
        };
        assert!(
            self.forgot || self.lied || self.counts[counts - 1..].iter().any(is_wanted),
            "more are free than aimed at"
        );
    }

    /// Checks that every outcome is true. No removal is still to be carried out.
    pub fn ended(&self, run: &MakeRoom, removed: &[String]) {
        let mut seen = HashSet::new();
        for candidate in run.report().candidates() {
            let account = candidate.member().account();
            assert!(seen.insert(account), "{account} is there twice");
            let is_among = |accounts: &[String]| accounts.iter().any(|one| one == account);
            let (sent, open) = (self.sent.contains_key(account), self.unanswered.contains(account));
            let (removed, left) = (is_among(removed), is_among(&self.left));
            match candidate.outcome() {
                Outcome::Removed => assert!(sent && (self.lied || removed || left), "{account} stayed"),
                Outcome::Unconfirmed => assert!(sent && open, "{account} was not sent"),
                Outcome::Rejoined => {
                    assert!(sent && open && (self.lied || is_among(&self.joined)), "{account} did not rejoin");
                }
                Outcome::Left => assert!(!open && (self.lied || left), "{account} did not leave"),
                outcome => assert!(self.forgot || !(removed || open), "{account} is {outcome:?}, and was removed"),
            }
            let Outcome::Stays(spared) = candidate.outcome() else { continue };
            match spared {
                Spared::Role => assert!(self.lied || is_among(&self.promoted), "{account} was not promoted"),
                Spared::Reader => assert!(self.rules.spare_readers.is_some()),
                Spared::Online => assert_eq!(self.online[account].0, Some(true), "{account} was not online"),
                Spared::Muted => assert!(
                    self.mutes.contains_key(account)
                        || self.muted_at.is_some()
                        || self.rules.recorded_since_secs.is_some()
                        || !self.honest_clock,
                    "{account} was not muted"
                ),
                Spared::NotApproved => assert!(!self.approved.as_ref().unwrap().contains(account)),
                Spared::Active => {
                    // The last answer may have been unreadable.
                    let Some(look) = self.looked.get(account).and_then(|look| look.told.as_ref()) else { continue };
                    let planned = candidate.member();
                    let changed =
                        (look.last_active(), Some(look.join_time)) != (planned.last_active(), planned.joined());
                    assert!(changed || !self.honest_clock || self.full_at.is_some(), "{account} did nothing");
                }
                _ => {}
            }
        }
        assert!(self.forgot || removed.iter().all(|account| seen.contains(&**account)), "removed without a word");
    }
}

pub fn strings(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().map(|text| text.as_str().unwrap().to_owned()).collect()
}
