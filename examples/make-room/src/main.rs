//! Shows how room is made in a full group, against a stand-in for the vendor's servers in this process: it
//! raises the limit, shows the plan with its reasons, approves and carries out a part of it, and records the
//! result.
//!
//! ```text
//! cargo run -p example-make-room
//! cargo run -p example-make-room -- 127.0.0.1:8090   # only the stand-in, for a loop of your own
//! ```

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use example_support::rest_client::Client;
use example_support::stand_in::{Group, Member, StandIn};
use im_group_full::SdkAppId;
use im_group_full::rest::{InactivityPolicy, MakeRoom, Outcome, Report, RestApi, SecretKey, Step};

const APP: SdkAppId = SdkAppId::new(888_888);
const ADMIN: &str = "administrator";
const SECRET_KEY: &str = "5bd2850fff3ecb11d7c805251c51ee46";
const GROUP: &str = "@TGS#2J4SZEAEL";
const DAY: u64 = 24 * 60 * 60;

fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1);
    let listen = address.as_deref().unwrap_or("127.0.0.1:0");
    let stand_in = StandIn::start(listen, APP, ADMIN, SECRET_KEY, Arc::new(SystemTime::now))?;
    // The app has bought a package of 5,020 members since the group was created.
    stand_in.with(|vendor| {
        vendor.package = 5_020;
        vendor.groups.insert(GROUP.to_owned(), full_group())
    });
    println!("the vendor's servers are played at {}", stand_in.url());
    if address.is_some() {
        println!("SDKAppID {APP}, admin {ADMIN:?}, secret key {SECRET_KEY}, group {GROUP:?}; stop it with Ctrl-C");
        loop {
            std::thread::park();
        }
    }
    let api = RestApi::new(stand_in.url().parse()?, APP, ADMIN, SecretKey::new(SECRET_KEY)?)?;

    let policy = InactivityPolicy::new(Duration::from_secs(90 * DAY), 30).raise_limit_to(5_020).protect("user00001");
    let mut run = MakeRoom::new(GROUP, policy).reason("inactive for 90 days").plan_only();
    drive(&mut run, &api)?;
    println!("\nthe plan, of which nothing is done yet:");
    show(run.report());

    let planned = run.report().candidates().iter().map(|candidate| candidate.member().account().to_owned());
    let approved: Vec<_> = planned.skip(1).collect();
    println!("\nall but the first are approved");
    run.approve(approved)?;
    drive(&mut run, &api)?;
    println!("\nwhat was done, as a worker would record it:");
    show(run.report());
    Ok(())
}

/// Carries out all steps of the run.
fn drive(run: &mut MakeRoom, api: &RestApi) -> Result<(), Box<dyn Error>> {
    // Longer than the vendor takes, and shorter than the data stays fresh.
    let client = Client::new(Duration::from_secs(10));
    loop {
        match run.step(api, SystemTime::now()) {
            Step::Send(request) => match client.send(request) {
                Ok((status, body)) => run.response(status, &body, SystemTime::now()),
                Err(_) => run.no_response(SystemTime::now()),
            },
            Step::Wait(time) => std::thread::sleep(time),
            Step::Done(_) => return Ok(()),
            Step::Failed(error) => return Err(error.clone().into()),
        }
    }
}

fn show(report: &Report) {
    let (members, limit) = (report.members(), report.limit());
    println!("{}: {members} of {limit} members at the last count, {} slots free now", report.group_id(), report.free());
    println!("raising the limit: {:?}", report.limit_raise());
    for (why, count) in report.spared() {
        println!("{count:>6} stay: {why:?}");
    }
    for candidate in report.candidates() {
        let active = days_ago(candidate.member().last_active());
        println!("{}  last active {active} days ago  {:?}", candidate.member().account(), candidate.outcome());
    }
    println!("{} removed", report.with_outcome(Outcome::Removed).count());
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

fn days_ago(time: u64) -> u64 {
    now().saturating_sub(time) / DAY
}

/// A full group of 5,000. Some have been silent for a long time, and some of these are online.
fn full_group() -> Group {
    let member = |i: u64| {
        let joined = now() - (30 + i * 7919 % 1000) * DAY;
        let spoke = if i % 3 == 0 { 0 } else { joined + (now() - joined) / 100 * (i % 100) };
        let role = if i == 0 { "Owner" } else { "Member" };
        let state = if i % 4 == 0 { "PushOnline" } else { "Offline" };
        Member { role, state, ..Member::new(format!("user{i:05}"), joined, spoke) }
    };
    let members: Vec<_> = (0..5_000).map(member).collect();
    Group { kind: "Public", limit: members.len(), members, all_muted: false }
}
