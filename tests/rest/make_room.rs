use im_group_full::rest::{GroupType, MakeRoom, Outcome};

use crate::world::{Came, GROUP, World, accounts, expected, full_group, policy};

/// The calls of each kind that a run took: how full, pages, looks, removals.
#[track_caller]
fn assert_calls(world: &World, expected: [usize; 4]) {
    let commands =
        ["get_group_info", "get_group_member_info", "get_specified_group_member_info", "delete_group_member"];
    assert_eq!(commands.map(|command| world.count(command)), expected);
}

#[test]
fn community_of_100_000_takes_the_fewest_calls() {
    let group = full_group("Community", 100_000);
    let expected = expected(&group, &[], 500);
    let world = World::new(group);
    let mut run = MakeRoom::new(GROUP, policy(500));
    assert_eq!(world.finish(&mut run), Came::Done);
    assert_calls(&world, [2, 500, 10, 5]);
    assert_eq!(world.removed().len(), 500);
    assert_eq!(accounts(&run, Outcome::Removed), expected);
    assert_eq!(run.report().group_type(), Some(GroupType::Community));
    assert_eq!(run.report().scanned(), 100_000);
}
