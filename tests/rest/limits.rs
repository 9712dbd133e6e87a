//! How many are removed, how many calls a run sends, and who may begin one.

use std::time::Duration;

use im_group_full::rest::{InactivityPolicy, MakeRoom, Outcome, RestErrorKind};
use im_group_full::testing::Callback;

use crate::canned::{
    Next, a_day, answer, at, drive, failed, info, look, member, ok, page, refused, silent, wants, with,
};
use crate::stand_in::Group;
use crate::world::{APP, COUNT, GROUP, INACTIVE, LOOK, NOW, PAGE, REMOVE, World, accounts, full_group, restored};

/// With the limits of an ordinary policy.
fn limited(free: u32) -> InactivityPolicy {
    InactivityPolicy::new(Duration::from_secs(INACTIVE), free).trust_silence().ignore_online_status()
}

/// A tenth of the limit, rounded up, unless the policy names another share.
#[test]
fn aim() {
    let cases = [
        (limited(50), 20, 2),
        (limited(50), 21, 3),
        (limited(1), 20, 1),
        (limited(50), 1, 1),
        (limited(50), 6000, 50),
        (limited(700), 6000, 600),
        (limited(u32::MAX), u32::MAX, 429_496_730),
        (limited(50).max_removed_percent(25), 20, 5),
        (limited(50).max_removed_percent(100), 20, 20),
        (limited(50).max_removed_percent(255), 20, 20),
        (limited(50).max_removed_percent(0), 20, 0),
        (limited(0), 20, 0),
    ];
    for (policy, limit, aim) in cases {
        let mut run = MakeRoom::new(GROUP, policy);
        answer(&mut run, at(NOW), &[with(info("Public", 0), "MaxMemberNum", limit)]);
        assert_eq!((run.report().aim(), run.report().limit()), (aim, limit));
        assert_eq!(wants(&mut run, at(NOW)), Next::Done);
    }
}

/// Ten events wait in a queue; together their runs remove no more than the first one.
#[test]
fn ten_runs_remove_no_more_than_one() {
    let world = World::full("Public", 20);
    for number in 0..10 {
        let run = world.done(MakeRoom::new(GROUP, limited(50)));
        let removed = accounts(&run, Outcome::Removed).len();
        assert_eq!((run.report().aim(), removed), (2, if number == 0 { 2 } else { 0 }));
    }
    assert_eq!(world.with_group(|group| group.members.len()), 18);
}

/// A full topic is not a full Community.
#[test]
fn topic_is_refused() {
    let event = Callback::new(APP).topic_id("@TGS#_@TGS#cTESTHIM62CJ@TOPIC#_@TOPIC#cRTE1HIM62C5").event();
    assert_eq!(
        MakeRoom::for_event(&event, a_day(1)).unwrap_err().to_string(),
        "a topic is full, not its Community: removing members of the Community makes no room in the topic"
    );
    let event = Callback::new(APP).event();
    assert_eq!(MakeRoom::for_event(&event, a_day(1)).unwrap().group_id(), event.group_id());
}

/// No answer of the vendor makes a run send more: neither a count, nor a list that grows with every request, one member
/// at a time.
#[test]
fn calls_have_a_bound() {
    for (counted, expected) in [(u32::MAX, 1), (3_000_000, MakeRoom::MAX_CALLS)] {
        let mut run = MakeRoom::new(GROUP, a_day(1));
        let mut calls = 0;
        let end = drive(&mut run, |command, _| {
            calls += 1;
            if command == COUNT {
                return with(with(info("Public", 0), "MemberNum", counted), "MaxMemberNum", counted);
            }
            let one = member(&format!("u{calls}"), "Member", u64::from(calls), 0);
            with(page(&[one], None), "MemberNum", counted + calls)
        });
        assert_eq!((end.kind(), calls), (RestErrorKind::TooManyCalls, expected));
        // As many again.
        run.resume();
        assert_eq!(serde_json::to_value(&run).unwrap()["calls"], 0);
        let next = if calls == 1 { COUNT } else { PAGE };
        assert_eq!(wants(&mut run.pace(Duration::ZERO), at(NOW)).command(), next);
    }
}

/// The vendor keeps confirming a removal of a member who stays.
#[test]
fn removals_have_a_bound() {
    let members = silent(&["a", "b", "c"]);
    let mut calls = 0;
    let end = drive(&mut MakeRoom::new(GROUP, a_day(3)), |command, _| {
        calls += 1;
        match command {
            COUNT => info("Public", 4),
            PAGE => page(&members, None),
            LOOK => look(&members),
            _ => refused(60008),
        }
    });
    assert_eq!((calls, end.kind()), (17, RestErrorKind::Server));
}

/// Even if it was past its plan or a removal is in flight: unsent candidates are planned again.
#[test]
fn plan_only_on_a_restored_run_removes_nobody() {
    let members = silent(&["a", "b"]);
    let answers = [info("Public", 3), page(&members, None), look(&members), info("Public", 3), ok()];
    for (steps, in_flight) in (0..=answers.len()).flat_map(|steps| [(steps, false), (steps, true)]) {
        let mut run = MakeRoom::new(GROUP, a_day(1)).pace(Duration::ZERO);
        for told in &answers[..steps] {
            answer(&mut run, at(NOW), std::slice::from_ref(told));
        }
        let sent = in_flight.then(|| wants(&mut run, at(NOW)));
        let mut dry = restored(&run, MakeRoom::new(GROUP, a_day(1)).plan_only());
        let end = drive(&mut dry, |command, _| match command {
            COUNT => answers[0].clone(),
            PAGE => answers[1].clone(),
            _ => panic!("{steps} {in_flight}: {command}"),
        });
        let expected = match sent {
            // It may have been carried out.
            Some(Next::Call(command, _)) if command == REMOVE => Outcome::Unconfirmed,
            _ if steps == answers.len() => Outcome::Removed,
            _ => Outcome::Planned,
        };
        assert_eq!((end, accounts(&dry, expected)), (Next::Done, vec!["a".to_owned()]), "{steps} {in_flight}");
    }
}

/// Once the excess is gone, the share would allow a higher aim; the plan's aim stays.
#[test]
fn the_aim_never_grows() {
    let world = World::new(Group { limit: 2000, ..full_group("Public", 2100) });
    let mut run = MakeRoom::new(GROUP, limited(500));
    world.until(&mut run, REMOVE);
    assert_eq!((run.report().aim(), run.report().candidates().len()), (100, 200));
    let plan: Vec<_> = run.report().candidates().iter().map(|one| one.member().account().to_owned()).collect();
    world.with_group(|group| {
        let accounts = group.members.iter().map(|member| member.account.clone());
        let mut leavers: Vec<_> = accounts.filter(|account| !plan.contains(account)).take(50).collect();
        // So that the run notices it.
        leavers.push(plan[150].clone());
        group.remove(&leavers);
    });
    world.done(&mut run);
    assert_eq!((run.report().aim(), run.report().free(), world.removed().len()), (100, 100, 149));
}

/// Removals make no room, again and again, unless the policy covers the excess.
#[test]
fn group_above_its_limit() {
    let too_few = |most: u32| {
        let text = format!(
            "the group has 300 members and a limit of 200, and the policy removes {most} at most: \
             raise the limit, or `InactivityPolicy::max_removed_percent`"
        );
        failed(RestErrorKind::OverLimit, &text)
    };
    let cases =
        [(10, too_few(20), 0, 0), (50, too_few(100), 0, 0), (51, Next::Done, 2, 102), (60, Next::Done, 10, 110)];
    for (percent, end, aim, removed) in cases {
        let world = World::new(Group { limit: 200, ..full_group("Public", 300) });
        let mut run = MakeRoom::new(GROUP, limited(10).max_removed_percent(percent));
        assert_eq!(world.finish(&mut run), end);
        assert_eq!((run.report().aim(), world.removed().len()), (aim, removed), "{percent}");
        assert_eq!(run.report().free(), aim, "{percent}");
    }
}
