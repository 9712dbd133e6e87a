//! Workers that make room in groups, against a stand-in for the vendor's servers.

mod util;

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use example_support::stand_in::{Fault, Group, Member, StandIn};
use im_group_full::{CallbackBody, CallbackQuery, GroupFull, SdkAppId};
use util::process::Process;
use util::{PATIENCE, Redis, eventually};

const APP: SdkAppId = SdkAppId::new(888_888);
const KEY: &str = "5bd2850fff3ecb11d7c805251c51ee46";
const MEMBERS: usize = 3_000;
const FREE: usize = 300;
/// Of 200 members.
const PAGES: usize = MEMBERS / 200;

fn vendor() -> StandIn {
    let stand_in = StandIn::start(APP, "admin", KEY, Arc::new(SystemTime::now)).unwrap();
    let long_ago = SystemTime::now() - Duration::from_secs(400 * 24 * 60 * 60);
    let long_ago = long_ago.duration_since(UNIX_EPOCH).unwrap().as_secs();
    // Each joined and spoke at a time of its own: times that are all alike show nothing.
    let members = (0..).take(MEMBERS).map(|number| {
        let joined = long_ago + number;
        Member::new(format!("user{number:04}"), joined, joined + 10_000)
    });
    let members = members.collect();
    let group = Group { kind: "Public", limit: MEMBERS, members, all_muted: false };
    stand_in.with(|vendor| vendor.groups.insert("g".to_owned(), group));
    stand_in
}

fn worker(redis: &Redis, vendor: &StandIn, more: &[&str]) -> Process {
    let (url, region, free) = (redis.url(), vendor.url(), FREE.to_string());
    let flags =
        ["work", "--redis", &url, "--make-room", "--region", &region, "--sdk-app-id", "888888", "--admin", "admin"];
    let more = [&["--free", &free, "--claim-after", "1", "--max-deliveries", "20"], more].concat();
    Process::start_with_key(&[&flags[..], &more].concat(), KEY)
}

/// Puts an event of this time into the stream as a receiver does; inactivity is measured at its time.
fn event(redis: &Redis, number: u128, topic: &str) {
    let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() + number;
    let query = "SdkAppid=888888&CallbackCommand=Group.CallbackAfterGroupFull&contenttype=json";
    let body = format!(
        r#"{{"CallbackCommand":"Group.CallbackAfterGroupFull","GroupId":"g","EventTime":{time},"TopicId":"{topic}"}}"#
    );
    let query = CallbackQuery::parse(query).unwrap();
    let event = GroupFull::assume_verified(query, CallbackBody::parse(body.as_bytes()).unwrap());
    let json = serde_json::to_string(&event).unwrap();
    redis.ask::<()>(&format!("XADD group-full * event {json}"));
}

fn all_done(redis: &Redis) {
    eventually("all is done", || (redis.waiting() == 0).then_some(()));
    assert_eq!(redis.dead(), 0);
}

/// Holds the vendor's answer to some calls until the test has done something.
fn hold(vendor: &StandIn, mut held: impl FnMut(&str) -> bool + Send + 'static) -> (Receiver<()>, Sender<()>) {
    let (reached, wait_for) = channel();
    let (go_on, may_go_on) = channel();
    vendor.on_call(move |call, _| {
        if held(&call.command) {
            reached.send(()).unwrap();
            may_go_on.recv_timeout(PATIENCE).unwrap();
        }
        Fault::None
    });
    (wait_for, go_on)
}

#[test]
fn nobody_is_removed_unless_asked_for() {
    let Some(redis) = Redis::start() else { return };
    let vendor = vendor();
    event(&redis, 1, "");
    let worker = worker(&redis, &vendor, &[]);
    worker.says(r#"would remove "user0000" from "g""#);
    worker.says("would remove 300");
    all_done(&redis);
    assert_eq!(vendor.with(|vendor| (vendor.removed.len(), vendor.count("delete_group_member"))), (0, 0));
}

#[test]
fn a_topic_is_skipped() {
    let Some(redis) = Redis::start() else { return };
    let vendor = vendor();
    event(&redis, 1, "t");
    let worker = worker(&redis, &vendor, &["--remove"]);
    worker.says(r#"skipped the topic "t""#);
    all_done(&redis);
    assert_eq!(vendor.with(|vendor| vendor.calls.len()), 0);
}

#[test]
fn a_run_outlives_its_workers() {
    let Some(redis) = Redis::start() else { return };
    let vendor = vendor();
    let (mut scans, mut deletes) = (0, 0);
    let (reached, go_on) = hold(&vendor, move |command| {
        scans += usize::from(command == "get_group_member_info");
        deletes += usize::from(command == "delete_group_member");
        (command == "get_group_member_info" && scans == 6) || (command == "delete_group_member" && deletes == 2)
    });
    event(&redis, 1, "");
    for _ in ["in the middle of the list", "in the middle of a removal"] {
        let mut victim = worker(&redis, &vendor, &["--remove"]);
        reached.recv_timeout(PATIENCE).unwrap();
        victim.kill();
        // Carried out, and nobody hears of it.
        go_on.send(()).unwrap();
    }
    let last = worker(&redis, &vendor, &["--remove"]);
    last.says(r#"going on with the run that was begun for "g""#);
    last.says(r#"removed "user0000" from "g""#);
    last.says("removed 300");
    all_done(&redis);

    let (removed, scans) = vendor.with(|vendor| (vendor.removed.clone(), vendor.count("get_group_member_info")));
    assert_eq!(removed.len(), FREE);
    assert_eq!(removed.iter().collect::<HashSet<_>>().len(), FREE);
    // The page whose answer nobody heard is read twice, and no other.
    assert_eq!(scans, PAGES + 1);
    assert_eq!(redis.ask::<Vec<String>>("KEYS {group-full}:*"), [""; 0]);
}

#[test]
fn one_worker_at_a_time() {
    let Some(redis) = Redis::start() else { return };
    let vendor = vendor();
    let mut scans = 0;
    let (reached, go_on) = hold(&vendor, move |command| {
        scans += usize::from(command == "get_group_member_info");
        command == "get_group_member_info" && scans == 2
    });
    event(&redis, 1, "");
    event(&redis, 2, "");
    let workers = [(); 2].map(|()| worker(&redis, &vendor, &["--remove", "--at-once", "1"]));
    reached.recv_timeout(PATIENCE).unwrap();
    eventually("the other one was put back", || {
        let pending: Vec<(String, String, u64, u64)> = redis.ask("XPENDING group-full workers - + 10");
        pending.iter().any(|entry| entry.3 == 0).then_some(())
    });
    go_on.send(()).unwrap();
    all_done(&redis);
    // The second run found that there is room.
    assert_eq!(vendor.with(|vendor| vendor.count("get_group_member_info")), PAGES);
    assert_eq!(vendor.with(|vendor| vendor.removed.len()), FREE);
    drop(workers);
}

#[test]
fn a_run_that_was_begun_to_remove_is_not_continued_by_a_dry_one() {
    let Some(redis) = Redis::start() else { return };
    let vendor = vendor();
    let mut deletes = 0;
    let (reached, go_on) = hold(&vendor, move |command| {
        deletes += usize::from(command == "delete_group_member");
        command == "delete_group_member" && deletes == 2
    });
    event(&redis, 1, "");
    let mut victim = worker(&redis, &vendor, &["--remove"]);
    reached.recv_timeout(PATIENCE).unwrap();
    victim.kill();
    go_on.send(()).unwrap();
    let dry = worker(&redis, &vendor, &[]);
    dry.says("would remove 100");
    all_done(&redis);
    assert_eq!(vendor.with(|vendor| vendor.removed.len()), 200);
}
