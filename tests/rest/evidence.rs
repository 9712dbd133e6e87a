//! Silence counts only where it is shown to mean something.

use std::time::Duration;

use im_group_full::rest::RestErrorKind::{ReadersUnknown, SilenceUnproven};
use im_group_full::rest::{InactivityPolicy, MakeRoom};
use serde_json::{Value, json};

use crate::canned::{Next, OLD, failed, info, many, member, plan, silent, with};
use crate::world::{DAY, GROUP, NOW, for_event};

const ALIKE: &str = "cannot tell who is inactive: the members of a page, as far as their times are clear, all joined at the \
                     same second, or all have their join time as the time of their last message, so their times prove nothing";

const NOBODY_SPOKE: &str = "cannot tell who is inactive: the group has recent messages, but none from its members; \
                            if that is expected, set `InactivityPolicy::trust_silence`";

fn policy(free: u32) -> InactivityPolicy {
    InactivityPolicy::new(Duration::from_secs(DAY), free).max_removed_percent(100).ignore_online_status()
}

fn run(trusts: bool) -> MakeRoom {
    MakeRoom::new(GROUP, if trusts { policy(10).trust_silence() } else { policy(10) })
}

/// What a run comes to that plans to remove these members, or fails.
fn plans(names: &[&str], fails: Option<&str>) -> Result<Vec<String>, Next> {
    let names = names.iter().map(ToString::to_string).collect();
    fails.map_or(Ok(names), |text| Err(failed(SilenceUnproven, text)))
}

#[test]
fn types_of_groups() {
    let text = "cannot tell who is inactive: the vendor may not keep `LastSendMsgTime` in this type of group; \
                if you know that it does for yours, set `InactivityPolicy::trust_silence`";
    let members = [member("owner", "Owner", 1, NOW), member("bob", "Member", OLD, 0)];
    let cases = [("Private", true), ("Public", true), ("ChatRoom", true), ("Community", false), ("Guild", false)];
    for (kind, ordinary) in cases {
        let pages = [&members[..]];
        assert_eq!(plan(run(true), &info(kind, 2), &pages), plans(&["bob"], None), "{kind}");
        let (pages, expected) = if ordinary { (&pages[..], None) } else { (&[][..], Some(text)) };
        assert_eq!(plan(run(false), &info(kind, 2), pages), plans(&["bob"], expected), "{kind}");
    }
}

/// When the group's last message was, when the owner spoke, and whether that fits.
#[test]
fn last_message_of_the_group() {
    let no_time = "cannot tell who is inactive: the group has no `LastMsgTime`; \
                   to rely on silence all the same, set `InactivityPolicy::trust_silence`";
    let cases = [
        (json!(NOW - 10), NOW - 10, None),
        (json!(NOW - 10), NOW - DAY + 1, None),
        (json!(NOW - 10), NOW - DAY, Some(NOBODY_SPOKE)),
        (json!(NOW - 10), 0, Some(NOBODY_SPOKE)),
        (json!(NOW - DAY + 1), 0, Some(NOBODY_SPOKE)),
        (json!(NOW - DAY), 0, None),
        (json!(NOW - DAY - 5), 0, None),
        (json!(NOW + 10), 0, Some(NOBODY_SPOKE)),
        (Value::Null, NOW - 10, Some(no_time)),
        (json!(0), NOW - 10, Some(no_time)),
    ];
    for (last, spoke, expected) in cases {
        let count = with(info("Public", 2), "LastMsgTime", last);
        let members = [member("owner", "Owner", 1, spoke), member("bob", "Member", OLD, 0)];
        assert_eq!(plan(run(true), &count, &[&members]), plans(&["bob"], None), "{count} {spoke}");
        assert_eq!(plan(run(false), &count, &[&members]), plans(&["bob"], expected), "{count} {spoke}");
    }
}

/// They joined by one `create_group`, and spoke at different times: that proves nothing, but it is not said that nobody spoke.
#[test]
fn pages_of_members_who_joined_at_once() {
    let list = |role: &str, times: fn(u64) -> (u64, u64)| -> Vec<Value> {
        let entry = |i, (joined, sent)| member(&format!("{joined}-{i}"), role, joined, sent);
        (0..200).map(|i| entry(i, times(i))).collect()
    };
    let spoke = |role: &str| list(role, |i| (OLD, NOW - i * 10_000));
    let did_not = list("Admin", |_| (OLD, 0));
    let silent = list("Member", |i| (OLD - 1 - i, 0));
    let first: Vec<_> = (190..200).rev().map(|i| format!("{}-{i}", OLD - 1 - i)).collect();
    let first: Vec<_> = first.iter().map(String::as_str).collect();
    let cases = [
        ([&spoke("Member"), &spoke("Member")], false, Some(ALIKE)),
        ([&spoke("Member"), &spoke("Admin")], true, Some(ALIKE)),
        // Others are silent, if the vendor records who speaks.
        ([&spoke("Member"), &silent], false, Some(ALIKE)),
        ([&silent, &spoke("Admin")], false, Some(ALIKE)),
        ([&silent, &spoke("Member")], true, None),
        ([&silent, &silent], false, Some(NOBODY_SPOKE)),
        ([&silent, &did_not], false, Some(NOBODY_SPOKE)),
        ([&did_not, &did_not], false, Some(NOBODY_SPOKE)),
    ];
    for (number, (pages, trusts, expected)) in cases.into_iter().enumerate() {
        assert_eq!(
            plan(run(trusts), &info("Public", 400), &pages.map(Vec::as_slice)),
            plans(&first, expected),
            "{number}"
        );
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
        assert_eq!(plan(run(true), &info("Community", 2), &[&bad]), plans(&[], Some(ALIKE)), "{times:?}");
        // Next to another page, it spares its members even if they were planned before.
        let good = [member("owner", "Owner", 1, NOW), member("bob", "Member", OLD, 0), bad[0].clone()];
        assert_eq!(plan(run(true), &info("Community", 5), &[&good, &bad]), plans(&["bob"], None), "{times:?}");
    }
}

#[test]
fn unknown_readers() {
    let cases: [(_, &[&[Value]], _); 2] = [
        (with(info("Public", 2), "NextMsgSeq", Value::Null), &[], "the group has no `NextMsgSeq`"),
        (info("Public", 2), &[&silent(&["bob"])], "no member has a `MsgSeq`"),
    ];
    for (count, pages, why) in cases {
        let run = MakeRoom::new(GROUP, policy(10).trust_silence().spare_readers(50));
        let text = format!("cannot tell who reads: {why}, which `InactivityPolicy::spare_readers` needs");
        assert_eq!(plan(run, &count, pages), Err(failed(ReadersUnknown, &text)));
    }
}

/// Silence, and whether anyone spoke, is measured at the time of the event.
#[test]
fn evidence_is_measured_at_the_event() {
    // Inactive for long enough now, but not then.
    let count = with(info("Public", 2), "LastMsgTime", NOW - DAY - DAY + 10);
    assert_eq!(
        plan(for_event(Some(NOW - DAY), policy(10)), &count, &[&silent(&["bob"])]),
        plans(&[], Some(NOBODY_SPOKE))
    );
}

/// Only clear entries prove anything: one without a join time, or with a time after now or after the event, does not.
#[test]
fn only_clear_entries_are_evidence() {
    let at_event = for_event(Some(NOW - DAY), policy(2).trust_silence());
    for (run, joined, sent, judged) in [
        (run(true), 0, 7, false),
        (run(true), 7, NOW + 1, false),
        (run(true), NOW + 1, 0, false),
        (run(true), 7, 8, true),
        (at_event, 7, NOW - 5, false),
    ] {
        let members = [("a", 5, 5), ("b", 9, 9), ("c", joined, sent)];
        let members = members.map(|(account, joined, sent)| member(account, "Member", joined, sent));
        let expected = plans(&["a", "c", "b"], (!judged).then_some(ALIKE));
        assert_eq!(plan(run, &info("Public", 3), &[&members]), expected, "{joined} {sent}");
    }
}

/// The only kept candidate is unclear on a later page, so the next one takes its place.
#[test]
fn a_freed_place_is_taken() {
    let policy = InactivityPolicy::new(Duration::from_secs(DAY), 1).trust_silence().ignore_online_status();
    let all = many(600);
    let last = [member("m000", "Guest", 1, 0), member("z", "Member", OLD, 0), member("y", "Member", 7, NOW)];
    let pages = [&all[..200], &all[200..400], &all[400..], &last];
    assert_eq!(plan(MakeRoom::new(GROUP, policy), &info("Community", 601), &pages), plans(&["z"], None));
}
