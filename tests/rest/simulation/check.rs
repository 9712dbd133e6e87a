//! The invariants: for every request, for every effect, and at the end. Nothing here uses the run's own code.

use std::collections::{BTreeSet, HashMap, HashSet};

use im_group_full::rest::{MakeRoom, Outcome, Spared};

use super::group::{Group, INACTIVE};
use super::vendor::{Online, Told};
use crate::stand_in::Member;

/// The caller's wishes in numbers.
#[derive(Clone)]
pub struct Rules {
    pub protected: Vec<String>,
    pub free: usize,
    pub percent: usize,
    pub raise_to: Option<usize>,
    pub recorded_since: Option<u64>,
    pub spare_readers: Option<u64>,
    pub ask_who_is_online: bool,
    pub plan_only: bool,
}

impl Rules {
    /// Returns how many slots are wanted in a group, how many members may be removed at most, and by how many
    /// it exceeds its limit.
    fn aim(&self, limit: usize, members: usize) -> (usize, usize, usize) {
        let most = (limit * self.percent).div_ceil(100);
        let excess = members.saturating_sub(limit);
        (self.free.min(most.saturating_sub(excess)), most, excess)
    }
}

/// What the run was told and what it did.
pub struct Ledger {
    pub rules: Rules,
    /// `None` until a plan is approved.
    pub approved: Option<BTreeSet<String>>,
    /// Inactivity is measured no later than at this second.
    pub full_at: Option<u64>,
    /// The clock never jumped, so true times can be compared.
    pub honest_clock: bool,
    planned: HashMap<String, Option<Member>>,
    looked: HashMap<String, Look>,
    online: HashMap<String, (Option<bool>, Moment)>,
    /// The latest reported mute of each member.
    mutes: HashMap<String, u64>,
    /// When the group was last reported as muted, in seconds of the caller's clock.
    muted_at: Option<u64>,
    /// Those whose answers arrived.
    counts: Vec<Count>,
    sent: HashSet<String>,
    pub unanswered: HashSet<String>,
    /// A run with another policy has a new report, without the removals of the run before.
    forgot: bool,
}

/// The last look at a member whose answer arrived.
#[derive(Clone)]
struct Look {
    told: Option<Member>,
    next_seq: u64,
    asked: Moment,
    /// The caller's clock when the answer arrived, in seconds.
    measured_at: u64,
}

struct Count {
    limit: usize,
    members: usize,
    leaves: usize,
    asked: Moment,
}

/// A time in milliseconds: the true one and the caller's.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    pub truth: u64,
    pub clock: u64,
}

impl Ledger {
    pub fn new(rules: Rules, full_at: Option<u64>, honest_clock: bool) -> Self {
        Self {
            rules,
            approved: None,
            full_at,
            honest_clock,
            planned: HashMap::new(),
            looked: HashMap::new(),
            online: HashMap::new(),
            mutes: HashMap::new(),
            muted_at: None,
            counts: Vec::new(),
            sent: HashSet::new(),
            unanswered: HashSet::new(),
            forgot: false,
        }
    }

    /// Starts over with another policy. Reported mutes and sent removals are kept.
    pub fn begins_anew(&mut self, rules: Rules) {
        self.rules = rules;
        self.approved = None;
        self.forgot = true;
        self.planned.clear();
        self.looked.clear();
        self.online.clear();
    }

    pub fn paged(&mut self, told: Told) {
        self.note_mutes(&told);
        self.planned.extend(told);
    }

    pub fn looked(&mut self, accounts: &[String], told: &Told, next_seq: u64, asked: Moment, clock: u64) {
        self.note_mutes(told);
        let measured_at = (clock / 1000).min(self.full_at.unwrap_or(u64::MAX));
        for account in accounts {
            let told = told.get(account).cloned().flatten();
            self.looked.insert(account.clone(), Look { told, next_seq, asked, measured_at });
        }
    }

    fn note_mutes(&mut self, told: &Told) {
        for member in told.values().flatten() {
            let mute = self.mutes.entry(member.account.clone()).or_default();
            *mute = member.mute_until.max(*mute);
        }
    }

    pub fn online(&mut self, accounts: &[String], told: &Online, asked: Moment) {
        for account in accounts {
            self.online.insert(account.clone(), (told.get(account).copied().flatten(), asked));
        }
    }

    /// A count arrived: the limit, the members and how many had left when it was made.
    pub fn counted(&mut self, (limit, members, leaves): (usize, usize, usize), muted: bool, asked: Moment, clock: u64) {
        if muted {
            self.muted_at = self.muted_at.max(Some(clock / 1000));
        }
        self.counts.push(Count { limit, members, leaves, asked });
    }

    fn fresh(&self, now: Moment, asked: Moment, what: &str) {
        let age = |now: u64, asked: u64| now.saturating_sub(asked);
        assert!(age(now.clock, asked.clock) <= 30_000, "{what}: old");
        assert!(now.clock + 1000 >= asked.clock, "{what}: of tomorrow");
        assert!(!self.honest_clock || age(now.truth, asked.truth) <= 30_000, "{what}: old in truth");
    }

    /// A raise is handed out.
    pub fn raise(&self, to: usize, now: Moment) {
        assert_eq!(Some(to), self.rules.raise_to);
        assert!(!self.rules.plan_only || self.approved.is_some(), "raised under a plan only");
        let count = self.counts.last().expect("a count before a raise");
        assert!(count.limit < to, "the limit is {}", count.limit);
        let (aim, _, excess) = self.rules.aim(count.limit, count.members);
        assert!(aim + excess > count.limit.saturating_sub(count.members), "nothing is missing");
        self.fresh(now, count.asked, "the count before a raise");
    }

    /// A removal is handed out to this admin.
    pub fn handed_out(&mut self, accounts: &BTreeSet<String>, now: Moment, admin: &str) {
        assert!((1..=100).contains(&accounts.len()));
        assert!(!self.rules.plan_only || self.approved.is_some(), "removed under a plan only");
        let count = self.counts.last().expect("a count before a removal");
        assert!(self.rules.raise_to.is_none_or(|to| to <= count.limit), "removed before the limit was raised");
        let (_, most, excess) = self.rules.aim(count.limit, count.members);
        assert!(excess == 0 || excess < most, "no room is made");
        for account in accounts {
            self.may_go(account, now, admin);
            self.sent.insert(account.clone());
        }
    }

    fn may_go(&mut self, account: &str, now: Moment, admin: &str) {
        let rules = &self.rules;
        assert!(!rules.protected.iter().any(|one| one == account), "{account} is protected");
        assert!(!account.starts_with("@RBT#") && account != admin, "{account} is no user");
        assert!(self.approved.as_ref().is_none_or(|approved| approved.contains(account)), "{account} is not approved");
        let look = self.looked.remove(account).unwrap_or_else(|| panic!("{account}: removed without a look"));
        let member = look.told.unwrap_or_else(|| panic!("{account}: gone or in doubt"));
        assert_eq!(member.role, "Member", "{account}");
        let long = |since: u64| since + INACTIVE <= look.measured_at;
        assert!(long(member.last_active()), "{account} is active: {member:?}");
        assert!(long(self.mutes[account]), "{account} could not speak");
        assert!(rules.recorded_since.is_none_or(long), "{account} was not recorded");
        assert!(rules.spare_readers.is_some() || self.muted_at.is_none_or(long), "nobody could speak");
        match self.planned.get(account) {
            Some(Some(planned)) => {
                assert_eq!(
                    (member.last_active(), member.join_time),
                    (planned.last_active(), planned.join_time),
                    "{account}"
                );
                assert!(rules.spare_readers.is_none() || member.msg_seq == planned.msg_seq, "{account} read on");
            }
            // Carried over from a run with another policy.
            _ => assert!(self.unanswered.contains(account), "{account} was not planned, or in doubt"),
        }
        if let Some(messages) = rules.spare_readers {
            assert!(
                member.msg_seq < look.next_seq && look.next_seq - 1 - member.msg_seq >= messages,
                "{account} reads"
            );
        }
        self.fresh(now, look.asked, account);
        if rules.ask_who_is_online {
            let (online, asked) = self.online[account];
            assert_eq!(online, Some(false), "{account} is online, or nobody knows");
            self.fresh(now, asked, account);
        }
    }

    /// How many counts there were so far.
    pub fn counts(&self) -> usize {
        self.counts.len()
    }

    /// A removal that was handed out after this many counts has removed somebody.
    pub fn carried_out(&self, group: &Group, counts: usize) {
        let counted = &self.counts[counts - 1];
        let (aim, ..) = self.rules.aim(counted.limit, counted.members);
        // Another client may have set another limit since.
        let free = counted.limit.saturating_sub(group.members.len());
        let most = aim.max(counted.limit.saturating_sub(counted.members)) + group.leaves - counted.leaves;
        assert!(self.forgot || free <= most, "{free} slots are free, aimed at {aim}");
    }

    /// Checks that every outcome is true. No removal is still to be carried out.
    pub fn ended(&self, run: &MakeRoom, group: &Group) {
        let mut seen = HashSet::new();
        for candidate in run.report().candidates() {
            let account = candidate.member().account();
            assert!(seen.insert(account), "{account} is there twice");
            let (removed, sent) = (group.removed.contains(account), self.sent.contains(account));
            let open = self.unanswered.contains(account);
            let left = group.left.contains(account);
            match candidate.outcome() {
                Outcome::Removed => assert!(sent && (removed || left), "{account} stayed"),
                Outcome::Unconfirmed => assert!(sent && open, "{account} was not sent"),
                Outcome::Rejoined => assert!(sent && open && group.joins.contains(account), "{account} did not rejoin"),
                Outcome::Left => assert!(!open && left, "{account} did not leave"),
                outcome => {
                    assert!(self.forgot || (!removed && !open), "{account} is {outcome:?}, and was removed");
                    self.stays(account, outcome, group, run);
                }
            }
        }
        let reported = |account: &String| run.report().candidates().iter().any(|one| one.member().account() == account);
        assert!(self.forgot || group.removed.iter().all(reported), "removed without a word");
    }

    fn stays(&self, account: &str, outcome: Outcome, group: &Group, run: &MakeRoom) {
        match outcome {
            Outcome::Stays(Spared::Role) => assert!(group.promoted.contains(account), "{account} was not promoted"),
            Outcome::Stays(Spared::Reader) => assert!(self.rules.spare_readers.is_some()),
            Outcome::Stays(Spared::Online) => {
                assert!(self.online[account].0 == Some(true), "{account} was not online");
            }
            Outcome::Stays(Spared::Muted) => assert!(
                self.mutes[account] > 0 || self.muted_at.is_some() || self.rules.recorded_since.is_some(),
                "{account} was not muted"
            ),
            Outcome::Stays(Spared::NotApproved) => {
                assert!(self.approved.as_ref().is_some_and(|approved| !approved.contains(account)));
            }
            Outcome::Stays(Spared::Active) => {
                // The last answer may have been unreadable.
                let Some(look) = self.looked.get(account).and_then(|look| look.told.as_ref()) else { return };
                let mut candidates = run.report().candidates().iter();
                let planned = candidates.find(|one| one.member().account() == account).unwrap().member();
                let changed = (look.last_active(), Some(look.join_time)) != (planned.last_active(), planned.joined());
                assert!(changed || !self.honest_clock || self.full_at.is_some(), "{account} did nothing");
            }
            _ => {}
        }
    }
}
