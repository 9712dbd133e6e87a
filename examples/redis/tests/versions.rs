//! What the hand-over asks of Redis has been there since 6.2, which is not at hand here: by the words of a later one.

mod util;

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;
use util::process::{Front, Process};
use util::{Redis, eventually};

const SINCE: (u32, u32) = (6, 2);

/// Options, by the command; those of the library are its own matter.
const OPTIONS: [(&str, &[&str]); 6] = [
    ("set", &["PX", "NX", "KEEPTTL"]),
    ("xclaim", &["IDLE", "RETRYCOUNT", "JUSTID"]),
    ("xreadgroup", &["GROUP", "COUNT", "BLOCK", "STREAMS"]),
    ("xgroup create", &["MKSTREAM"]),
    ("xrange", &["COUNT"]),
    ("xtrim", &["MAXLEN"]),
];

#[test]
fn commands_and_options_are_those_of_redis_6_2() {
    let Some(redis) = Redis::start() else { return };
    redis.ask::<()>("XADD group-full * event nonsense");
    let url = redis.url();
    let flags = ["work", "--redis", &url, "--pretend", "0", "--claim-after", "1", "--max-deliveries", "1"];
    let worker = Process::start(&[&flags[..], &["--forget-after", "1"]].concat());
    let front = Front::start(&redis, &["--wait-replicas", "1"]);
    front.post("g", Some(1));
    front.post("g", None);
    worker.says("worked on");
    eventually("one is dead", || (redis.waiting() == 0 && redis.dead() == 1).then_some(()));
    assert!(worker.stop());

    let used: String = redis.ask("INFO commandstats");
    let used = used.lines().filter_map(|line| line.strip_prefix("cmdstat_")?.split_once(':'));
    let used: BTreeSet<_> = used.map(|(name, _)| name.replace('|', " ")).collect();
    for name in ["xadd", "xack", "xdel", "xpending", "xreadgroup", "wait", "eval", "evalsha", "xgroup delconsumer"] {
        assert!(used.contains(name), "{name} was not tried: {used:?}");
    }
    let options = OPTIONS.map(|(command, _)| command.to_owned());
    for command in used.iter().chain(&options) {
        // The library says its name, and does not mind a Redis that does not want to know it.
        if command != "client setinfo" {
            is_old(command, &docs(&redis, command));
        }
    }
    for (command, options) in OPTIONS {
        let docs = docs(&redis, command);
        for option in options {
            let found = find(&docs["arguments"], option).unwrap_or_else(|| panic!("{command} {option}: {docs}"));
            is_old(&format!("{command} {option}"), found);
        }
    }
    // `(` before an ID.
    for command in ["xrange", "xpending"] {
        let history = docs(&redis, command)["history"].to_string();
        assert!(history.contains("6.2.0") && history.contains("exclusive range"), "{command}: {history}");
    }
}

fn docs(redis: &Redis, command: &str) -> Value {
    let (port, name) = (redis.port.to_string(), command.replace(' ', "|"));
    let output = Command::new("redis-cli").args(["-p", &port, "--json", "COMMAND", "DOCS", &name]).output().unwrap();
    let mut docs: Value = serde_json::from_slice(&output.stdout).unwrap();
    docs[&name].take()
}

#[track_caller]
fn is_old(what: &str, docs: &Value) {
    let Some(since) = docs["since"].as_str() else {
        assert!(!docs.is_null(), "{what}");
        return;
    };
    let mut numbers = since.split('.').map(|number| number.parse::<u32>().unwrap());
    let since = (numbers.next().unwrap(), numbers.next().unwrap());
    assert!(since <= SINCE, "{what} is there since {since:?}");
}

/// Finds the argument that begins with this token.
fn find<'a>(arguments: &'a Value, token: &str) -> Option<&'a Value> {
    arguments.as_array()?.iter().find_map(|argument| {
        let found = argument["token"] == token;
        if found { Some(argument) } else { find(&argument["arguments"], token) }
    })
}
