//! Silence counts only where it is shown to mean something.

use std::time::Duration;

use im_group_full::rest::RestErrorKind::{ReadersUnknown, SilenceUnproven};
use im_group_full::rest::{InactivityPolicy, MakeRoom, Outcome};
use im_group_full::testing::Callback;
use serde_json::{Value, json};

use crate::canned::{
    Next, OLD, answer, assert_planned, at, drive, failed, info, many, member, page, read, silent, wants, with,
};
use crate::world::{APP, DAY, GROUP, NOW, accounts};

const ALIKE: &str = "cannot tell who is inactive: the members of a page, as far as their times are clear, all joined at the \
                     same second, or all have their join time as the time of their last message, so their times prove nothing";

fn policy(trusts: bool) -> InactivityPolicy {
    let policy = InactivityPolicy::new(Duration::from_secs(DAY), 10).max_removed_percent(100).ignore_online_status();
    if trusts { policy.trust_silence() } else { policy }
}

/// A run that plans, and has got these answers.
fn begin(policy: InactivityPolicy, answers: &[Value]) -> MakeRoom {
    let mut run = MakeRoom::new(GROUP, policy).plan_only().pace(Duration::ZERO);
    answer(&mut run, at(NOW), answers);
    run
}

#[test]
fn types_of_groups() {
    for (kind, ordinary) in
        [("Private", true), ("Public", true), ("ChatRoom", true), ("Community", false), ("Guild", false)]
    {
        for trusts in [false, true] {
            match wants(&mut begin(policy(trusts), &[info(kind, 3)]), at(NOW)) {
                Next::Failed(SilenceUnproven, text) => {
                    assert!(!ordinary && !trusts, "{kind}");
                    assert!(text.contains("`InactivityPolicy::trust_silence`"), "{text}");
                }
                next => {
                    assert!(ordinary || trusts, "{kind}");
                    assert_eq!(next.command(), "get_group_member_info", "{kind}");
                }
            }
        }
    }
}

/// When the group's last message was, when its members spoke, and whether that fits.
#[test]
fn last_message_of_the_group() {
    let cases = [
        (json!(NOW - 10), NOW - 10, true),
        (json!(NOW - 10), NOW - DAY + 1, true),
        (json!(NOW - 10), NOW - DAY, false),
        (json!(NOW - 10), 0, false),
        (json!(NOW - DAY + 1), 0, false),
        (json!(NOW - DAY), 0, true),
        (json!(NOW - DAY - 5), 0, true),
        (json!(NOW + 10), 0, false),
        (Value::Null, NOW - 10, false),
        (json!(0), NOW - 10, false),
    ];
    for ((last, spoke, fits), trusts) in cases.iter().flat_map(|case| [(case, false), (case, true)]) {
        let mut run = begin(policy(trusts), &[with(info("Public", 3), "LastMsgTime", last.clone())]);
        let members = [member("owner", "Owner", 1, *spoke), member("bob", "Member", OLD, 0)];
        let end = drive(&mut run, |_, _| page(&members, None));
        if *fits || trusts {
            assert_eq!((end, accounts(&run, Outcome::Planned)), (Next::Done, vec!["bob".to_owned()]), "{last} {spoke}");
        } else {
            assert_eq!(end.kind(), SilenceUnproven, "{last} {spoke}");
        }
    }
}

/// They joined by one `create_group`, and spoke at different times: that proves nothing, but it is not said that nobody spoke.
#[test]
fn pages_of_members_who_joined_at_once() {
    let list = |role: &str, times: fn(u64) -> (u64, u64)| -> Vec<Value> {
        let entry = |(i, (joined, sent))| member(&format!("{joined}-{i}"), role, joined, sent);
        (0..200).map(|i| entry((i, times(i)))).collect()
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
        let pages = pages.map(|list| with(page(list, None), "MemberNum", 400));
        let mut run = begin(policy(trusts), &[&[info("Public", 400)], &pages[..]].concat());
        let expected = expected.map_or(Next::Done, |text| failed(SilenceUnproven, text));
        assert_eq!(wants(&mut run, at(NOW)), expected, "{number}");
        if expected == Next::Done {
            let planned = run.report().candidates();
            assert!(planned.len() == 10 && planned.iter().all(|one| one.member().joined() < Some(OLD)), "{planned:?}");
        }
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
    for times in alike {
        let bad = [0, 1].map(|i| member(&format!("a{i}"), "Member", times[i].0, times[i].1));
        // Alone, it is the only evidence.
        let mut run = read(policy(true), "Community", &bad);
        assert_eq!(wants(&mut run, at(NOW)), failed(SilenceUnproven, ALIKE), "{times:?}");
        // Next to another page, it spares its members even if they were planned before.
        let good = [member("owner", "Owner", 1, NOW), member("bob", "Member", OLD, 0), bad[0].clone()];
        let answers = [info("Community", 5), page(&good, Some("1")), page(&bad, Some(""))];
        assert_planned(&mut begin(policy(true), &answers), at(NOW), &["bob"]);
    }
}

#[test]
fn unknown_readers() {
    let numberless = with(info("Public", 2), "NextMsgSeq", Value::Null);
    let cases = [
        (vec![numberless], "the group has no `NextMsgSeq`"),
        (vec![info("Public", 2), page(&silent(&["bob"]), None)], "no member has a `MsgSeq`"),
    ];
    for (answers, why) in cases {
        let mut run = begin(policy(true).spare_readers(50), &answers);
        let text = format!("cannot tell who reads: {why}, which `InactivityPolicy::spare_readers` needs");
        assert_eq!(wants(&mut run, at(NOW)), failed(ReadersUnknown, &text));
    }
}

/// Silence, and whether anyone spoke, is measured at the time of the event.
#[test]
fn evidence_is_measured_at_the_event() {
    let event = Callback::new(APP).group_id(GROUP).event_time_millis((NOW - DAY) * 1000).event();
    let mut run = MakeRoom::for_event(&event, policy(false)).unwrap().plan_only().pace(Duration::ZERO);
    // Inactive for long enough now, but not then.
    let count = with(info("Public", 2), "LastMsgTime", NOW - DAY - DAY + 10);
    answer(&mut run, at(NOW), &[count, page(&silent(&["bob"]), None)]);
    assert_eq!(wants(&mut run, at(NOW)).kind(), SilenceUnproven);
}

/// The only kept candidate is unclear on a later page, so the next one takes its place.
#[test]
fn a_freed_place_is_taken() {
    let policy = InactivityPolicy::new(Duration::from_secs(DAY), 1).trust_silence().ignore_online_status();
    let pages = many(600);
    let pages = pages.chunks(200).zip(0..).map(|(list, number)| page(list, Some(&number.to_string())));
    let last = [member("m000", "Guest", 1, 0), member("z", "Member", OLD, 0), member("y", "Member", 7, NOW)];
    let answers: Vec<_> = std::iter::once(info("Community", 601)).chain(pages).chain([page(&last, Some(""))]).collect();
    assert_planned(&mut begin(policy, &answers), at(NOW), &["z"]);
}
