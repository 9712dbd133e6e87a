//! A Redis that is not the right one, or not now, and its replicas.

mod util;

use std::thread;

use util::process::{Front, Process, get, post};
use util::proxy::Proxy;
use util::{Redis, eventually, free_port};

const OK: &str = r#"{"ActionStatus":"OK","ErrorInfo":"","ErrorCode":0}"#;
const NOT_REPLICATED: &str = r#"{"ActionStatus":"FAIL","ErrorInfo":"not replicated","ErrorCode":1}"#;

/// The first copy for a replica, which waits for others otherwise.
const AT_ONCE: [&str; 2] = ["--repl-diskless-sync-delay", "0"];

/// Sends events to a Redis that then says that it is not the one, while the address leads to another one by now.
#[track_caller]
fn leaves(what_happens: &[&str], it_says: &str) {
    let Some(old) = Redis::start() else { return };
    let Some(new) = Redis::start() else { return };
    let proxy = Proxy::start(old.port);
    let front = Front::start_at(&proxy.url(), &[]);
    let worker = Process::start(&["work", "--redis", &proxy.url(), "--pretend", "0"]);
    assert_eq!(front.post("before", Some(1)), OK);
    worker.says("worked on");

    proxy.lead_to(new.port);
    for command in what_happens {
        old.ask::<()>(command);
    }
    eventually("events are OK again", || (front.post("after", Some(2)) == OK).then_some(()));
    front.process.says(&format!("redis is away, trying again: {it_says}"));
    worker.says("888888:2:after");
}

#[test]
fn a_failover_is_noticed() {
    leaves(&["REPLICAOF 127.0.0.1 1"], "ReadOnly: ");
}

#[test]
fn a_replica_that_knows_no_primary_is_left() {
    leaves(&["CONFIG SET replica-serve-stale-data no", "REPLICAOF 127.0.0.1 1"], "MasterDown: ");
}

#[test]
fn a_primary_without_replicas_is_left() {
    leaves(&["CONFIG SET min-replicas-to-write 1"], "\"NOREPLICAS\": ");
}

#[test]
fn one_that_takes_rights_away_is_left() {
    leaves(&["ACL SETUSER default -eval -evalsha -xreadgroup"], "NoPerm: ");
}

#[test]
fn an_event_waits_for_its_replica() {
    let Some(primary) = Redis::start_as(&AT_ONCE) else { return };
    let front = Front::start(&primary, &["--wait-replicas", "1"]);
    assert_eq!(front.post("g", Some(1)), NOT_REPLICATED);

    let port = primary.port.to_string();
    let Some(replica) = Redis::start_as(&["--replicaof", "127.0.0.1", &port]) else { return };
    eventually("the replica has it", || (replica.waiting() == 1).then_some(()));
    // Known already, and now also to the replica, which says so once its first copy is complete.
    eventually("the replica says so", || (front.post("g", Some(1)) == OK).then_some(()));
    assert_eq!(front.post("h", Some(1)), OK);
    assert_eq!(replica.waiting(), 2);
    replica.pause();
    // What is merged is not OK either before the replica has it.
    assert_eq!([front.post("h", Some(1)), front.post("i", Some(1))], [NOT_REPLICATED, NOT_REPLICATED]);
    replica.go_on();
}

#[test]
fn events_wait_for_the_replica_together() {
    let Some(primary) = Redis::start_as(&AT_ONCE) else { return };
    let port = primary.port.to_string();
    let Some(replica) = Redis::start_as(&["--replicaof", "127.0.0.1", &port]) else { return };
    let metrics = format!("127.0.0.1:{}", free_port());
    let front = Front::start(&primary, &["--wait-replicas", "1", "--metrics", &metrics]);
    eventually("the replica says so", || (front.post("first", Some(1)) == OK).then_some(()));
    let waits = || {
        let stats: String = primary.ask("INFO commandstats");
        let calls = stats.lines().find_map(|line| line.strip_prefix("cmdstat_wait:calls=")?.split(',').next());
        calls.unwrap().parse::<u32>().unwrap()
    };
    let before = waits();
    replica.pause();
    thread::scope(|scope| {
        for number in 0..40 {
            let address = &front.address;
            scope.spawn(move || {
                let answer = post(address, "g", Some(number));
                // A machine that is busy may take longer than Redis may.
                assert!([OK, NOT_REPLICATED].contains(&&*answer), "{answer}");
            });
        }
        eventually("all have come", || {
            let figures = get(&metrics);
            let received = figures.lines().find_map(|line| line.strip_prefix("group_full_received_total "));
            (received.unwrap().parse::<u32>().unwrap() > 40).then_some(())
        });
        replica.go_on();
    });
    let shared = waits() - before;
    assert!((1..20).contains(&shared), "{shared} times WAIT for 40 events");
    assert_eq!(primary.waiting(), 41);
}
