//! A stand-in with a group, and a clock that only the test moves.

use std::borrow::BorrowMut;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use im_group_full::SdkAppId;
use im_group_full::rest::{Endpoint, InactivityPolicy, MakeRoom, Outcome, RestApi, SavedRun, SecretKey, Step};
use im_group_full::testing::Callback;

use crate::canned::Next;
use crate::stand_in::{Call, Fault, Group, Member, StandIn, Vendor};

pub const APP: SdkAppId = SdkAppId::new(1_400_000_001);
pub const ADMIN: &str = "administrator";
pub const SECRET: &str = "5bd2850fff3ecb11d7c805251c51ee463a25727bddc2385f3fa8bfee1bb93b5e";
pub const GROUP: &str = "@TGS#2J4SZEAEL";
pub const DAY: u64 = 24 * 60 * 60;
/// 2023-11-14 22:13:20 UTC.
pub const NOW: u64 = 1_700_000_000;
/// The inactivity period of every test.
pub const INACTIVE: u64 = 90 * DAY;

/// The commands of a run.
pub const COUNT: &str = "get_group_info";
pub const PAGE: &str = "get_group_member_info";
pub const LOOK: &str = "get_specified_group_member_info";
pub const ASK: &str = "query_online_status";
pub const REMOVE: &str = "delete_group_member";
pub const RAISE: &str = "modify_group_base_info";

/// The duration of a call on the test's clock: 100 calls per second.
const CALL: Duration = Duration::from_millis(10);

pub struct World {
    pub stand_in: StandIn,
    pub api: RestApi,
    pub clock: TestClock,
}

#[derive(Clone)]
pub struct TestClock(Arc<AtomicU64>);

impl TestClock {
    pub fn new() -> Self {
        Self(Arc::new(AtomicU64::new(NOW * 1000)))
    }

    pub fn now(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(self.0.load(Ordering::SeqCst))
    }

    pub fn advance(&self, by: Duration) {
        self.0.fetch_add(u64::try_from(by.as_millis()).unwrap(), Ordering::SeqCst);
    }

    pub fn set(&self, secs: u64) {
        self.0.store(secs * 1000, Ordering::SeqCst);
    }
}

impl World {
    pub fn new(group: Group) -> Self {
        let clock = TestClock::new();
        let for_server = clock.clone();
        let stand_in = StandIn::new(APP, ADMIN, SECRET, Arc::new(move || for_server.now()));
        stand_in.with(|vendor| vendor.groups.insert(GROUP.to_owned(), group));
        Self { stand_in, api: api(APP, ADMIN, SECRET), clock }
    }

    /// With a [`full_group`].
    pub fn full(kind: &'static str, members: usize) -> Self {
        Self::new(full_group(kind, members))
    }

    /// Carries out one step of `run`, which must not fail; returns whether it is done.
    pub fn is_done(&self, run: &mut MakeRoom) -> bool {
        let next = self.step(run);
        assert!(!matches!(next, Next::Failed(..)), "{next:?}");
        next == Next::Done
    }

    /// Carries out one step of `run`, and returns it.
    pub fn step(&self, run: &mut MakeRoom) -> Next {
        let step = run.step(&self.api, self.clock.now());
        let next = Next::from(&step);
        match step {
            Step::Send(request) => {
                let response = self.stand_in.call(&request);
                self.clock.advance(CALL);
                match response {
                    Some((status, body)) => run.response(status, &body, self.clock.now()),
                    None => run.no_response(self.clock.now()),
                }
            }
            Step::Wait(time) => self.clock.advance(time),
            Step::Done(_) | Step::Failed(_) => {}
        }
        next
    }

    pub fn steps(&self, run: &mut MakeRoom, number: usize) {
        (0..number).for_each(|_| drop(self.step(run)));
    }

    /// Carries out the steps of `run` up to its first call of `command`.
    pub fn until(&self, run: &mut MakeRoom, command: &str) {
        while self.count(command) == 0 {
            let next = self.step(run);
            assert!(matches!(next, Next::Call(..) | Next::Wait(_)), "{next:?} before {command}");
        }
    }

    /// Carries out all steps of `run`, and returns its end.
    pub fn finish(&self, run: &mut MakeRoom) -> Next {
        for _ in 0..2000 {
            let next = self.step(run);
            if matches!(next, Next::Done | Next::Failed(..)) {
                return next;
            }
        }
        panic!("no end after 2000 steps: {:?}", run.report());
    }

    /// Carries out all steps of `run`, which must not fail.
    #[track_caller]
    pub fn done<R: BorrowMut<MakeRoom>>(&self, mut run: R) -> R {
        let end = self.finish(run.borrow_mut());
        assert_eq!(end, Next::Done, "{:?}", run.borrow().report());
        run
    }

    /// The call with this number has a fault.
    pub fn fault_at(&self, position: usize, fault: Fault) {
        self.stand_in.on_call(move |call, _| if call.number == position { fault } else { Fault::None });
    }

    /// Every call of `command` has a fault.
    pub fn fault_on(&self, command: &'static str, fault: Fault) {
        self.stand_in.on_call(move |call, _| if call.command == command { fault } else { Fault::None });
    }

    pub fn no_faults(&self) {
        self.stand_in.on_call(|_, _| Fault::None);
    }

    /// Changes something before each call is carried out.
    pub fn before_calls(&self, mut change: impl FnMut(&Call, &mut Vendor) + Send + 'static) {
        self.stand_in.on_call(move |call, vendor| {
            change(call, vendor);
            Fault::None
        });
    }

    /// Changes the group before the call with this number is carried out.
    pub fn before_call(&self, position: usize, mut change: impl FnMut(&mut Group) + Send + 'static) {
        self.before_calls(move |call, vendor| {
            if call.number == position {
                change(group_of(vendor));
            }
        });
    }

    pub fn with_group<T>(&self, f: impl FnOnce(&mut Group) -> T) -> T {
        self.stand_in.with(|vendor| f(group_of(vendor)))
    }

    pub fn free(&self) -> usize {
        self.with_group(|group| group.limit - group.members.len())
    }

    /// Returns whom [`policy`] removes from the group, if it is to free this many slots.
    pub fn expected(&self, free: usize) -> Vec<String> {
        self.with_group(|group| expected(group, &[], free))
    }

    pub fn removed(&self) -> Vec<String> {
        self.stand_in.with(|vendor| vendor.removed.clone())
    }

    pub fn calls(&self) -> usize {
        self.stand_in.with(|vendor| vendor.calls.len())
    }

    pub fn count(&self, command: &str) -> usize {
        self.stand_in.with(|vendor| vendor.count(command))
    }
}

pub fn api(app: SdkAppId, admin: &str, secret_key: &str) -> RestApi {
    RestApi::new(Endpoint::China, app, admin, SecretKey::new(secret_key).unwrap()).unwrap()
}

/// Lets these members send a message at this second, if they are in the group.
pub fn speak<'a>(group: &mut Group, accounts: impl IntoIterator<Item = &'a String>, second: u64) {
    for account in accounts {
        if let Some(member) = group.find(account) {
            member.last_send_msg_time = second;
        }
    }
}

pub fn group_of(vendor: &mut Vendor) -> &mut Group {
    vendor.groups.get_mut(GROUP).unwrap()
}

/// A full group: an owner, an admin, and ordinary members `u00002`.. The list is not in the order of activity; one in
/// ten members is active.
pub fn full_group(kind: &'static str, members: usize) -> Group {
    let list = (0..members).map(|i| {
        let account = format!("u{i:05}");
        let shuffled = (i as u64 * 7919) % members as u64;
        let active = NOW - 1000 * DAY + shuffled * 60;
        match i {
            0 => Member { role: "Owner", ..Member::new(account, NOW - 2000 * DAY, 0) },
            1 => Member { role: "Admin", ..Member::new(account, NOW - 2000 * DAY, 0) },
            _ if i % 10 == 0 => Member::new(account, active, NOW - DAY),
            _ if i % 3 == 0 => Member::new(account, active, 0),
            _ => Member::new(account, NOW - 1500 * DAY, active),
        }
    });
    Group { kind, limit: members, members: list.collect(), all_muted: false }
}

/// Returns whom the policy removes from `group`, in the simplest way.
pub fn expected(group: &Group, protected: &[&str], free: usize) -> Vec<String> {
    let mut eligible: Vec<_> = group
        .members
        .iter()
        .filter(|member| member.role == "Member" && !protected.contains(&member.account.as_str()))
        .map(|member| (member.last_active(), member.join_time, member.account.clone()))
        .filter(|(active, _, _)| NOW - active >= INACTIVE)
        .collect();
    eligible.sort();
    eligible.into_iter().map(|(_, _, account)| account).take(free).collect()
}

pub fn policy(free: u32) -> InactivityPolicy {
    anybody(InactivityPolicy::new(Duration::from_secs(INACTIVE), free))
}

/// Without the limits that would exclude small groups and Communities from the tests.
pub fn anybody(policy: InactivityPolicy) -> InactivityPolicy {
    policy.max_removed_percent(100).trust_silence().ignore_online_status()
}

/// A run for an event of this second, if that is known.
pub fn for_event(second: Option<u64>, policy: InactivityPolicy) -> MakeRoom {
    let event = Callback::new(APP).group_id(GROUP).event_time_millis(second.map(|second| second * 1000)).event();
    MakeRoom::for_event(&event, policy).unwrap()
}

pub fn saved(run: &MakeRoom) -> SavedRun {
    serde_json::from_str(&serde_json::to_string(run).unwrap()).unwrap()
}

/// Continues a saved run in another worker, with the policy and the options of `new`.
#[track_caller]
pub fn restored(run: &MakeRoom, new: MakeRoom) -> MakeRoom {
    let saved = saved(run);
    assert_eq!(saved.report(), run.report());
    new.continue_from(saved).unwrap()
}

pub fn accounts(run: &MakeRoom, outcome: Outcome) -> Vec<String> {
    run.report().with_outcome(outcome).map(|candidate| candidate.member().account().to_owned()).collect()
}

pub fn sorted(mut accounts: Vec<String>) -> Vec<String> {
    accounts.sort();
    accounts
}

/// How many slots [`run`] frees.
pub const FREE: usize = 110;

/// How many calls [`run`] takes when nothing goes wrong.
pub const CALLS: usize = 9;

/// A run that takes every kind of call more than once in one of [`worlds`].
pub fn run() -> MakeRoom {
    MakeRoom::new(GROUP, policy(110))
}

/// Two pages, two removals, and looks of one and of two calls: as small as possible, because many tests try
/// every position.
pub fn worlds() -> [World; 2] {
    ["Public", "Community"].map(|kind| World::full(kind, 210))
}

/// [`worlds`] for each of the calls of [`run`], with its number.
pub fn worlds_of_each_call() -> impl Iterator<Item = (usize, World)> {
    (0..CALLS).flat_map(|position| worlds().map(|world| (position, world)))
}

/// Checks that the run removed these members, in this order, and that its report is exact.
#[track_caller]
pub fn assert_removed(world: &World, run: &MakeRoom, expected: &[String], context: &str) {
    assert_eq!(accounts(run, Outcome::Removed), expected, "{context}");
    assert_exact(world, run);
}

/// Checks that exactly the members that the stand-in removed are `Removed` in the report, each once.
#[track_caller]
pub fn assert_exact(world: &World, run: &MakeRoom) {
    assert_eq!(sorted(accounts(run, Outcome::Removed)), sorted(world.removed()));
    assert_eq!(accounts(run, Outcome::Unconfirmed), [""; 0]);
}
