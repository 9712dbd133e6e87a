//! The cost of freeing 500 slots in a Community of 100,000: calls, heap, and time per member.
//!
//! The heap is that of the run, one request and one page, and the time is the best of ten runs, without the vendor's.

use std::time::{Duration, Instant, UNIX_EPOCH};

use http::{Request, StatusCode};
use im_group_full::SdkAppId;
use im_group_full::rest::{Endpoint, InactivityPolicy, MakeRoom, Outcome, RestApi, SecretKey, Step};
use peak_alloc::PeakAlloc;
use serde_json::{Value, json};

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

const GROUP: &str = "@TGS#_@TGS#cQVLVHIM62CJ";
const MEMBERS: u64 = 100_000;
const PAGE: u64 = 200;
const FREE: u32 = 500;
const NOW: u64 = 1_700_000_000;
const YEAR: u64 = 365 * 24 * 60 * 60;
const HEAP_LIMIT: usize = 1024 * 1024;
const CALLS_LIMIT: u64 = 520;

/// The vendor: maps a position in the list to the rank of the member there, of which one in `online` is offline.
struct Vendor {
    order: fn(u64) -> u64,
    online: u64,
}

fn main() {
    // Multiplying by a coprime number shuffles; in the last order, every member displaces another one.
    let [shuffled, best_first, best_last]: [fn(u64) -> u64; 3] = [|i| i * 7919 % MEMBERS, |i| i, |i| MEMBERS - 1 - i];
    for (name, presence, order, online) in [
        ("without presence", false, shuffled, 1),
        ("without presence, the best first", false, best_first, 1),
        ("without presence, the best last", false, best_last, 1),
        ("nobody is online", true, shuffled, 1),
        ("nobody is online, the best first", true, best_first, 1),
        ("nobody is online, the best last", true, best_last, 1),
        ("nine of ten are online", true, shuffled, 10),
    ] {
        let runs = (0..10).map(|_| run(presence, &Vendor { order, online }));
        let (time, heap, calls) = runs.min().unwrap();
        let nanos = time.as_nanos() / u128::from(MEMBERS);
        println!("{name}: {calls} calls, heap {} KiB, {nanos} ns per member", heap / 1024);
        assert!(presence || (calls <= CALLS_LIMIT && heap <= HEAP_LIMIT), "at most {CALLS_LIMIT} and {HEAP_LIMIT}");
    }
}

/// Returns the time, the peak of the heap, and the number of calls.
fn run(presence: bool, vendor: &Vendor) -> (Duration, usize, u64) {
    let now = UNIX_EPOCH + Duration::from_secs(NOW);
    let key = SecretKey::new("k").unwrap();
    let api = RestApi::new(Endpoint::Singapore, SdkAppId::new(1_400_000_001), "administrator", key).unwrap();
    let policy = InactivityPolicy::new(Duration::from_secs(YEAR), FREE).trust_silence();
    let policy = if presence { policy } else { policy.ignore_online_status() };
    let before = HEAP.current_usage();
    let (mut time, mut peak, mut calls, mut removed) = (Duration::ZERO, before, 0, 0);
    let mut run = MakeRoom::new(GROUP, policy).pace(Duration::ZERO);
    loop {
        let step = measured(&mut time, &mut peak, || run.step(&api, now));
        let request = match step {
            Step::Send(request) => request,
            Step::Done(report) => {
                assert_eq!(report.with_outcome(Outcome::Removed).count(), FREE as usize);
                return (time, peak - before, calls);
            }
            other => panic!("{other:?}"),
        };
        let body = vendor.answer(&request, MEMBERS - removed).to_string();
        removed += if request.uri().path().ends_with("delete_group_member") { 100 } else { 0 };
        calls += 1;
        measured(&mut time, &mut peak, || run.response(StatusCode::OK, body.as_bytes(), now));
    }
}

fn measured<T>(time: &mut Duration, peak: &mut usize, act: impl FnOnce() -> T) -> T {
    HEAP.reset_peak_usage();
    let begin = Instant::now();
    let result = act();
    *time += begin.elapsed();
    *peak = HEAP.peak_usage().max(*peak);
    result
}

impl Vendor {
    fn answer(&self, request: &Request<Vec<u8>>, members: u64) -> Value {
        let asked: Value = serde_json::from_slice(request.body()).unwrap();
        let ranks = |list: &str| {
            let accounts = asked[list].as_array().unwrap().iter().map(|account| account.as_str().unwrap());
            accounts.map(|account| account.rsplit('-').next().unwrap().parse().unwrap()).collect::<Vec<u64>>()
        };
        let mut answer = match request.uri().path().rsplit('/').next().unwrap() {
            "get_group_info" => json!({"GroupInfo": [{
                "GroupId": GROUP,
                "ErrorCode": 0,
                "ErrorInfo": "",
                "Type": "Community",
                "MemberNum": members,
                "MaxMemberNum": MEMBERS,
                "NextMsgSeq": 1000,
            }]}),
            "get_group_member_info" => {
                let start = asked["Next"].as_str().unwrap_or_default().parse().unwrap_or(0);
                let end = start + PAGE;
                let next = if end < MEMBERS { end.to_string() } else { String::new() };
                let list: Vec<_> = (start..end).map(self.order).map(member).collect();
                json!({"MemberList": list, "MemberNum": members, "Next": next})
            }
            "get_specified_group_member_info" => {
                json!({"MemberList": ranks("Member_List_Account").into_iter().map(member).collect::<Vec<_>>()})
            }
            "query_online_status" => {
                let state = |rank: u64| if rank / 10 % self.online == 0 { "Offline" } else { "Online" };
                let row = |rank| json!({"To_Account": account(rank), "State": state(rank)});
                json!({"QueryResult": ranks("To_Account").into_iter().map(row).collect::<Vec<_>>()})
            }
            _ => json!({}),
        };
        answer["ActionStatus"] = "OK".into();
        answer["ErrorInfo"] = "".into();
        answer["ErrorCode"] = 0.into();
        answer
    }
}

fn account(rank: u64) -> String {
    format!("account-of-a-member-{rank:012}")
}

/// A member by the rank: 0 was active least recently. One in ten is an admin.
fn member(rank: u64) -> Value {
    let spoke = NOW - 2 * YEAR + rank;
    json!({
        "Member_Account": account(rank),
        "Role": if rank % 10 == 9 { "Admin" } else { "Member" },
        "JoinTime": spoke - 1000,
        "LastSendMsgTime": spoke,
        "MsgSeq": rank,
    })
}
