//! What each statement promises, on SQLite and on PostgreSQL. Time is what the table says: leases end when a test says so.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use im_group_full::rest::{InactivityPolicy, MakeRoom, RestApi, SecretKey, Step};
use im_group_full::testing::Callback;
use im_group_full::{GroupFull, SdkAppId, http};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::JoinSet;

use super::{End, Key, Rooms, Taken};
#[path = "../../tests/util/postgres.rs"]
mod server;
use crate::database::{Error, Statement, postgres, sqlite};

const APP: SdkAppId = SdkAppId::new(888_888);
const LEASE: Duration = Duration::from_secs(60);

/// Where a table is.
enum Place {
    Folder(TempDir),
    Url(String),
}

impl Place {
    async fn open(&self, app: SdkAppId) -> Result<Rooms, String> {
        let database = match self {
            Self::Folder(folder) => sqlite::open(&folder.path().join("rooms.db"), true)?,
            Self::Url(url) => postgres::open(url, None, None)?,
        };
        Rooms::open(database, app).await
    }
}

/// Each is tried on both.
macro_rules! cases {
    ($($case:ident)*) => {
        mod on_sqlite {
            $(#[tokio::test]
            async fn $case() {
                let place = super::Place::Folder(tempfile::tempdir().unwrap());
                super::$case(&place, place.open(super::APP).await.unwrap()).await;
            })*
        }

        #[tokio::test]
        async fn on_postgres() {
            let server = server::Postgres::start(&["fsync=off"]);
            $({
                println!("{}", stringify!($case));
                let place = Place::Url(server.database(stringify!($case)));
                $case(&place, place.open(APP).await.unwrap()).await;
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
    a_plan_of_yesterday_is_replaced_by_an_event
    retry_lets_work_begin_at_once_but_leaves_other_plans_alone
    a_failure_waits_and_a_process_that_ends_well_gives_its_group_back
    what_nobody_needs_is_swept
    a_removal_is_on_record_with_the_run_before_it_is_sent
    a_late_owner_leaves_no_record
    apps_and_topics_are_rows_of_their_own
    tables_of_another_version_are_refused
    who_rests_or_is_dead_is_woken_by_an_event_after_an_hour_only
}

fn key(group: &str) -> Key {
    (group.to_owned(), String::new())
}

async fn put(rooms: &Rooms, group: &str, event: &str, most: u32) -> bool {
    let key = key(group);
    rooms.put(&BTreeMap::from([(&key, event)]), most).await.unwrap().contains(&key)
}

async fn take(rooms: &Rooms) -> Option<Taken> {
    rooms.take(1, LEASE).await.unwrap().pop()
}

/// Lets everything be due.
async fn time_passes(rooms: &Rooms) {
    rooms.database.run(vec![Statement::new("UPDATE rooms SET due = 1", [])]).await.unwrap();
}

/// Returns the groups, each with its state.
async fn states(rooms: &Rooms) -> Vec<String> {
    let rows = rooms.list("").await.unwrap();
    let mut states: Vec<_> =
        rows.iter().map(|row| format!("{} {}", super::text(&row[0]), super::text(&row[2]))).collect();
    states.sort();
    states
}

async fn end(rooms: &Rooms, taken: &Taken, end: End) -> Result<(), Error> {
    rooms.end(taken, &end, None, None).await
}

fn dead() -> End {
    End::Dead("of a topic".into())
}

async fn an_event_of_a_group_that_waits_replaces_the_other(_: &Place, rooms: Rooms) {
    assert!(put(&rooms, "a", "first", 9).await && put(&rooms, "a", "second", 9).await);
    let taken = take(&rooms).await.unwrap();
    assert_eq!((taken.key, &*taken.event, taken.attempts), (key("a"), "second", 1));
    assert!(take(&rooms).await.is_none());
}

async fn an_event_during_work_starts_another(_: &Place, rooms: Rooms) {
    put(&rooms, "a", "first", 9).await;
    let taken = take(&rooms).await.unwrap();
    put(&rooms, "a", "second", 9).await;
    assert!(take(&rooms).await.is_none(), "it is in work");
    end(&rooms, &taken, End::Done).await.unwrap();
    let taken = take(&rooms).await.unwrap();
    assert_eq!((&*taken.event, taken.attempts), ("second", 1));
    end(&rooms, &taken, End::Done).await.unwrap();
    assert_eq!(states(&rooms).await, [""; 0]);
}

async fn the_bound_is_exact_and_those_who_are_there_are_still_taken(_: &Place, rooms: Rooms) {
    let keys: Vec<_> = ["a", "b", "c", "d", "e"].map(key).into();
    assert!(put(&rooms, "e", "x", 3).await);
    let three = rooms.put(&keys.iter().map(|key| (key, "x")).collect(), 3).await.unwrap();
    assert_eq!(three.len(), 3);
    let again = rooms.put(&keys.iter().map(|key| (key, "y")).collect(), 3).await.unwrap();
    assert_eq!(again, three);
    assert_eq!(states(&rooms).await.len(), 3);
}

/// Everything that a worker can write.
async fn writes(rooms: &Rooms, taken: &Taken) -> Vec<Result<(), Error>> {
    let run = MakeRoom::new("a", InactivityPolicy::new(LEASE, 1));
    let mut results = vec![rooms.keep(taken, LEASE).await, rooms.save(taken, LEASE, "{}", run.report()).await];
    let retry = End::Retry(LEASE, "x".into());
    for how in [End::Done, End::Rest("x".into()), End::Planned, retry, dead(), End::Released] {
        results.push(rooms.end(taken, &how, None, Some(run.report())).await);
    }
    results
}

async fn a_late_owner_writes_nothing(_: &Place, rooms: Rooms) {
    put(&rooms, "a", "first", 9).await;
    let late = take(&rooms).await.unwrap();
    time_passes(&rooms).await;
    let refused = |results: Vec<Result<(), Error>>| results.iter().all(|result| matches!(result, Err(Error::Late)));
    assert!(refused(writes(&rooms, &late).await), "its lease is over");
    let owner = take(&rooms).await.unwrap();
    assert_eq!(owner.attempts, 2);
    assert!(refused(writes(&rooms, &late).await), "another one has it");
    end(&rooms, &owner, End::Done).await.unwrap();
    assert!(refused(writes(&rooms, &late).await), "it is gone");
    put(&rooms, "a", "second", 9).await;
    let owner = take(&rooms).await.unwrap();
    assert!(refused(writes(&rooms, &late).await), "it is back");
    assert!(rooms.keep(&owner, LEASE).await.is_ok());
    assert_eq!(states(&rooms).await, ["a working"]);
}

async fn fifty_workers_never_have_the_same_group(place: &Place, rooms: Rooms) {
    let keys: Vec<_> = (0..1000).map(|number| key(&number.to_string())).collect();
    rooms.put(&keys.iter().map(|key| (key, "x")).collect(), 1000).await.unwrap();
    let mut workers = JoinSet::new();
    for _ in 0..50 {
        let worker = place.open(APP).await.unwrap();
        workers.spawn(async move {
            let mut taken = Vec::new();
            loop {
                match worker.take(3, LEASE).await {
                    Ok(more) if more.is_empty() => return taken,
                    Ok(more) => taken.extend(more.into_iter().map(|taken| taken.key)),
                    // Fifty processes on one file of SQLite are too many for its lock.
                    Err(error) => assert!(matches!(error, Error::Unavailable(_))),
                }
            }
        });
    }
    let mut taken: Vec<_> = workers.join_all().await.concat();
    assert_eq!(taken.len(), 1000);
    taken.sort();
    taken.dedup();
    assert_eq!(taken.len(), 1000);
}

async fn four_processes_make_the_tables_at_once(place: &Place, rooms: Rooms) {
    let drop = ["rooms", "removals", "rooms_schema"].map(|table| format!("DROP TABLE {table}").leak() as &'static str);
    rooms.database.run(drop.iter().map(|sql| Statement::new(sql, [])).collect()).await.unwrap();
    let (a, b, c, d) = tokio::join!(place.open(APP), place.open(APP), place.open(APP), place.open(APP));
    for rooms in [a, b, c, d] {
        assert!(put(&rooms.unwrap(), "a", "x", 9).await);
    }
}

async fn who_rests_or_is_dead_is_woken_by_an_event_after_an_hour_only(_: &Place, rooms: Rooms) {
    for (group, how) in [("a", End::Rest("nobody may go".into())), ("b", dead())] {
        put(&rooms, group, "first", 9).await;
        end(&rooms, &take(&rooms).await.unwrap(), how).await.unwrap();
        put(&rooms, group, "second", 9).await;
        assert!(take(&rooms).await.is_none(), "the hour is not over");
        time_passes(&rooms).await;
        let taken = take(&rooms).await.unwrap();
        assert_eq!((&*taken.event, taken.attempts), ("second", 1));
        end(&rooms, &taken, dead()).await.unwrap();
        time_passes(&rooms).await;
        assert!(take(&rooms).await.is_none(), "there was no event");
    }
}

async fn a_plan_waits_for_approval_and_events_do_not_replace_it(_: &Place, rooms: Rooms) {
    put(&rooms, "a", "first", 9).await;
    let taken = take(&rooms).await.unwrap();
    rooms.end(&taken, &End::Planned, Some("the plan".into()), None).await.unwrap();
    put(&rooms, "a", "second", 9).await;
    assert!(take(&rooms).await.is_none(), "the day is not over");
    let plan = super::number(&rooms.list("a").await.unwrap()[0][7]);
    assert!(matches!(rooms.approve("a", plan + 1, &[]).await, Err(Error::Late)));
    rooms.approve("a", plan, &["bob".to_owned()]).await.unwrap();
    assert!(matches!(rooms.approve("a", plan, &[]).await, Err(Error::Late)), "it is approved");
    let taken = take(&rooms).await.unwrap();
    assert_eq!(taken.approved.as_deref(), Some(&["bob".to_owned()][..]));
    assert_eq!((taken.run.as_deref(), taken.only_planned), (Some("the plan"), false));

    // The run has the names from here on, and the row no longer.
    rooms.save(&taken, LEASE, "approved", MakeRoom::new("a", InactivityPolicy::new(LEASE, 1)).report()).await.unwrap();
    time_passes(&rooms).await;
    let taken = take(&rooms).await.unwrap();
    assert_eq!((taken.approved, taken.run.as_deref(), taken.only_planned), (None, Some("approved"), false));
}

async fn a_plan_of_yesterday_is_replaced_by_an_event(_: &Place, rooms: Rooms) {
    put(&rooms, "a", "first", 9).await;
    rooms.end(&take(&rooms).await.unwrap(), &End::Planned, Some("the plan".into()), None).await.unwrap();
    time_passes(&rooms).await;
    assert!(take(&rooms).await.is_none(), "there was no event");
    put(&rooms, "a", "second", 9).await;
    assert!(take(&rooms).await.unwrap().only_planned);
}

async fn retry_lets_work_begin_at_once_but_leaves_other_plans_alone(_: &Place, rooms: Rooms) {
    for (group, how) in [("dead", dead()), ("plan", End::Planned), ("rest", End::Rest(String::new()))] {
        put(&rooms, group, "x", 9).await;
        end(&rooms, &take(&rooms).await.unwrap(), how).await.unwrap();
    }
    assert_eq!((rooms.retry("nobody").await.unwrap(), rooms.retry("").await.unwrap()), (0, 2));
    assert_eq!(states(&rooms).await, ["dead waiting", "plan planned", "rest waiting"]);
    assert_eq!(rooms.retry("plan").await.unwrap(), 1);
    assert_eq!(rooms.take(9, LEASE).await.unwrap().len(), 3);
    assert_eq!((rooms.retry("").await.unwrap(), rooms.retry("plan").await.unwrap()), (0, 0), "they are in work");
}

async fn a_failure_waits_and_a_process_that_ends_well_gives_its_group_back(_: &Place, rooms: Rooms) {
    put(&rooms, "a", "x", 9).await;
    end(&rooms, &take(&rooms).await.unwrap(), End::Retry(LEASE, "no answer\0".into())).await.unwrap();
    assert!(take(&rooms).await.is_none());
    put(&rooms, "a", "y", 9).await;
    assert!(take(&rooms).await.is_none(), "an event makes it no earlier");
    time_passes(&rooms).await;
    let taken = take(&rooms).await.unwrap();
    assert_eq!(taken.attempts, 2);
    end(&rooms, &taken, End::Released).await.unwrap();
    assert_eq!(take(&rooms).await.unwrap().attempts, 2);
}

async fn what_nobody_needs_is_swept(_: &Place, rooms: Rooms) {
    for (group, how) in [("dead", dead()), ("plan", End::Planned), ("rest", End::Rest(String::new()))] {
        put(&rooms, group, "x", 9).await;
        end(&rooms, &take(&rooms).await.unwrap(), how).await.unwrap();
    }
    put(&rooms, "wait", "x", 9).await;
    rooms.sweep().await.unwrap();
    assert_eq!(states(&rooms).await.len(), 4, "nothing is due");
    let due = "UPDATE rooms SET due = {now} - 1000";
    rooms.database.run(vec![Statement::new(due, [])]).await.unwrap();
    rooms.sweep().await.unwrap();
    assert_eq!(states(&rooms).await, ["dead dead", "plan planned", "wait waiting"]);
    time_passes(&rooms).await;
    rooms.sweep().await.unwrap();
    assert_eq!(states(&rooms).await, ["wait waiting"]);
}

/// Plays the vendor until the run hands out its removal.
fn run_with_a_removal() -> MakeRoom {
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    let api =
        RestApi::new("http://127.0.0.1:1".parse().unwrap(), APP, "admin", SecretKey::new("key").unwrap()).unwrap();
    let policy = InactivityPolicy::new(Duration::from_secs(86_400), 1).max_removed_percent(100).ignore_online_status();
    let mut run = MakeRoom::new("a", policy).pace(Duration::ZERO);
    let member = |account: &str, joined: u64, sent: u64| json!({ "Member_Account": account, "Role": "Member", "JoinTime": joined, "LastSendMsgTime": sent, "MsgSeq": 1, "MuteUntil": 0 });
    let bob = member("bob", 1_600_000_000, 0);
    let list = json!([member("active", 1_500_000_000, 1_699_999_999), bob]);
    let ok = |mut fields: Value| {
        fields["ActionStatus"] = json!("OK");
        fields["ErrorCode"] = json!(0);
        fields["ErrorInfo"] = json!("");
        fields
    };
    for _ in 0..20 {
        let Step::Send(request) = run.step(&api, now) else { panic!("{:?}", run.report()) };
        let answer = match request.uri().path().rsplit('/').next().unwrap() {
            "get_group_info" => {
                json!({ "GroupInfo": [ok(json!({ "GroupId": "a", "Type": "Public", "MemberNum": 2, "MaxMemberNum": 2,
                "LastMsgTime": 1_699_999_999, "NextMsgSeq": 9, "MuteAllMember": "Off" }))] })
            }
            "get_group_member_info" => json!({ "MemberNum": 2, "MemberList": list }),
            "get_specified_group_member_info" => json!({ "MemberList": [bob] }),
            _ => return run,
        };
        run.response(http::StatusCode::OK, ok(answer).to_string().as_bytes(), now);
    }
    panic!("no removal");
}

async fn a_removal_is_on_record_with_the_run_before_it_is_sent(_: &Place, rooms: Rooms) {
    put(&rooms, "a", "x", 9).await;
    let taken = take(&rooms).await.unwrap();
    let mut run = run_with_a_removal();
    rooms.save(&taken, LEASE, "sent", run.report()).await.unwrap();
    let recorded = async || rooms.removals("").await.unwrap();
    assert_eq!(
        recorded().await,
        [[json!("a"), json!("bob"), json!(1_700_000_000), json!("Unconfirmed"), json!(1_600_000_000)]]
    );
    run.response(
        http::StatusCode::OK,
        br#"{"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":""}"#,
        SystemTime::UNIX_EPOCH,
    );
    rooms.end(&taken, &End::Done, None, Some(run.report())).await.unwrap();
    assert_eq!(
        recorded().await,
        [[json!("a"), json!("bob"), json!(1_700_000_000), json!("Removed"), json!(1_600_000_000)]]
    );
}

async fn a_late_owner_leaves_no_record(_: &Place, rooms: Rooms) {
    put(&rooms, "a", "x", 9).await;
    let taken = take(&rooms).await.unwrap();
    time_passes(&rooms).await;
    let run = run_with_a_removal();
    assert!(matches!(rooms.save(&taken, LEASE, "sent", run.report()).await, Err(Error::Late)));
    assert_eq!(rooms.removals("").await.unwrap().len(), 0);
}

async fn apps_and_topics_are_rows_of_their_own(place: &Place, rooms: Rooms) {
    let other = place.open(SdkAppId::new(7)).await.unwrap();
    put(&rooms, "a", "x", 9).await;
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

async fn tables_of_another_version_are_refused(place: &Place, rooms: Rooms) {
    rooms.database.run(vec![Statement::new("UPDATE rooms_schema SET version = 2", [])]).await.unwrap();
    let error = place.open(APP).await.map(drop).unwrap_err();
    assert_eq!(error, "expected tables of version 1, found Some(2)");
}
