//! A stand-in with a group, and a clock that only the test moves.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::{Request, StatusCode};
use im_group_full::SdkAppId;
use im_group_full::rest::{Endpoint, InactivityPolicy, MakeRoom, Outcome, RestApi, SavedRun, SecretKey, Step};

use crate::stand_in::{Call, Group, Member, StandIn, Vendor};

pub const APP: SdkAppId = SdkAppId::new(1_400_000_001);
pub const ADMIN: &str = "administrator";
pub const SECRET: &str = "5bd2850fff3ecb11d7c805251c51ee463a25727bddc2385f3fa8bfee1bb93b5e";
pub const GROUP: &str = "@TGS#2J4SZEAEL";
pub const DAY: u64 = 24 * 60 * 60;
/// 2023-11-14 22:13:20 UTC.
pub const NOW: u64 = 1_700_000_000;
/// The inactivity period of every test.
pub const INACTIVE: u64 = 90 * DAY;

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
        let millis = u64::try_from(by.as_millis()).unwrap();
        self.0.fetch_add(millis, Ordering::SeqCst);
    }
}

/// The result of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Came {
    /// The path of the request.
    Sent(String),
    Waited(Duration),
    Done,
    Failed(String),
}

impl World {
    pub fn new(group: Group) -> Self {
        let clock = TestClock::new();
        let for_server = clock.clone();
        let stand_in = StandIn::new(APP, ADMIN, SECRET, Arc::new(move || for_server.now()));
        stand_in.with(|vendor| vendor.groups.insert(GROUP.to_owned(), group));
        Self { stand_in, api: api(APP, ADMIN, SECRET), clock }
    }

    /// Carries out one step of `run`.
    pub fn step(&self, run: &mut MakeRoom) -> Came {
        let request = match run.step(&self.api, self.clock.now()) {
            Step::Send(request) => request,
            Step::Wait(time) => {
                self.clock.advance(time);
                return Came::Waited(time);
            }
            Step::Done(_) => return Came::Done,
            Step::Failed(error) => return Came::Failed(error.to_string()),
        };
        let path = request.uri().path().to_owned();
        let response = self.send(&request);
        self.clock.advance(CALL);
        match response {
            Some((status, body)) => run.response(status, &body, self.clock.now()),
            None => run.no_response(self.clock.now()),
        }
        Came::Sent(path)
    }

    /// Returns `None` if the connection breaks.
    pub fn send(&self, request: &Request<Vec<u8>>) -> Option<(StatusCode, Vec<u8>)> {
        self.stand_in.call(request)
    }

    /// Carries out all steps of `run`.
    pub fn finish(&self, run: &mut MakeRoom) -> Came {
        for _ in 0..2000 {
            let came = self.step(run);
            if matches!(came, Came::Done | Came::Failed(_)) {
                return came;
            }
        }
        panic!("no end after 2000 steps: {:?}", run.report());
    }

    pub fn with_group<T>(&self, f: impl FnOnce(&mut Group) -> T) -> T {
        self.stand_in.with(|vendor| f(group_of(vendor)))
    }

    pub fn removed(&self) -> Vec<String> {
        self.stand_in.with(|vendor| vendor.removed.clone())
    }

    pub fn count(&self, command: &str) -> usize {
        self.stand_in.with(|vendor| vendor.count(command))
    }

    /// Returns the number of the last call of `command`.
    pub fn last_call(&self, command: &str) -> usize {
        self.stand_in.with(|vendor| vendor.calls.iter().rfind(|call| call.command == command).unwrap().number)
    }

    /// Returns whether the call at `position` or a later one looked `account` up.
    pub fn looks_at(&self, account: &str, position: usize) -> bool {
        let asks = |call: &Call| {
            let accounts = call.body["Member_List_Account"].as_array();
            accounts.is_some_and(|accounts| accounts.iter().any(|asked| asked == account))
        };
        self.stand_in.with(|vendor| vendor.calls.iter().skip(position).any(asks))
    }
}

pub fn api(app: SdkAppId, admin: &str, secret_key: &str) -> RestApi {
    RestApi::new(Endpoint::China, app, admin, SecretKey::new(secret_key).unwrap()).unwrap()
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

/// Continues a saved run in another worker, with the policy and the options of `new`.
#[track_caller]
pub fn restored(run: &MakeRoom, new: MakeRoom) -> MakeRoom {
    let saved: SavedRun = serde_json::from_str(&serde_json::to_string(run).unwrap()).unwrap();
    assert_eq!(saved.report(), run.report());
    new.continue_from(saved).unwrap()
}

pub fn accounts(run: &MakeRoom, outcome: Outcome) -> Vec<String> {
    run.report().with_outcome(outcome).map(|candidate| candidate.member().account().to_owned()).collect()
}

/// How many slots [`run`] frees.
pub const FREE: u32 = 110;

/// Two pages, two removals, and looks of one and of two calls: as small as possible, because many tests try
/// every position.
pub fn groups() -> [Group; 2] {
    [full_group("Public", 210), full_group("Community", 210)]
}

/// A run that takes every kind of call more than once.
pub fn run() -> MakeRoom {
    MakeRoom::new(GROUP, policy(FREE))
}

fn sorted(mut accounts: Vec<String>) -> Vec<String> {
    accounts.sort();
    accounts
}

/// How many calls a run takes when nothing goes wrong.
pub fn calls(group: &Group) -> usize {
    let world = World::new(group.clone());
    assert_eq!(world.finish(&mut run()), Came::Done);
    world.stand_in.with(|vendor| vendor.calls.len())
}

/// Checks that exactly the members that the stand-in removed are `Removed` in the report, each once.
#[track_caller]
pub fn assert_exact(world: &World, run: &MakeRoom) {
    assert_eq!(sorted(accounts(run, Outcome::Removed)), sorted(world.removed()));
    assert_eq!(accounts(run, Outcome::Unconfirmed), [""; 0]);
}
