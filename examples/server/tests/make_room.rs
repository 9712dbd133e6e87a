//! Room is made against a stand-in for the vendor's servers, with the operator's commands.
#![cfg(target_os = "linux")]

use std::fs;
use std::sync::{Arc, mpsc};
use std::time::{Duration, SystemTime};

use example_support::stand_in::{Fault, Group, Member, StandIn, Vendor};
use example_support::testing::Started;
use example_support::vendor::unix_seconds as now;
use im_group_full::SdkAppId;

use crate::util::{GROUP, OK, Table, eventually};

mod util;

const KEY: &str = "5bd2850fff3ecb11d7c805251c51ee46";
const DAY: u64 = 86_400;
const REMOVE: &str = "delete_group_member";

struct World {
    vendor: StandIn,
    table: Table,
}

impl World {
    /// A full group, of whose 40 members a quarter have been silent for a year.
    fn new(kind: &'static str) -> Self {
        let vendor =
            StandIn::start("127.0.0.1:0", SdkAppId::new(888_888), "administrator", KEY, Arc::new(SystemTime::now))
                .unwrap();
        let member = |number: u64| {
            let joined = now() - (400 + number) * DAY;
            let spoke = if number % 4 == 1 { joined + 1 } else { now() - DAY };
            let role = if number == 0 { "Owner" } else { "Member" };
            Member { role, ..Member::new(format!("user{number:02}"), joined, spoke) }
        };
        let group = Group { kind, limit: 40, members: (0..40).map(member).collect(), all_muted: false };
        vendor.with(|vendor| vendor.groups.insert(GROUP.to_owned(), group));
        Self { vendor, table: Table::new() }
    }

    /// Starts the server, which frees 3 slots, and sends it an event.
    #[track_caller]
    fn start(&self, arguments: &[&str]) -> Started {
        let (url, key) = (self.vendor.url(), format!("{}.key", self.table.database));
        fs::write(&key, KEY).unwrap();
        let rest = ["--rest-admin", "administrator", "--rest-secret-key-file", &key, "--rest-endpoint", &url];
        let arguments = [&rest[..], &["--free", "3", "--lease", "2", "--retry-after", "0"], arguments].concat();
        let server = self.table.start(&arguments, None);
        assert_eq!(server.paste("", ""), OK);
        server
    }

    /// Starts it until it has planned this, stops it, and approves the accounts: a process, and perhaps days, lie between.
    #[track_caller]
    fn approve(&self, arguments: &[&str], planned: &str, accounts: &str) {
        let _server = self.start(arguments);
        self.table.shows(planned);
        self.table.says(&["rooms", "approve", GROUP, accounts]);
    }

    /// Shows the group until it is as wanted.
    #[track_caller]
    fn shows_group(&self, wanted: impl Fn(&str) -> bool) -> String {
        eventually(|| self.table.says(&["rooms", "show", GROUP]), wanted)
    }

    /// Sets when a member spoke last.
    fn speaks(&self, account: &str, time: u64) {
        self.vendor.with(|vendor| {
            vendor.groups.get_mut(GROUP).unwrap().find(account).unwrap().last_send_msg_time = time;
        });
    }

    fn removed(&self) -> Vec<String> {
        self.vendor.with(|vendor| vendor.removed.clone())
    }
}

const PLANNED: &str = "planned  \"@TGS#2J4SZEAEL\", 3 members would be removed\n";

#[test]
fn a_plan_is_shown_and_a_part_of_it_approved() {
    let world = World::new("Public");
    let server = world.start(&["--protect", "user01", "--protect", "nobody"]);
    let table = &world.table;
    table.shows(PLANNED);
    assert_eq!(server.paste("", ""), OK);
    let shown = table.says(&["rooms", "show", GROUP]);
    for line in [
        PLANNED,
        "  40 of 40 members at the last count, 0 slots free, 3 wanted\n",
        "       1 stay: Role\n",
        "       1 stay: Protected\n",
        "  protected, and no member: \"nobody\"\n",
        "  \"user37\"  last active 20",
    ] {
        assert!(shown.contains(line), "{shown}");
    }
    assert_eq!(shown.matches("  Planned\n").count(), 3, "{shown}");
    assert_eq!(world.removed(), [""; 0]);

    let refused = table.refuses(&["rooms", "approve", GROUP, "user37", "user02"]);
    assert_eq!(refused, "server: \"user02\" is not in the plan; nobody was approved\n");
    let approved = table.says(&["rooms", "approve", GROUP, "user37"]);
    assert_eq!(approved, "approved: 1 of 3 accounts; the worker carries it out\n");
    // The event that came since waits for its hour, because a slot is free and three are wanted.
    table.shows("resting  \"@TGS#2J4SZEAEL\"");
    assert_eq!(world.removed(), ["user37"]);
    let record = table.says(&["removals"]);
    assert!(record.contains("  \"@TGS#2J4SZEAEL\"  \"user37\"  Removed, last active 20"), "{record}");
    assert_eq!((record.lines().count(), table.says(&["removals", "another"])), (1, String::new()));
    let refused = table.refuses(&["rooms", "approve", GROUP, "--all"]);
    assert_eq!(refused, "server: \"@TGS#2J4SZEAEL\" has no plan\n");
}

#[test]
fn a_whole_plan_is_approved_and_the_limit_raised_first() {
    let world = World::new("Public");
    world.vendor.with(|vendor| vendor.package = 42);
    let raise = ["--raise-limit-to", "42"];
    world.approve(&raise, "1 members would be removed, raising the limit: Planned", "--all");
    let _server = world.start(&raise);
    world.table.shows_nothing();
    assert_eq!((world.removed().len(), world.vendor.with(|vendor| vendor.groups[GROUP].limit)), (1, 42));
}

#[test]
fn what_was_not_approved_does_not_go_with_it_either_way() {
    let world = World::new("Public");
    world.approve(&[], PLANNED, "user37");
    let _server = world.start(&["--remove"]);
    world.table.shows("resting  ");
    assert_eq!(world.removed(), ["user37"]);
}

#[test]
fn a_plan_is_made_anew_when_asked() {
    let world = World::new("Public");
    let _server = world.start(&[]);
    world.table.shows(PLANNED);
    world.speaks("user37", now());
    world.table.says(&["rooms", "retry", GROUP]);
    world.shows_group(|shown| shown.contains("Planned") && !shown.contains("user37"));
}

#[test]
fn a_policy_that_changed_since_plans_anew_and_removes_nobody() {
    let world = World::new("Public");
    drop(world.start(&[]));
    world.approve(&[], PLANNED, "--all");
    let _server = world.start(&["--protect", "user37"]);
    world.shows_group(|shown| shown.contains("stay: Protected"));
    assert_eq!(world.removed(), [""; 0]);
}

#[test]
fn removes_at_once_if_told_to() {
    let world = World::new("Public");
    let mut server = world.start(&["--remove", "--reason", "inactive", "--no-notification"]);
    server.says("removed group=\"@TGS#2J4SZEAEL\" account=\"user37\"");
    world.table.shows_nothing();
    assert_eq!((world.removed().len(), world.table.says(&["removals"]).matches("Removed").count()), (3, 3));
    let last = |vendor: &mut Vendor| vendor.calls.iter().rfind(|call| call.command == REMOVE).cloned();
    let body = world.vendor.with(last).unwrap().body;
    assert_eq!((body["Reason"].as_str(), body["Silence"].as_i64()), (Some("inactive"), Some(1)));
}

#[test]
fn everybody_who_was_removed_is_on_record_when_the_process_is_killed() {
    let world = World::new("Public");
    let (killed, told) = mpsc::channel();
    world.vendor.on_call(move |call, _| {
        if call.command != REMOVE {
            return Fault::None;
        }
        let _ = killed.send(());
        Fault::BreakAfter
    });
    let server = world.start(&["--remove"]);
    told.recv_timeout(Duration::from_secs(60)).unwrap();
    server.stop("KILL");
    let (removed, record) = (world.removed(), world.table.says(&["removals"]));
    assert_eq!(removed.len(), 3);
    for account in removed {
        assert!(record.contains(&format!("\"{account}\"  Unconfirmed")), "{account}: {record}");
    }

    // The next process looks before it sends another.
    world.vendor.on_call(|_, _| Fault::None);
    let _server = world.start(&["--remove"]);
    world.table.shows_nothing();
    assert_eq!((world.removed().len(), world.table.says(&["removals"]).matches("  Removed").count()), (3, 3));
}

#[test]
fn what_trying_again_cannot_help_is_dead_at_once_with_its_remedy() {
    let world = World::new("Community");
    let server = world.start(&["--remove"]);
    let list = world.table.shows("dead     \"@TGS#2J4SZEAEL\"");
    assert!(list.contains(" s: cannot tell who is inactive") && list.contains("set `--trust-silence`\n"), "{list}");
    assert_eq!(server.paste(GROUP, r#"@TGS#2J4SZEAEL","TopicId":"t"#), OK);
    let list = world.table.shows("dead     \"@TGS#2J4SZEAEL\" topic \"t\", not looked at for 3");
    assert!(list.contains(" s: a topic is full, not its Community"), "{list}");
    assert_eq!(world.table.says(&["rooms", "retry", GROUP]), "2 to be tried again\n");
    let refused = world.table.refuses(&["rooms", "retry", "nobody"]);
    assert_eq!(refused, "server: \"nobody\" is not in the table, or in work\n");
    assert_eq!(world.table.refuses(&["rooms", "show", "nobody"]), "server: \"nobody\" is not in the table\n");
    assert_eq!(world.removed(), [""; 0]);
}

#[test]
fn what_may_help_is_tried_again_until_it_is_too_often() {
    let world = World::new("Public");
    world.vendor.on_call(|_, _| Fault::Code(10002));
    let mut server = world.start(&["--remove", "--attempts", "2"]);
    server.says("WARN to be tried again: ");
    let list = world.table.shows("dead     \"@TGS#2J4SZEAEL\"");
    assert!(list.contains("failed 2 times: "), "{list}");
    world.vendor.on_call(|_, _| Fault::None);
    assert_eq!(world.table.says(&["rooms", "retry"]), "1 to be tried again\n");
    world.table.shows_nothing();
    assert_eq!(world.removed().len(), 3);
}

#[test]
fn a_group_whose_members_all_stay_rests_and_says_why() {
    let world = World::new("Public");
    (0..40).for_each(|number| world.speaks(&format!("user{number:02}"), now() - DAY));
    let server = world.start(&["--remove"]);
    let list = world.table.shows("resting  \"@TGS#2J4SZEAEL\", not looked at for 3");
    assert!(list.contains(": 0 of 3 slots are free; who stays: Role 1, Active 39"), "{list}");
    let calls = world.vendor.with(|vendor| vendor.calls.len());
    assert_eq!(server.paste("", ""), OK);
    assert_eq!(server.stop("TERM").0, Some(0));
    assert_eq!(world.vendor.with(|vendor| vendor.calls.len()), calls);
}

#[test]
fn a_group_that_is_gone_needs_no_room() {
    let world = World::new("Public");
    world.vendor.with(|vendor| vendor.groups.clear());
    let _server = world.start(&["--remove"]);
    world.table.shows_nothing();
}
