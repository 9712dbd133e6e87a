//! The ways in which people run Redis: TLS, users, databases, a Cluster, Sentinels.

mod util;

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use util::process::{Front, Process};
use util::{Redis, eventually, free_port};

const OK: &str = r#"{"ActionStatus":"OK","ErrorInfo":"","ErrorCode":0}"#;
const NOT_REPLICATED: &str = r#"{"ActionStatus":"FAIL","ErrorInfo":"not replicated","ErrorCode":1}"#;

/// Sends an event through a receiver and a worker that are told so where Redis is.
#[track_caller]
fn works(flags: &[&str]) {
    let start = |command: &[&str]| Process::start(&[command, flags].concat());
    let worker = start(&["work", "--pretend", "0"]);
    let front = Front::start_with(&[flags, &["--wait-replicas", "0"]].concat());
    assert_eq!([front.post("g", Some(1)), front.post("g", Some(1)), front.post("h", None)], [OK, OK, OK]);
    for _ in ["g", "h"] {
        worker.says("worked on");
    }
    assert!(worker.stop());
}

/// A CA, and a certificate of it for this machine; returns the directory.
fn certificates(name: &str) -> PathBuf {
    let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("tls-{}-{name}", std::process::id()));
    fs::create_dir_all(&dir).unwrap();
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(["127.0.0.1".to_owned(), "localhost".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, &ca).unwrap();
    fs::write(dir.join("ca.pem"), ca.pem()).unwrap();
    fs::write(dir.join("cert.pem"), certificate.pem()).unwrap();
    fs::write(dir.join("key.pem"), key.serialize_pem()).unwrap();
    dir
}

#[test]
fn tls_with_a_ca_of_ones_own() {
    let dir = certificates("own");
    let path = |name: &str| dir.join(name).to_str().unwrap().to_owned();
    let port = free_port().to_string();
    let (ca, cert, key) = (path("ca.pem"), path("cert.pem"), path("key.pem"));
    let settings = [
        ["--tls-port", &port],
        ["--tls-cert-file", &cert],
        ["--tls-key-file", &key],
        ["--tls-ca-cert-file", &ca],
        ["--tls-auth-clients", "no"],
    ];
    let Some(_redis) = Redis::start_as(&settings.concat()) else { return };
    let url = format!("rediss://127.0.0.1:{port}");
    works(&["--redis", &url, "--ca", &ca]);

    // A stranger's CA does not do.
    let stranger = certificates("stranger").join("ca.pem");
    let worker = Process::start(&["work", "--redis", &url, "--ca", stranger.to_str().unwrap(), "--pretend", "0"]);
    worker.says("redis is away, trying again: invalid peer certificate");
}

#[test]
fn a_user_with_a_password_and_a_database() {
    let Some(redis) = Redis::start() else { return };
    // The rights that the README names.
    redis.ask::<()>(
        "ACL SETUSER im on >a,b resetkeys ~group-full ~{group-full}:* resetchannels -@all +@read +@write +@connection \
         +@scripting +xinfo|consumers +config|get +wait +time",
    );
    redis.ask::<()>("ACL SETUSER default -@all +acl +ping +select +xlen +debug");
    works(&["--redis", &format!("redis://im:a%2Cb@127.0.0.1:{}/3", redis.port)]);
}

/// The nodes talk to each other at the port 10,000 above.
fn cluster_port() -> u16 {
    (0..1_000).map(|_| free_port()).find(|port| *port < 55_000).unwrap()
}

#[test]
fn a_cluster_of_three() {
    let mut nodes = Vec::new();
    for _ in 0..3 {
        let Some(node) = Redis::start_at(cluster_port(), &["--cluster-enabled", "yes"]) else { return };
        nodes.push(node);
    }
    let addresses: Vec<_> = nodes.iter().map(|node| format!("127.0.0.1:{}", node.port)).collect();
    let mut create = Command::new("redis-cli");
    create.args(["--cluster", "create"]).args(&addresses).arg("--cluster-yes");
    assert!(create.output().unwrap().status.success());
    eventually("all slots are served", || {
        let ok = |node: &Redis| node.ask::<String>("CLUSTER INFO").starts_with("cluster_state:ok");
        nodes.iter().all(ok).then_some(())
    });
    // Whichever two are named, the stream is on the third or it is not.
    let urls: Vec<_> = addresses[..2].iter().map(|address| format!("redis://{address}")).collect();
    works(&["--cluster", "--redis", &urls.join(",")]);

    let owner = nodes.iter().position(|node| node.try_ask::<usize>("XLEN group-full").is_ok()).unwrap();
    assert!(nodes[owner].ask::<usize>("DBSIZE") > 1);
    for (number, node) in nodes.iter().enumerate() {
        assert!(number == owner || node.ask::<usize>("DBSIZE") == 0);
    }
    // WAIT has no key, and must reach the node that has the stream.
    let front = Front::start_with(&["--cluster", "--redis", &urls[0], "--wait-replicas", "1"]);
    assert_eq!(front.post("alone", Some(1)), NOT_REPLICATED);
    let Some(replica) = Redis::start_at(cluster_port(), &["--cluster-enabled", "yes"]) else { return };
    let id = nodes[owner].ask::<String>("CLUSTER MYID");
    let new = format!("127.0.0.1:{}", replica.port);
    let mut add = Command::new("redis-cli");
    add.args(["--cluster", "add-node", &new, &addresses[owner], "--cluster-slave", "--cluster-master-id", &id]);
    assert!(add.output().unwrap().status.success());
    eventually("the replica says so", || (front.post("together", Some(1)) == OK).then_some(()));
    // From another node every command is sent on by MOVED.
    let slot: u16 = nodes[owner].ask("CLUSTER KEYSLOT group-full");
    let (from, to) = (&nodes[owner], &nodes[(owner + 1) % 3]);
    let mut front = Vec::new();
    for url in &urls {
        front.push(Front::start_with(&["--cluster", "--redis", url]));
    }
    assert_eq!(front[0].post("before", Some(1)), OK);
    let output = Command::new("redis-cli")
        .args(["--cluster", "reshard", &format!("127.0.0.1:{}", from.port), "--cluster-yes"])
        .args([
            "--cluster-from",
            &from.ask::<String>("CLUSTER MYID"),
            "--cluster-to",
            &to.ask::<String>("CLUSTER MYID"),
        ])
        .args(["--cluster-slots", "16384"])
        .output()
        .unwrap();
    let moved = nodes[0].ask::<String>("CLUSTER NODES");
    assert!(to.try_ask::<usize>("XLEN group-full").is_ok(), "{slot}: {output:?} {moved}");
    assert_eq!([front[0].post("after", Some(2)), front[1].post("after", Some(3))], [OK, OK]);
}

#[test]
fn sentinels_name_the_primary() {
    let Some(primary) = Redis::start() else { return };
    let port = primary.port.to_string();
    let Some(replica) = Redis::start_as(&["--replicaof", "127.0.0.1", &port]) else { return };
    let sentinel = util::sentinel(primary.port);
    let flags = ["--redis", &format!("redis://127.0.0.1:{}", sentinel.port), "--sentinel", "mymaster"];
    works(&flags);
    let front = Front::start_with(&flags);
    eventually("the sentinel knows the replica", || {
        let known: Vec<Vec<String>> = sentinel.try_ask("SENTINEL REPLICAS mymaster").ok()?;
        let online = primary.try_ask::<String>("INFO replication").ok()?.contains("state=online");
        (known.len() == 1 && online).then_some(())
    });
    eventually("the failover begins", || sentinel.try_ask::<()>("SENTINEL FAILOVER mymaster").ok());
    eventually("the replica is promoted", || {
        // A connection may end with the promotion.
        replica.try_ask::<String>("INFO replication").ok()?.contains("role:master").then_some(())
    });
    eventually("events are OK again", || (front.post("after", Some(2)) == OK).then_some(()));
}
