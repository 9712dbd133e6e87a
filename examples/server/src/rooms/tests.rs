//! What each statement promises, on SQLite and on PostgreSQL. Time is what the table says: leases end when a test says so.

use std::collections::{BTreeMap, HashSet};
use std::time::{Duration, SystemTime};

use example_support::stand_in::{Group, Member, Vendor};
use im_group_full::rest::{InactivityPolicy, MakeRoom, RestApi, SecretKey, Step};
use im_group_full::testing::Callback;
use im_group_full::{GroupFull, SdkAppId, http};
use tokio::task::JoinSet;

use super::{End, Key, Rooms, Taken};
use crate::database::{Error, Statement};
use crate::options::Table;

#[path = "../../tests/util/postgres.rs"]
mod server;

const APP: SdkAppId = SdkAppId::new(888_888);
const LEASE: Duration = Duration::from_secs(60);

/// A file or a URL.
async fn open(place: &str, app: SdkAppId) -> Rooms {
    let database = place.to_owned();
    let table = Table { database, database_password_file: None, database_ca: None, sdk_app_id: app };
    table.open(true).await.unwrap()
}

/// Each is tried on both.
macro_rules! cases {
    ($($case:ident)*) => {
        mod on_sqlite {
            $(#[tokio::test]
            async fn $case() {
                let folder = tempfile::tempdir().unwrap();
                let place = folder.path().join("rooms.db").to_str().unwrap().to_owned();
                super::$case(&place, super::open(&place, super::APP).await).await;
            })*
        }

        #[tokio::test]
        async fn on_postgres() {
            let server = server::Postgres::start(&["fsync=off"]);
            $({
                println!("{}", stringify!($case));
                let place = server.database(stringify!($case));
                $case(&place, open(&place, APP).await).await;
            })*
        }
    };
}

cases! {
    an_event_of_a_group_that_waits_replaces_the_other
    an_event_during_work_starts_another
    the_bound_is_exact_and_those_who_are_there_are_still_taken
    a_late_owner_writes_nothing
    fifty_workers_never_have_the_same_group
    four_processes_make_the_tables_at_once
    a_plan_waits_for_approval_and_events_do_not_replace_it
    retry_lets_work_begin_at_once_but_leaves_other_plans_alone
    a_failure_waits_and_a_process_that_ends_well_gives_its_group_back
    what_nobody_needs_is_swept
    a_removal_is_on_record_with_the_run_before_it_is_sent
    apps_and_topics_are_rows_of_their_own
    tables_of_another_version_are_refused
    what_has_ended_is_woken_by_an_event_after_its_time_only
}

fn key(group: &str) -> Key {
    (group.to_owned(), String::new())
}

async fn put(rooms: &Rooms, group: &str, event: &str) -> bool {
    let key = key(group);
    rooms.put(&BTreeMap::from([(&key, event)]), 9).await.unwrap().contains(&key)
}

async fn take(rooms: &Rooms) -> Option<Taken> {
    rooms.take(1, LEASE).await.unwrap().pop()
}

/// Puts an event in and takes it.
async fn taken(rooms: &Rooms, group: &str) -> Taken {
    put(rooms, group, "first").await;
    take(rooms).await.unwrap()
}

async fn end(rooms: &Rooms, taken: &Taken, end: End) {
    rooms.end(taken, &end, None, None).await.unwrap();
}

async fn update(rooms: &Rooms, sql: &'static str) {
    rooms.database.run(vec![Statement::new(sql, [])]).await.unwrap();
}

/// Lets everything be due.
async fn time_passes(rooms: &Rooms) {
    update(rooms, "UPDATE rooms SET due = 1").await;
}

/// Returns the groups, each with its state.
async fn states(rooms: &Rooms) -> Vec<String> {
    let rows = rooms.list("").await.unwrap();
    let mut states: Vec<_> = rows.iter().map(|row| format!("{} {}", row.group, row.state)).collect();
    states.sort();
    states
}

fn dead() -> End {
    End::Dead("of a topic".into())
}

/// One group for each state in which work has ended.
async fn three_ended(rooms: &Rooms) {
    for (group, how) in [("dead", dead()), ("plan", End::Planned), ("rest", End::Rest(String::new()))] {
        end(rooms, &taken(rooms, group).await, how).await;
    }
}

async fn an_event_of_a_group_that_waits_replaces_the_other(_: &str, rooms: Rooms) {
    assert!(put(&rooms, "a", "first").await && put(&rooms, "a", "second").await);
    let taken = take(&rooms).await.unwrap();
    assert_eq!((&*taken.group, &*taken.topic, &*taken.event, taken.attempts), ("a", "", "second", 1));
    assert!(take(&rooms).await.is_none());
}

async fn an_event_during_work_starts_another(_: &str, rooms: Rooms) {
    let first = taken(&rooms, "a").await;
    put(&rooms, "a", "second").await;
    assert!(take(&rooms).await.is_none(), "it is in work");
    end(&rooms, &first, End::Done).await;
    let second = take(&rooms).await.unwrap();
    assert_eq!((&*second.event, second.attempts), ("second", 1));
    end(&rooms, &second, End::Done).await;
    assert_eq!(states(&rooms).await, [""; 0]);
}

async fn the_bound_is_exact_and_those_who_are_there_are_still_taken(_: &str, rooms: Rooms) {
    let keys = ["a", "b", "c", "d", "e"].map(key);
    assert!(put(&rooms, "e", "x").await);
    let three = rooms.put(&keys.iter().map(|key| (key, "x")).collect(), 3).await.unwrap();
    assert_eq!(three.len(), 3);
    let again = rooms.put(&keys.iter().map(|key| (key, "y")).collect(), 3).await.unwrap();
    assert_eq!(again, three);
    assert_eq!(states(&rooms).await.len(), 3);
}

/// Tries everything that a worker can write, and returns whether all is refused.
async fn is_late(rooms: &Rooms, taken: &Taken) -> bool {
    let run = run_with_a_removal();
    let mut results = vec![rooms.keep(taken, LEASE).await, rooms.save(taken, LEASE, "{}", run.report()).await];
    let retry = End::Retry(LEASE, "x".into());
    for how in [End::Done, End::Rest("x".into()), End::Planned, retry, dead(), End::Released] {
        results.push(rooms.end(taken, &how, None, Some(run.report())).await);
    }
    let late = "the lease is over: another worker may have the group";
    results.iter().all(|result| result.as_ref().is_err_and(|error| error.to_string() == late))
}

async fn a_late_owner_writes_nothing(_: &str, rooms: Rooms) {
    let late = taken(&rooms, "a").await;
    time_passes(&rooms).await;
    assert!(is_late(&rooms, &late).await, "its lease is over");
    let owner = take(&rooms).await.unwrap();
    assert_eq!(owner.attempts, 2);
    assert!(is_late(&rooms, &late).await, "another one has it");
    end(&rooms, &owner, End::Done).await;
    assert!(is_late(&rooms, &late).await, "it is gone");
    let owner = taken(&rooms, "a").await;
    assert!(is_late(&rooms, &late).await, "it is back");
    assert!(rooms.keep(&owner, LEASE).await.is_ok());
    assert_eq!(states(&rooms).await, ["a working"]);
    assert_eq!(rooms.removals("").await.unwrap(), []);
}

async fn fifty_workers_never_have_the_same_group(place: &str, rooms: Rooms) {
    let keys: Vec<_> = (0..1000).map(|number| key(&number.to_string())).collect();
    rooms.put(&keys.iter().map(|key| (key, "x")).collect(), 1000).await.unwrap();
    let mut workers = JoinSet::new();
    for _ in 0..50 {
        let worker = open(place, APP).await;
        workers.spawn(async move {
            let mut taken = Vec::new();
            loop {
                match worker.take(3, LEASE).await {
                    Ok(more) if more.is_empty() => return taken,
                    Ok(more) => taken.extend(more.into_iter().map(|taken| taken.group)),
                    // Fifty processes on one file of SQLite are too many for its lock.
                    Err(error) => assert!(matches!(error, Error::Unavailable(_))),
                }
            }
        });
    }
    let taken = workers.join_all().await.concat();
    assert_eq!((taken.len(), taken.into_iter().collect::<HashSet<_>>().len()), (1000, 1000));
}

async fn four_processes_make_the_tables_at_once(place: &str, rooms: Rooms) {
    for drop in ["DROP TABLE rooms", "DROP TABLE removals", "DROP TABLE rooms_schema"] {
        update(&rooms, drop).await;
    }
    let (a, b, c, d) = tokio::join!(open(place, APP), open(place, APP), open(place, APP), open(place, APP));
    for rooms in [a, b, c, d] {
        assert!(put(&rooms, "a", "x").await);
    }
}

async fn what_has_ended_is_woken_by_an_event_after_its_time_only(_: &str, rooms: Rooms) {
    let ends: [fn() -> End; 3] = [|| End::Rest("nobody may go".into()), dead, || End::Planned];
    for how in ends {
        end(&rooms, &taken(&rooms, "a").await, how()).await;
        put(&rooms, "a", "second").await;
        assert!(take(&rooms).await.is_none(), "{:?}: its time is not over", how());
        time_passes(&rooms).await;
        let second = take(&rooms).await.unwrap();
        assert_eq!((&*second.event, second.attempts), ("second", 1), "{:?}", how());
        assert_eq!(second.is_only_planned(), matches!(how(), End::Planned));
        end(&rooms, &second, how()).await;
        time_passes(&rooms).await;
        assert!(take(&rooms).await.is_none(), "{:?}: there was no event", how());
        update(&rooms, "DELETE FROM rooms").await;
    }
}

/// What a run that was saved goes on with: the names, the run, and whether nobody has approved it.
fn approval(taken: &Taken) -> (Option<Vec<String>>, Option<&str>, bool) {
    (taken.approved(), taken.run.as_deref(), taken.is_only_planned())
}

async fn a_plan_waits_for_approval_and_events_do_not_replace_it(_: &str, rooms: Rooms) {
    let first = taken(&rooms, "a").await;
    rooms.end(&first, &End::Planned, Some("the plan".into()), None).await.unwrap();
    put(&rooms, "a", "second").await;
    assert!(take(&rooms).await.is_none(), "the day is not over");
    let plan = rooms.list("a").await.unwrap()[0].plan.unwrap();
    let bob = ["bob".to_owned()];
    assert!(matches!(rooms.approve("a", plan.wrapping_add(1), &[]).await, Err(Error::Late)));
    rooms.approve("a", plan, &bob).await.unwrap();
    assert!(matches!(rooms.approve("a", plan, &[]).await, Err(Error::Late)), "it is approved");
    let owner = take(&rooms).await.unwrap();
    assert_eq!(approval(&owner), (Some(bob.into()), Some("the plan"), false));

    // The run has the names from here on, and the row no longer.
    rooms.save(&owner, LEASE, "approved", MakeRoom::new("a", InactivityPolicy::new(LEASE, 1)).report()).await.unwrap();
    time_passes(&rooms).await;
    assert_eq!(approval(&take(&rooms).await.unwrap()), (None, Some("approved"), false));
}

async fn retry_lets_work_begin_at_once_but_leaves_other_plans_alone(_: &str, rooms: Rooms) {
    three_ended(&rooms).await;
    assert_eq!((rooms.retry("nobody").await.unwrap(), rooms.retry("").await.unwrap()), (0, 2));
    assert_eq!(states(&rooms).await, ["dead waiting", "plan planned", "rest waiting"]);
    assert_eq!(rooms.retry("plan").await.unwrap(), 1);
    assert_eq!(rooms.take(9, LEASE).await.unwrap().len(), 3);
    assert_eq!((rooms.retry("").await.unwrap(), rooms.retry("plan").await.unwrap()), (0, 0), "they are in work");
}

async fn a_failure_waits_and_a_process_that_ends_well_gives_its_group_back(_: &str, rooms: Rooms) {
    end(&rooms, &taken(&rooms, "a").await, End::Retry(LEASE, "no answer\0".into())).await;
    assert!(take(&rooms).await.is_none());
    put(&rooms, "a", "y").await;
    assert!(take(&rooms).await.is_none(), "an event makes it no earlier");
    time_passes(&rooms).await;
    let second = take(&rooms).await.unwrap();
    assert_eq!(second.attempts, 2);
    end(&rooms, &second, End::Released).await;
    assert_eq!(take(&rooms).await.unwrap().attempts, 2);
}

async fn what_nobody_needs_is_swept(_: &str, rooms: Rooms) {
    three_ended(&rooms).await;
    put(&rooms, "wait", "x").await;
    rooms.sweep().await.unwrap();
    assert_eq!(states(&rooms).await.len(), 4, "nothing is due");
    update(&rooms, "UPDATE rooms SET due = {now} - 1000").await;
    rooms.sweep().await.unwrap();
    assert_eq!(states(&rooms).await, ["dead dead", "plan planned", "wait waiting"]);
    time_passes(&rooms).await;
    rooms.sweep().await.unwrap();
    assert_eq!(states(&rooms).await, ["wait waiting"]);
}

/// Plays the vendor until the run hands out its removal.
fn run_with_a_removal() -> MakeRoom {
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    let endpoint = "http://127.0.0.1:1".parse().unwrap();
    let api = RestApi::new(endpoint, APP, "admin", SecretKey::new("key").unwrap()).unwrap();
    let policy = InactivityPolicy::new(Duration::from_secs(86_400), 1).max_removed_percent(100).ignore_online_status();
    let mut run = MakeRoom::new("a", policy).pace(Duration::ZERO);
    let members = vec![Member::new("active", 1_500_000_000, 1_699_999_999), Member::new("bob", 1_600_000_000, 0)];
    let mut vendor = Vendor::default();
    vendor.groups.insert("a".into(), Group { kind: "Public", limit: 2, members, all_muted: false });
    loop {
        let Step::Send(request) = run.step(&api, now) else { panic!("{:?}", run.report()) };
        let command = request.uri().path().rsplit('/').next().unwrap();
        if command == "delete_group_member" {
            return run;
        }
        let answer = vendor.answer(command, &serde_json::from_slice(request.body()).unwrap());
        run.response(http::StatusCode::OK, answer.to_string().as_bytes(), now);
    }
}

async fn a_removal_is_on_record_with_the_run_before_it_is_sent(_: &str, rooms: Rooms) {
    let taken = taken(&rooms, "a").await;
    let mut run = run_with_a_removal();
    let record = |outcome: &str| [("a".to_owned(), "bob".to_owned(), 1_700_000_000, outcome.to_owned(), 1_600_000_000)];
    rooms.save(&taken, LEASE, "sent", run.report()).await.unwrap();
    assert_eq!(rooms.removals("").await.unwrap(), record("Unconfirmed"));
    let removed = br#"{"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":""}"#;
    run.response(http::StatusCode::OK, removed, SystemTime::UNIX_EPOCH);
    rooms.end(&taken, &End::Done, None, Some(run.report())).await.unwrap();
    assert_eq!(rooms.removals("").await.unwrap(), record("Removed"));
}

async fn apps_and_topics_are_rows_of_their_own(place: &str, rooms: Rooms) {
    let other = open(place, SdkAppId::new(7)).await;
    put(&rooms, "a", "x").await;
    let topic = ("a".to_owned(), "t".to_owned());
    rooms.put(&BTreeMap::from([(&topic, "y")]), 9).await.unwrap();
    assert!(take(&other).await.is_none());
    assert_eq!(rooms.take(9, LEASE).await.unwrap().len(), 2);
}

#[test]
fn what_cannot_be_stored_has_no_key() {
    let event = |group: &str| -> GroupFull<'static> { Callback::new(APP).group_id(group).event() };
    assert_eq!(Rooms::key(&event("a")), Ok(key("a")));
    assert_eq!(Rooms::key(&event("a\0")), Err("the ID of the group holds a NUL"));
    assert!(Rooms::key(&event(&"a".repeat(1024))).is_ok());
    assert_eq!(Rooms::key(&event(&"a".repeat(1025))), Err("the ID of the group is too long"));
}

async fn tables_of_another_version_are_refused(_: &str, rooms: Rooms) {
    update(&rooms, "UPDATE rooms_schema SET version = 2").await;
    let error = Rooms::open(rooms.database, APP).await.map(drop).unwrap_err();
    assert_eq!(error.to_string(), "expected tables of version 1, found Some(2)");
}
