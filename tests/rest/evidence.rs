//! Silence counts only where it is shown to mean something.

use std::time::Duration;

use im_group_full::rest::{InactivityPolicy, MakeRoom, Outcome, RestErrorKind, Step};
use im_group_full::testing::Callback;
use serde_json::{Value, json};

use crate::canned::{Wants, answer, api, at, info, member, page, wants};
use crate::world::{APP, GROUP, NOW, accounts};

const INACTIVE: u64 = 86_400;
const OLD: u64 = NOW - 1_000_000;
const ALIKE: &str = "cannot tell who is inactive: the members of a page, as far as their times are clear, all joined at the \
                     same second, or all have their join time as the time of their last message, so their times prove nothing";

fn policy() -> InactivityPolicy {
    InactivityPolicy::new(Duration::from_secs(INACTIVE), 10).max_removed_percent(100).ignore_online_status()
}

fn begin(policy: InactivityPolicy) -> MakeRoom {
    MakeRoom::new(GROUP, policy).plan_only().pace(Duration::ZERO)
}

#[track_caller]
fn failure(run: &mut MakeRoom) -> (RestErrorKind, String) {
    match run.step(&api(), at(NOW)) {
        Step::Failed(error) => (error.kind(), error.to_string()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn types_of_groups() {
    for (kind, ordinary) in
        [("Private", true), ("Public", true), ("ChatRoom", true), ("Community", false), ("Guild", false)]
    {
        let mut run = begin(policy());
        answer(&mut run, at(NOW), &info(kind, 3));
        if ordinary {
            assert_eq!(wants(&mut run, at(NOW)).command(), "get_group_member_info", "{kind}");
        } else {
            let (kind, text) = failure(&mut run);
            assert_eq!(kind, RestErrorKind::SilenceUnproven);
            assert!(text.contains("`InactivityPolicy::trust_silence`"), "{text}");
        }
        let mut run = begin(policy().trust_silence());
        answer(&mut run, at(NOW), &info(kind, 3));
        assert_eq!(wants(&mut run, at(NOW)).command(), "get_group_member_info", "{kind}");
    }
}

/// When the group's last message was, when its members spoke, and whether that fits.
#[test]
fn last_message_of_the_group() {
    let silent = INACTIVE + 5;
    let cases = [
        (json!(NOW - 10), NOW - 10, true),
        (json!(NOW - 10), NOW - INACTIVE + 1, true),
        (json!(NOW - 10), NOW - INACTIVE, false),
        (json!(NOW - 10), 0, false),
        (json!(NOW - INACTIVE + 1), 0, false),
        (json!(NOW - INACTIVE), 0, true),
        (json!(NOW - silent), 0, true),
        (json!(NOW + 10), 0, false),
        (Value::Null, NOW - 10, false),
        (json!(0), NOW - 10, false),
    ];
    for (last, spoke, fits) in cases {
        for trusts in [false, true] {
            let mut run = begin(if trusts { policy().trust_silence() } else { policy() });
            let mut count = info("Public", 3);
            count["GroupInfo"][0]["LastMsgTime"] = last.clone();
            answer(&mut run, at(NOW), &count);
            let members = [member("owner", "Owner", 1, spoke), member("bob", "Member", OLD, 0)];
            if matches!(run.step(&api(), at(NOW)), Step::Send(_)) {
                run.response(http::StatusCode::OK, page(&members, None).to_string().as_bytes(), at(NOW));
            }
            let context = format!("{last} {spoke} {trusts}");
            if fits || trusts {
                assert_eq!(wants(&mut run, at(NOW)), Wants::Done, "{context}");
                assert_eq!(accounts(&run, Outcome::Planned), ["bob"], "{context}");
            } else {
                assert_eq!(failure(&mut run).0, RestErrorKind::SilenceUnproven, "{context}");
            }
        }
    }
}

/// They joined by one `create_group`, and spoke at different times: that proves nothing, but it is not said that nobody spoke.
#[test]
fn pages_of_members_who_joined_at_once() {
    let list = |role: &str, times: fn(u64) -> (u64, u64)| -> Vec<Value> {
        (0..200)
            .map(|i| (i, times(i)))
            .map(|(i, (joined, sent))| member(&format!("{joined}-{i}"), role, joined, sent))
            .collect()
    };
    let spoke = |role: &str| list(role, |i| (OLD, NOW - i * 10_000));
    let did_not = list("Admin", |_| (OLD, 0));
    let silent = list("Member", |i| (OLD - 1 - i, 0));
    let nobody_spoke = "cannot tell who is inactive: the group has recent messages, but none from its members; \
                        if that is expected, set `InactivityPolicy::trust_silence`";
    let cases = [
        ([&spoke("Member"), &spoke("Member")], false, Some(ALIKE)),
        ([&spoke("Member"), &spoke("Admin")], true, Some(ALIKE)),
        // Others are silent, if the vendor records who speaks.
        ([&spoke("Member"), &silent], false, Some(ALIKE)),
        ([&silent, &spoke("Admin")], false, Some(ALIKE)),
        ([&silent, &spoke("Member")], true, None),
        ([&silent, &silent], false, Some(nobody_spoke)),
        ([&silent, &did_not], false, Some(nobody_spoke)),
        ([&did_not, &did_not], false, Some(nobody_spoke)),
    ];
    for (number, (pages, trusts, expected)) in cases.into_iter().enumerate() {
        let mut run = begin(if trusts { policy().trust_silence() } else { policy() });
        answer(&mut run, at(NOW), &info("Public", 400));
        for list in pages {
            let mut page = page(list, None);
            page["MemberNum"] = json!(400);
            answer(&mut run, at(NOW), &page);
        }
        if let Some(text) = expected {
            assert_eq!(failure(&mut run), (RestErrorKind::SilenceUnproven, text.to_owned()), "{number}");
            continue;
        }
        assert_eq!(wants(&mut run, at(NOW)), Wants::Done, "{number}");
        let planned = run.report().candidates();
        assert!(planned.len() == 10 && planned.iter().all(|one| one.member().joined() < Some(OLD)), "{planned:?}");
    }
}

/// A page whose times prove nothing spares its members.
#[test]
fn pages_that_prove_nothing() {
    let alike = [
        // Another platform reported the join time as that of the last message, for everyone.
        [(OLD, OLD), (OLD + 1, OLD + 1)],
        [(0, 0), (OLD, OLD)],
        [(OLD, 0), (OLD, OLD - 5)],
        [(OLD, 0), (0, 0)],
        [(0, 0), (0, 0)],
        [(0, NOW - 5), (0, OLD)],
    ];
    let entries = |name: &str, times: [(u64, u64); 2]| {
        times.map(|(joined, sent)| {
            member(&format!("{name}{joined}-{sent}-{}", times[0] == (joined, sent)), "Member", joined, sent)
        })
    };
    for times in alike {
        // Alone, it is the only evidence.
        let mut run = begin(policy().trust_silence());
        answer(&mut run, at(NOW), &info("Community", 2));
        answer(&mut run, at(NOW), &page(&entries("a", times), Some("")));
        let (kind, text) = failure(&mut run);
        assert_eq!(kind, RestErrorKind::SilenceUnproven, "{times:?}");
        assert_eq!(text, ALIKE, "{times:?}");
        // Next to another page, it spares its members even if they were planned before.
        let good = [member("owner", "Owner", 1, NOW), member("bob", "Member", OLD, 0), entries("a", times)[0].clone()];
        let mut run = begin(policy().trust_silence());
        answer(&mut run, at(NOW), &info("Community", 5));
        answer(&mut run, at(NOW), &page(&good, Some("1")));
        answer(&mut run, at(NOW), &page(&entries("a", times), Some("")));
        assert_eq!(wants(&mut run, at(NOW)), Wants::Done, "{times:?}");
        assert_eq!(accounts(&run, Outcome::Planned), ["bob"], "{times:?}");
    }
}

#[test]
fn unknown_readers() {
    let policy = policy().trust_silence().spare_readers(50);
    let mut run = begin(policy.clone());
    let mut count = info("Public", 2);
    count["GroupInfo"][0]["NextMsgSeq"] = Value::Null;
    answer(&mut run, at(NOW), &count);
    let text = "cannot tell who reads: the group has no `NextMsgSeq`, which `InactivityPolicy::spare_readers` needs";
    assert_eq!(failure(&mut run), (RestErrorKind::ReadersUnknown, text.to_owned()));

    let mut run = begin(policy);
    answer(&mut run, at(NOW), &info("Public", 2));
    answer(&mut run, at(NOW), &page(&[member("owner", "Owner", 1, 0), member("bob", "Member", OLD, 0)], None));
    let text = "cannot tell who reads: no member has a `MsgSeq`, which `InactivityPolicy::spare_readers` needs";
    assert_eq!(failure(&mut run), (RestErrorKind::ReadersUnknown, text.to_owned()));
}

/// Silence, and whether anyone spoke, is measured at the time of the event.
#[test]
fn evidence_is_measured_at_the_event() {
    let day = 86_400;
    let event = Callback::new(APP).group_id(GROUP).event_time_millis((NOW - day) * 1000).event();
    let mut run = MakeRoom::for_event(&event, policy()).unwrap().plan_only().pace(Duration::ZERO);
    let mut count = info("Public", 2);
    // Inactive for long enough now, but not then.
    count["GroupInfo"][0]["LastMsgTime"] = json!(NOW - day - INACTIVE + 10);
    answer(&mut run, at(NOW), &count);
    answer(&mut run, at(NOW), &page(&[member("owner", "Owner", 1, 0), member("bob", "Member", OLD, 0)], None));
    assert_eq!(failure(&mut run).0, RestErrorKind::SilenceUnproven);
}

/// The only kept candidate is unclear on a later page, so the next one takes its place.
#[test]
fn a_freed_place_is_taken() {
    let members: Vec<_> = (0..600_u64).map(|i| member(&format!("u{i:03}"), "Member", i + 1, 0)).collect();
    let policy = InactivityPolicy::new(Duration::from_secs(INACTIVE), 1).trust_silence().ignore_online_status();
    let mut run = begin(policy);
    answer(&mut run, at(NOW), &info("Community", 601));
    for (number, list) in members.chunks(200).enumerate() {
        answer(&mut run, at(NOW), &page(list, Some(&number.to_string())));
    }
    let last = [member("u000", "Guest", 1, 0), member("z", "Member", OLD, 0), member("y", "Member", 7, NOW)];
    answer(&mut run, at(NOW), &page(&last, Some("")));
    assert_eq!(wants(&mut run, at(NOW)), Wants::Done);
    assert_eq!(accounts(&run, Outcome::Planned), ["z"]);
}
