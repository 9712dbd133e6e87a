//! A simulated vendor, a group that changes between any two calls, and everything that can go wrong on the way: nobody
//! is removed who should not be, and the report is true.
//!
//! ```text
//! SIMULATION_RUNS=100000 cargo test --release --test rest simulation -- --nocapture
//! ```
//!
//! A run that fails names its seed, and `SIMULATION_SEED=…` repeats it alone.

mod chance;
mod check;
mod group;
mod vendor;

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::{Request, StatusCode};
use im_group_full::rest::{InactivityPolicy, MakeRoom, Outcome, RestApi, Step};
use im_group_full::testing::Callback;
use serde_json::{Value, json};

use self::chance::Chance;
use self::check::{Ledger, Moment, Rules};
use self::group::{Group, INACTIVE, Late};
use self::vendor::Quirks;
use crate::world::{APP, GROUP, NOW, SECRET, api};

/// Counts what happened: a simulation in which nothing happens proves nothing.
type Tally = BTreeMap<String, u64>;

#[test]
fn simulation() {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let seeds = match number("SIMULATION_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("SIMULATION_RUNS").unwrap_or(500),
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let tally = std::thread::scope(|scope| {
        let share = |first: usize| {
            let seeds = seeds.clone().skip(first).step_by(threads);
            scope.spawn(move || seeds.fold(Tally::new(), simulate))
        };
        let workers: Vec<_> = (0..threads).map(share).collect();
        workers.into_iter().fold(Tally::new(), |mut all, worker| {
            for (name, count) in worker.join().unwrap_or_else(|panic| resume_unwind(panic)) {
                *all.entry(name).or_default() += count;
            }
            all
        })
    });
    println!("{tally:#?}");
    let runs = seeds.end - seeds.start;
    if runs >= 500 {
        for name in [
            "Removed",
            "Unconfirmed",
            "Rejoined",
            "Left",
            "Stays(Active)",
            "Stays(Reader)",
            "Stays(Role)",
            "Stays(Unclear)",
            "Stays(NotNeeded)",
            "Stays(Online)",
            "Stays(Muted)",
            "Stays(NotApproved)",
            "Raised",
            "approved",
        ] {
            assert!(tally.get(name).is_some_and(|count| count * 250 >= runs), "{name} hardly ever: {tally:?}");
        }
    }
}

fn simulate(mut tally: Tally, seed: u64) -> Tally {
    let result = catch_unwind(AssertUnwindSafe(|| Simulation::new(seed).run(&mut tally)));
    if let Err(panic) = result {
        eprintln!("SIMULATION_SEED={seed} repeats it");
        resume_unwind(panic);
    }
    tally
}

struct Simulation {
    chance: Chance,
    /// Two admins, who take turns.
    apis: [RestApi; 2],
    admin: usize,
    group: Group,
    quirks: Quirks,
    ledger: Ledger,
    run: MakeRoom,
    /// In milliseconds; and what the caller's clock shows instead.
    truth: u64,
    clock: u64,
    /// How rare events in the group and faulty calls are: one in this many.
    busy: u64,
    faulty: u64,
    sigs: Vec<String>,
}

fn rules(chance: &mut Chance, group: &Group) -> Rules {
    let size = group.members.len().max(1);
    let account = |chance: &mut Chance| group.members.get(chance.index(size)).map(|member| member.account.clone());
    Rules {
        protected: (0..chance.below(3)).filter_map(|_| account(chance)).collect(),
        free: 1 + chance.index(size),
        percent: chance.pick(&[10, 50, 100]),
        raise_to: chance.one_in(3).then(|| (group.limit + chance.index(70)).saturating_sub(8).max(1)),
        recorded_since: chance.one_in(6).then(|| NOW - 2 * INACTIVE + chance.below(2 * INACTIVE + 500)),
        spare_readers: chance.one_in(3).then(|| 1 + chance.below(60)),
        ask_who_is_online: !chance.one_in(3),
        plan_only: chance.one_in(3),
    }
}

/// A policy that says what the rules say.
fn policy(rules: &Rules, trust: bool) -> InactivityPolicy {
    let number = |number: usize| u32::try_from(number).unwrap();
    let mut policy = InactivityPolicy::new(Duration::from_secs(INACTIVE), number(rules.free))
        .max_removed_percent(u8::try_from(rules.percent).unwrap());
    if trust {
        policy = policy.trust_silence();
    }
    if let Some(to) = rules.raise_to {
        policy = policy.raise_limit_to(number(to));
    }
    if let Some(since) = rules.recorded_since {
        policy = policy.recorded_since(UNIX_EPOCH + Duration::from_secs(since));
    }
    if let Some(messages) = rules.spare_readers {
        policy = policy.spare_readers(u32::try_from(messages).unwrap());
    }
    if !rules.ask_who_is_online {
        policy = policy.ignore_online_status();
    }
    rules.protected.iter().fold(policy, InactivityPolicy::protect)
}

fn wanted(policy: InactivityPolicy, plan_only: bool, full_at: Option<u64>) -> MakeRoom {
    let run = match full_at {
        Some(full_at) => {
            let event = Callback::new(APP).group_id(GROUP).event_time_millis(full_at * 1000).event();
            MakeRoom::for_event(&event, policy).unwrap()
        }
        None => MakeRoom::new(GROUP, policy),
    };
    if plan_only { run.plan_only() } else { run }
}

impl Simulation {
    fn new(seed: u64) -> Self {
        let mut chance = Chance::new(seed);
        let kind = chance.pick(&["Public", "Private", "ChatRoom", "Community", "Community", "Guild"]);
        let group = Group::new(&mut chance, kind, NOW);
        let quirks = Quirks {
            broken: chance.pick(&[u64::MAX, u64::MAX, 20, 6]),
            without_member_num: chance.one_in(6),
            old_names: chance.one_in(3),
            ignores_raises: chance.one_in(12),
        };
        let rules = rules(&mut chance, &group);
        let honest_clock = !chance.one_in(3);
        let full_at = chance.one_in(2).then_some(NOW);
        Self {
            apis: ["adminA", "adminB"].map(|admin| api(APP, admin, SECRET)),
            admin: 0,
            run: wanted(policy(&rules, chance.below(4) > 0), rules.plan_only, full_at),
            group,
            quirks,
            ledger: Ledger::new(rules, full_at, honest_clock),
            truth: NOW * 1000,
            clock: NOW * 1000,
            busy: chance.pick(&[2, 4, 10, 50]),
            faulty: chance.pick(&[2, 5, 20, 1000]),
            sigs: Vec::new(),
            chance,
        }
    }

    fn run(mut self, tally: &mut Tally) {
        let (mut calls, mut resumed) = (0, 0);
        loop {
            self.pass(40);
            self.restart();
            let now = self.now();
            if self.chance.one_in(30) {
                self.admin = 1 - self.admin;
            }
            match self.run.step(&self.apis[self.admin], now) {
                Step::Send(request) => {
                    calls += 1;
                    assert!(calls <= MakeRoom::MAX_CALLS);
                    self.exchange(&request);
                }
                Step::Wait(time) => {
                    assert!(time <= Duration::from_secs(480), "{time:?}");
                    self.pass(u64::try_from(time.as_millis()).unwrap() + 1);
                }
                Step::Failed(_) if resumed < 2 && self.chance.one_in(2) => {
                    resumed += 1;
                    calls = 0;
                    self.run.resume();
                }
                ended => {
                    let text = format!("{ended:?}");
                    if self.approve(tally) {
                        continue;
                    }
                    let name = text.split(['(', ' ']).next().unwrap_or_default();
                    *tally.entry(name.to_owned()).or_default() += 1;
                    self.assert_no_secret(&text);
                    break;
                }
            }
        }
        // Everything in flight arrives in the end.
        self.truth += 10_000_000;
        self.carry_out_late();
        self.ledger.ended(&self.run, &self.group);
        if let Some(raise) = self.run.report().limit_raise() {
            *tally.entry(format!("{raise:?}")).or_default() += 1;
        }
        for candidate in self.run.report().candidates() {
            *tally.entry(format!("{:?}", candidate.outcome())).or_default() += 1;
        }
    }

    fn now(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(self.clock)
    }

    fn moment(&self) -> Moment {
        Moment { truth: self.truth, clock: self.clock }
    }

    /// Time passes, up to this many milliseconds; things happen in the group; clocks jump.
    fn pass(&mut self, millis: u64) {
        let passed = self.chance.below(millis + 1);
        self.truth += passed;
        self.clock += passed;
        self.carry_out_late();
        if self.chance.one_in(self.busy) {
            let report = self.run.report();
            let candidates: Vec<_> =
                report.candidates().iter().map(|candidate| candidate.member().account().to_owned()).collect();
            self.group.happen(&mut self.chance, self.truth / 1000, &candidates);
        }
        if !self.ledger.honest_clock && self.chance.one_in(8) {
            let jump = self.chance.pick(&[1, 100, 1000, 1001, 20_000, 3_600_000, 100 * 86_400_000]);
            self.clock = if self.chance.one_in(2) { self.clock + jump } else { self.clock.saturating_sub(jump) };
        }
    }

    fn carry_out_late(&mut self) {
        for late in self.group.due(self.truth) {
            if self.group.remove(&late.accounts) {
                self.ledger.carried_out(&self.group, late.count);
            }
        }
    }

    /// Another worker continues the saved run, perhaps much later.
    fn restart(&mut self) {
        if !self.chance.one_in(6) {
            return;
        }
        let saved = serde_json::to_string(&self.run).unwrap();
        self.assert_no_secret(&saved);
        let full_at = self.chance.one_in(2).then_some(NOW - self.chance.below(3));
        self.ledger.full_at = self.ledger.full_at.into_iter().chain(full_at).min();
        let mut same = serde_json::from_str::<Value>(&saved).unwrap()["policy"].take();
        if self.chance.one_in(25) {
            let rules = rules(&mut self.chance, &self.group);
            same = serde_json::to_value(policy(&rules, true)).unwrap();
            self.ledger.begins_anew(rules);
        } else {
            // The current option counts.
            self.ledger.rules.plan_only ^= self.chance.one_in(8);
        }
        let policy = serde_json::from_value(same).unwrap();
        let new = wanted(policy, self.ledger.rules.plan_only, full_at);
        let new = new.continue_from(serde_json::from_str(&saved).unwrap()).unwrap();
        for candidate in self.run.report().candidates() {
            if matches!(candidate.outcome(), Outcome::Unconfirmed | Outcome::Rejoined) {
                let mut kept = new.report().candidates().iter().map(|one| one.member().account());
                assert!(kept.any(|account| account == candidate.member().account()), "forgotten");
            }
        }
        self.run = new;
        if self.chance.one_in(10) {
            self.pass(200_000);
        }
    }

    /// Approves a part of a finished plan. Returns whether the run continues.
    fn approve(&mut self, tally: &mut Tally) -> bool {
        if !self.ledger.rules.plan_only || self.ledger.approved.is_some() || self.chance.one_in(4) {
            return false;
        }
        let planned = self.run.report().with_outcome(Outcome::Planned);
        let planned: Vec<_> = planned.map(|one| one.member().account().to_owned()).collect();
        let accounts: BTreeSet<_> = planned.into_iter().filter(|_| !self.chance.one_in(4)).collect();
        assert!(self.run.clone().approve(["nobody"]).is_err());
        if self.run.approve(&accounts).is_err() {
            return false;
        }
        assert!(self.run.clone().approve(&accounts).is_err(), "approved twice");
        *tally.entry("approved".to_owned()).or_default() += 1;
        self.ledger.approved = Some(accounts);
        if self.chance.one_in(3) {
            self.pass(3_600_000);
        }
        true
    }

    fn exchange(&mut self, request: &Request<Vec<u8>>) {
        let command = request.uri().path().rsplit('/').next().unwrap();
        let body: Value = serde_json::from_slice(request.body()).unwrap();
        let url = request.uri().to_string();
        let sig = url.split("usersig=").nth(1).unwrap().split('&').next().unwrap();
        self.sigs.push(sig.to_owned());
        let strings = |name: &str| -> Vec<String> {
            body[name].as_array().into_iter().flatten().map(|text| text.as_str().unwrap().to_owned()).collect()
        };
        let asked = self.moment();
        let removal: BTreeSet<_> = strings("MemberToDel_Account").into_iter().collect();
        if command == "delete_group_member" {
            self.ledger.handed_out(&removal, asked, self.apis[self.admin].admin());
        }
        let raised_to = body["MaxMemberNum"].as_u64().map(|to| usize::try_from(to).unwrap());
        if let Some(to) = raised_to {
            self.ledger.raise(to, asked);
        }
        self.pass(100);
        let fault = if self.chance.one_in(self.faulty) { 1 + self.chance.below(12) } else { 0 };
        let done = !matches!(fault, 1..=5);
        let mut answer = json!({ "ErrorCode": 0 });
        let mut said = vendor::Said::default();
        let counted = (self.group.limit, self.group.members.len(), self.group.leaves);
        let next_seq = self.group.next_seq();
        if self.group.gone {
            answer = json!({ "ErrorCode": 10010, "ErrorInfo": format!("no such group: {url}") });
        } else if done {
            match command {
                "delete_group_member" if fault == 11 => {
                    // Carried out at an unknown later time.
                    let due = self.truth + self.chance.below(300_000);
                    self.group.late.push(Late { due, accounts: removal.clone(), count: self.ledger.counts() });
                }
                "delete_group_member" => {
                    if self.group.remove(&removal) {
                        self.ledger.carried_out(&self.group, self.ledger.counts());
                    }
                }
                "modify_group_base_info" if self.quirks.ignores_raises => {}
                _ => {
                    (answer, said) = vendor::answer(&mut self.group, command, &body, &self.quirks, &mut self.chance);
                }
            }
        }
        // On its way back; sometimes for minutes.
        let slow = if fault == 12 { 120_000 } else { 100 };
        self.pass(slow);
        let group_was_gone = answer["ErrorCode"] != 0;
        let text = answer.to_string();
        let ended = self.chance.index(text.len());
        let (status, bytes) = match fault {
            // Not carried out and refused, or carried out or not without an answer.
            1 | 6 | 11 => return self.no_answer(&removal),
            2 => (502, format!("bad gateway for {url}")),
            3 => {
                let codes = [10006, 60007, 60011, 60018, 60019, 70001, 10007, 60020, 10004, 70003];
                (200, json!({ "ErrorCode": self.chance.pick(&codes), "ErrorInfo": url }).to_string())
            }
            4 | 8 => {
                let codes = [10002, 91000, 60008, 60013, 60014];
                let info = url.replace("usersig=", "UserSig%3D");
                (200, json!({ "ErrorCode": self.chance.pick(&codes), "ErrorInfo": info }).to_string())
            }
            5 | 9 => (200, format!(r#"{{"ErrorCode":"{url}"}}"#)),
            7 => (504, String::new()),
            10 => (200, text[..ended].to_owned()),
            _ => (200, text),
        };
        if self.chance.one_in(40) {
            // The worker ends before it can read the answer; it saved before it sent.
            return self.no_answer(&removal);
        }
        let arrived = status == 200 && matches!(fault, 0 | 12) && !group_was_gone;
        if !removal.is_empty() && !arrived && !matches!(fault, 3) && !group_was_gone {
            self.ledger.unanswered.extend(removal.iter().cloned());
        }
        if arrived {
            let clock = self.clock;
            match command {
                "get_group_info" => self.ledger.counted(counted, said.muted, asked, clock),
                "query_online_status" => self.ledger.online(&strings("To_Account"), &said.online, asked),
                "get_group_member_info" => self.ledger.paged(said.told),
                "get_specified_group_member_info" => {
                    self.ledger.looked(&strings("Member_List_Account"), &said.told, next_seq, asked, clock);
                }
                _ => {}
            }
        }
        let now = self.now();
        self.run.response(StatusCode::from_u16(status).unwrap(), bytes.as_bytes(), now);
    }

    fn no_answer(&mut self, removal: &BTreeSet<String>) {
        self.ledger.unanswered.extend(removal.iter().cloned());
        let now = self.now();
        self.run.no_response(now);
    }

    fn assert_no_secret(&self, text: &str) {
        assert!(!text.contains(SECRET));
        for sig in &self.sigs {
            assert!(!text.contains(&sig[sig.len() - 32..]) && !text.contains(&sig[..32]), "{text}");
        }
    }
}
