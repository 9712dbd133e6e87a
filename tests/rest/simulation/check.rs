//! What must hold: at every removal that is handed out or carried out, and in the end.

use std::collections::{BTreeSet, HashMap, HashSet};

use im_group_full::rest::{MakeRoom, Outcome};

use super::group::{Group, INACTIVE, Member};
use super::vendor::Told;

/// What the run was told, and what it did.
pub struct Ledger {
    pub protected: Vec<String>,
    pub spare_readers: Option<u64>,
    /// Inactivity is measured no later than at this second.
    pub full_at: Option<u64>,
    /// The clock never jumped, so that true times can be compared.
    pub honest_clock: bool,
    planned: HashMap<String, Option<Member>>,
    looked: HashMap<String, Look>,
    /// Those whose answers arrived.
    counts: Vec<Count>,
    sent: HashSet<String>,
    pub unanswered: HashSet<String>,
}

/// The last look at a member whose answer arrived.
#[derive(Clone)]
struct Look {
    told: Option<Member>,
    next_seq: u64,
    asked: Moment,
    /// What the caller's clock showed when the answer arrived, in seconds.
    measured_at: u64,
}

struct Count {
    aim: usize,
    free: usize,
    leaves: usize,
}

/// A time, in milliseconds: the true one, and what the caller's clock showed.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    pub truth: u64,
    pub clock: u64,
}

impl Ledger {
    pub fn new(protected: Vec<String>, spare_readers: Option<u64>, full_at: Option<u64>, honest_clock: bool) -> Self {
        Self {
            protected,
            spare_readers,
            full_at,
            honest_clock,
            planned: HashMap::new(),
            looked: HashMap::new(),
            counts: Vec::new(),
            sent: HashSet::new(),
            unanswered: HashSet::new(),
        }
    }

    pub fn paged(&mut self, told: Told) {
        self.planned.extend(told);
    }

    pub fn looked(&mut self, accounts: &[String], told: &Told, next_seq: u64, asked: Moment, clock: u64) {
        let measured_at = (clock / 1000).min(self.full_at.unwrap_or(u64::MAX));
        for account in accounts {
            let told = told.get(account).cloned().flatten();
            self.looked.insert(account.clone(), Look { told, next_seq, asked, measured_at });
        }
    }

    pub fn counted(&mut self, aim: usize, free: usize, leaves: usize) {
        self.counts.push(Count { aim, free, leaves });
    }

    /// A removal is handed out.
    pub fn handed_out(&mut self, accounts: &BTreeSet<String>, now: Moment) {
        assert!((1..=100).contains(&accounts.len()));
        for account in accounts {
            assert!(!self.protected.contains(account), "{account} is protected");
            let look = self.looked.remove(account).unwrap_or_else(|| panic!("{account}: removed without a look"));
            let member = look.told.unwrap_or_else(|| panic!("{account}: gone or in doubt"));
            assert_eq!(member.role, "Member", "{account}");
            assert!(member.last_active() + INACTIVE <= look.measured_at, "{account} is active: {member:?}");
            let planned = self.planned[account].as_ref().unwrap_or_else(|| panic!("{account}: planned in doubt"));
            assert_eq!((member.last_active(), member.joined), (planned.last_active(), planned.joined), "{account}");
            if let Some(messages) = self.spare_readers {
                assert!(member.read < look.next_seq && look.next_seq - 1 - member.read >= messages, "{account} reads");
                assert_eq!(member.read, planned.read, "{account}");
            }
            let age = |now: u64, asked: u64| now.saturating_sub(asked);
            assert!(age(now.clock, look.asked.clock) <= 30_000, "{account}: an old look");
            assert!(now.clock + 1000 >= look.asked.clock, "{account}: a look of tomorrow");
            assert!(
                !self.honest_clock || age(now.truth, look.asked.truth) <= 30_000,
                "{account}: an old look in truth"
            );
            self.sent.insert(account.clone());
        }
    }

    /// How many counts there were so far.
    pub fn counts(&self) -> usize {
        self.counts.len()
    }

    /// A removal that was handed out after this many counts has removed somebody.
    pub fn carried_out(&self, group: &Group, counts: usize) {
        // The first is from before the plan.
        assert!(counts >= 2, "removed without a count");
        let counted = &self.counts[counts - 1];
        let most = counted.aim.max(counted.free) + group.leaves - counted.leaves;
        assert!(group.free() <= most, "{} slots are free, aimed at {}", group.free(), counted.aim);
    }

    /// Every outcome is true. Nothing is to be carried out any more.
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
                outcome => {
                    assert!(!removed && !open, "{account} is {outcome:?}, and was removed");
                    match outcome {
                        Outcome::Left => assert!(left, "{account} did not leave"),
                        Outcome::Promoted => assert!(group.promoted.contains(account), "{account} was not promoted"),
                        Outcome::Reader => assert!(self.spare_readers.is_some()),
                        Outcome::Active => {
                            // The last answer may be one of which nothing could be understood.
                            let Some(look) = &self.looked[account].told else { continue };
                            let planned = candidate.member();
                            let changed =
                                (look.last_active(), Some(look.joined)) != (planned.last_active(), planned.joined());
                            assert!(changed || !self.honest_clock, "{account} did nothing");
                        }
                        _ => {}
                    }
                }
            }
        }
        let reported = |account: &String| run.report().candidates().iter().any(|c| c.member().account() == account);
        assert!(group.removed.iter().all(reported), "removed without a word");
    }
}
