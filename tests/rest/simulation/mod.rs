//! A simulated vendor, a group that changes between any two calls, and everything that can go wrong on the way: nobody
//! is removed who should not be, and the report is true.
//!
//! ```text
//! SIMULATION_RUNS=100000 cargo test --release --test rest simulation -- --nocapture
//! ```
//!
//! A run that fails names its seed, and `SIMULATION_SEED=…` repeats it alone. The fuzz target `make_room` is the same
//! simulation, and chooses with its own bytes what happens.

mod chance;
mod check;
mod group;
mod vendor;

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Mutex;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::{Request, StatusCode};
use im_group_full::rest::{MakeRoom, Outcome, RestApi, SavedRun, Step};
use im_group_full::testing::Callback;
use serde_json::{Value, json};

pub use self::chance::Chance;
use self::check::{INACTIVE, Ledger, Moment, Rules, Said};
use self::vendor::Quirks;
use crate::stand_in::Vendor;
use crate::world::{APP, GROUP, NOW, SECRET, api};

#[test]
fn simulation() {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let seeds = match number("SIMULATION_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("SIMULATION_RUNS").unwrap_or(500),
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let tally = Mutex::new(BTreeMap::<_, u64>::new());
    let simulate = |seed| {
        let ended = catch_unwind(AssertUnwindSafe(|| Simulation::new(seed).run())).unwrap_or_else(|panic| {
            eprintln!("SIMULATION_SEED={seed} repeats it");
            resume_unwind(panic)
        });
        for name in ended {
            *tally.lock().unwrap().entry(name).or_default() += 1;
        }
    };
    std::thread::scope(|scope| {
        for first in 0..threads {
            let seeds = seeds.clone().skip(first).step_by(threads);
            scope.spawn(move || seeds.for_each(simulate));
        }
    });
    let tally = tally.into_inner().unwrap();
    println!("{tally:#?}");
    // A simulation in which nothing happens proves nothing.
    let runs = seeds.end - seeds.start;
    let names = "Removed Unconfirmed Rejoined Left Stays(Active) Stays(Reader) Stays(Role) Stays(Unclear) \
         Stays(NotNeeded) Stays(Online) Stays(Muted) Stays(NotApproved) Raised approved";
    for name in names.split(' ').filter(|_| runs >= 500) {
        assert!(tally.get(name).is_some_and(|count| count * 250 >= runs), "{name} hardly ever: {tally:?}");
    }
}

pub struct Simulation {
    pub chance: Chance,
    /// Two admins, who take turns.
    apis: [RestApi; 2],
    admin: usize,
    vendor: Vendor,
    quirks: Quirks,
    /// Newcomers are listed before all others.
    newcomers_first: bool,
    /// In seconds.
    last_message: u64,
    /// Removals that are still to be carried out: when, in milliseconds, and after how many counts they were handed out.
    late: Vec<(u64, Value, usize)>,
    ledger: Ledger,
    run: MakeRoom,
    now: Moment,
    /// How rare events in the group and faulty calls are: one in this many.
    busy: u64,
    faulty: u64,
    sigs: Vec<String>,
    /// Names of what has happened.
    happened: Vec<String>,
}

impl Rules {
    fn new(chance: &mut Chance, vendor: &Vendor) -> Self {
        let group = &vendor.groups[GROUP];
        let size = group.members.len().max(1);
        let account = |chance: &mut Chance| group.members.get(chance.index(size)).map(|member| member.account.clone());
        Self {
            inactive_for_secs: INACTIVE,
            free: chance.index(size + 1),
            protected: (0..chance.below(3)).filter_map(|_| account(chance)).collect(),
            max_removed_percent: chance.pick(&[10, 50, 100, 100]),
            raise_limit_to: chance.one_in(3).then(|| (group.limit + chance.index(70)).saturating_sub(8).max(1)),
            recorded_since_secs: chance.one_in(6).then(|| NOW - 2 * INACTIVE + chance.below(2 * INACTIVE + 500)),
            spare_readers: chance.one_in(3).then(|| 1 + chance.below(60)),
            ignore_online_status: chance.one_in(3),
            trust_silence: !chance.one_in(4),
            plan_only: chance.one_in(3),
        }
    }

    fn run(&self, full_at: Option<u64>) -> MakeRoom {
        let policy = serde_json::from_value(json!(self)).unwrap();
        let run = match full_at {
            Some(full_at) => {
                let event = Callback::new(APP).group_id(GROUP).event_time_millis(full_at * 1000).event();
                MakeRoom::for_event(&event, policy).unwrap()
            }
            None => MakeRoom::new(GROUP, policy),
        };
        if self.plan_only { run.plan_only() } else { run }
    }
}

impl Simulation {
    pub fn new(seed: u64) -> Self {
        let mut chance = Chance::Seed(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let vendor = group::vendor(&mut chance);
        let rules = Rules::new(&mut chance, &vendor);
        let full_at = chance.one_in(2).then_some(NOW);
        Self {
            apis: ["adminA", "adminB"].map(|admin| api(APP, admin, SECRET)),
            admin: 0,
            last_message: vendor.groups[GROUP].last_msg_time(),
            vendor,
            quirks: Quirks::new(&mut chance),
            newcomers_first: chance.one_in(4),
            late: Vec::new(),
            run: rules.run(full_at),
            ledger: Ledger::new(rules, full_at, !chance.one_in(3)),
            now: Moment { truth: NOW * 1000, clock: NOW * 1000 },
            busy: chance.pick(&[2, 4, 10, 50]),
            faulty: chance.pick(&[2, 5, 20, 1000]),
            sigs: Vec::new(),
            happened: Vec::new(),
            chance,
        }
    }

    /// Returns the names of what has happened.
    pub fn run(mut self) -> Vec<String> {
        let (mut calls, mut resumed) = (0, 0);
        loop {
            self.pass(40);
            self.restart();
            if self.chance.one_in(30) {
                self.admin = 1 - self.admin;
            }
            match self.run.step(&self.apis[self.admin], clock(self.now)) {
                Step::Send(request) => {
                    calls += 1;
                    assert!(calls <= MakeRoom::MAX_CALLS);
                    self.exchange(&request);
                }
                Step::Wait(time) => {
                    assert!(time.as_secs() <= 480, "{time:?}");
                    self.pass(u64::try_from(time.as_millis()).unwrap() + 1);
                }
                Step::Failed(_) if resumed < 2 && self.chance.one_in(2) => {
                    resumed += 1;
                    calls = 0;
                    self.run.resume();
                }
                ended => {
                    let text = format!("{ended:?}");
                    if !self.approve() {
                        self.assert_no_secret(&text);
                        break;
                    }
                }
            }
        }
        // Everything in flight arrives in the end.
        self.now.truth += 10_000_000;
        self.carry_out_late();
        self.ledger.ended(&self.run, &self.vendor.removed);
        let report = self.run.report();
        self.happened.extend(report.limit_raise().map(|raise| format!("{raise:?}")));
        self.happened.extend(report.candidates().iter().map(|candidate| format!("{:?}", candidate.outcome())));
        self.happened
    }

    /// Time passes, up to this many milliseconds; things happen in the group; clocks jump.
    fn pass(&mut self, millis: u64) {
        let passed = self.chance.below(millis + 1);
        self.now.truth += passed;
        self.now.clock += passed;
        self.carry_out_late();
        if self.chance.one_in(self.busy) {
            self.happen();
        }
        if !self.ledger.honest_clock && self.chance.one_in(8) {
            let jump = self.chance.pick(&[1, 100, 1000, 1001, 20_000, 3_600_000, 100 * 86_400_000]);
            let clock = &mut self.now.clock;
            *clock = if self.chance.one_in(2) { *clock + jump } else { clock.saturating_sub(jump) };
        }
    }

    fn carry_out_late(&mut self) {
        let late = std::mem::take(&mut self.late).into_iter();
        let (due, later): (Vec<_>, _) = late.partition(|(due, ..)| *due <= self.now.truth);
        self.late = later;
        for (_, body, counts) in due {
            self.carry_out(&body, counts);
        }
    }

    /// Carries out a removal that was handed out after this many counts.
    fn carry_out(&mut self, body: &Value, counts: usize) {
        let before = self.vendor.removed.len();
        self.vendor.answer("delete_group_member", body);
        if self.vendor.removed.len() > before {
            self.ledger.carried_out(&self.vendor, counts);
        }
    }

    /// Another worker continues the saved run, perhaps much later.
    fn restart(&mut self) {
        if !self.chance.one_in(6) {
            return;
        }
        let json = serde_json::to_string(&self.run).unwrap();
        self.assert_no_secret(&json);
        let saved: SavedRun = serde_json::from_str(&json).unwrap();
        assert_eq!(saved.report(), self.run.report());
        let full_at = self.chance.one_in(2).then_some(NOW - self.chance.below(3));
        self.ledger.full_at = self.ledger.full_at.into_iter().chain(full_at).min();
        // The current option counts.
        self.ledger.rules.plan_only ^= self.chance.one_in(8);
        if self.chance.one_in(25) && !self.vendor.groups.is_empty() {
            let rules = Rules::new(&mut self.chance, &self.vendor);
            if json!(rules) != json!(self.ledger.rules) {
                self.ledger.begins_anew(rules);
            }
        }
        let new = self.ledger.rules.run(full_at).continue_from(saved).unwrap();
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
    fn approve(&mut self) -> bool {
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
        self.happened.push("approved".to_owned());
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
        let asked = self.now;
        let removal = check::strings(&body["MemberToDel_Account"]);
        if command == "delete_group_member" {
            self.ledger.remove(&removal, asked, self.apis[self.admin].admin());
        }
        if let Some(to) = body["MaxMemberNum"].as_u64() {
            self.ledger.raise(usize::try_from(to).unwrap(), asked);
        }
        self.pass(100);
        // Refused, or an answer that leaves open whether the call was carried out, or a late one.
        let fault = match () {
            () if self.chance.one_in(40) => 1,
            () if self.chance.one_in(self.faulty) => self.chance.below(8),
            () => 8,
        };
        let open = (1..=6).contains(&fault);
        let done = fault >= 7 || (open && self.chance.one_in(2));
        let (mut answer, mut said) = (json!({ "ErrorCode": 0 }), Said::Nothing);
        if self.vendor.groups.is_empty() {
            answer = json!({ "ErrorCode": 10010, "ErrorInfo": url });
        } else if command == "delete_group_member" {
            said = Said::Removed(removal.clone());
            let counts = self.ledger.counts.len();
            if done {
                self.carry_out(&body, counts);
            } else if open && self.chance.one_in(3) {
                let due = self.now.truth + self.chance.below(300_000);
                self.late.push((due, body, counts));
            }
        } else if done && !(command == "modify_group_base_info" && self.quirks.ignores_raises) {
            (answer, said) = self.answer(command, &body);
        }
        // On its way back; sometimes for minutes.
        self.pass(if fault == 7 { 120_000 } else { 100 });
        let text = self.quirks.print(&answer);
        let says = |code: i32, info: &str| json!({ "ErrorCode": code, "ErrorInfo": info }).to_string().into_bytes();
        let (status, bytes) = match fault {
            0 => {
                let codes = [10006, 60007, 60011, 60018, 60019, 70001, 10007, 60020, 10004, 70003];
                (200, says(self.chance.pick(&codes), &url))
            }
            // The worker may have ended before it could read the answer; it saved before it sent.
            1 => (0, Vec::new()),
            2 => (self.chance.pick(&[502, 504]), format!("bad gateway for {url}").into_bytes()),
            3 => {
                let codes = [10002, 91000, 60008, 60013, 60014];
                (200, says(self.chance.pick(&codes), &url.replace("usersig=", "UserSig%3D")))
            }
            4 => (200, format!(r#"{{"ErrorCode":"{url}"}}"#).into_bytes()),
            5 => {
                let (start, end) = text.split_at(self.chance.index(text.len()));
                (200, (if self.chance.one_in(2) { start } else { &end[1..] }).into())
            }
            // Never the whole of an object, but perhaps no text.
            6 => (200, vec![u8::try_from(self.chance.below(256)).unwrap(); self.chance.index(100)]),
            _ => (200, text.into_bytes()),
        };
        if open {
            self.ledger.unanswered(removal);
        } else if fault > 0 {
            self.ledger.told(said, asked, self.now);
        }
        match StatusCode::from_u16(status) {
            Ok(status) => self.run.response(status, &bytes, clock(self.now)),
            Err(_) => self.run.no_response(clock(self.now)),
        }
    }

    fn assert_no_secret(&self, text: &str) {
        assert!(!text.contains(SECRET));
        for sig in &self.sigs {
            assert!(!text.contains(&sig[sig.len() - 32..]) && !text.contains(&sig[..32]), "{text}");
        }
    }
}

fn clock(now: Moment) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(now.clock)
}
