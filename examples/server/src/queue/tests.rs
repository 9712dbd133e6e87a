//! Bounded, one piece of work for a group that waits, nothing dropped.

use im_group_full::testing::Callback;
use im_group_full::{GroupFull, SdkAppId};

use super::Queue;

fn event(group_id: &str) -> GroupFull<'static> {
    Callback::new(SdkAppId::new(888_888)).group_id(group_id).event()
}

#[track_caller]
fn push(queue: &Queue, group_id: &str) -> Result<(), String> {
    queue.push(&event(group_id)).map_err(|failure| failure.info().to_owned())
}

async fn next(queue: &Queue) -> Option<String> {
    Some(queue.next().await?.group_id().to_owned())
}

#[tokio::test]
async fn hands_out_in_the_order_of_arrival() {
    let queue = Queue::new(2);
    assert_eq!((push(&queue, "a"), push(&queue, "b"), queue.len()), (Ok(()), Ok(()), 2));
    assert_eq!((next(&queue).await.as_deref(), next(&queue).await.as_deref()), (Some("a"), Some("b")));
    assert_eq!(queue.len(), 0);
}

#[tokio::test]
async fn a_group_is_one_piece_of_work_while_it_waits_and_no_longer() {
    let queue = Queue::new(2);
    assert_eq!((push(&queue, "a"), push(&queue, "b"), push(&queue, "a"), queue.len()), (Ok(()), Ok(()), Ok(()), 2));
    assert_eq!(next(&queue).await.as_deref(), Some("a"));
    assert_eq!((push(&queue, "a"), queue.len()), (Ok(()), 2));
    assert_eq!((next(&queue).await.as_deref(), next(&queue).await.as_deref()), (Some("b"), Some("a")));
}

#[tokio::test]
async fn refuses_what_is_too_much_and_recovers() {
    let queue = Queue::new(1);
    assert_eq!(push(&queue, "a"), Ok(()));
    assert_eq!(push(&queue, "b"), Err("too many events are waiting".to_owned()));
    assert_eq!(push(&queue, "a"), Ok(()));
    assert_eq!(next(&queue).await.as_deref(), Some("a"));
    assert_eq!(push(&queue, "b"), Ok(()));
}

#[tokio::test]
async fn a_closed_queue_hands_out_what_waits_and_takes_nothing() {
    let queue = Queue::new(2);
    assert_eq!((push(&queue, "a"), push(&queue, "b")), (Ok(()), Ok(())));
    queue.close();
    assert_eq!(push(&queue, "c"), Err("stopping".to_owned()));
    assert_eq!((next(&queue).await.as_deref(), next(&queue).await.as_deref()), (Some("a"), Some("b")));
    assert_eq!((next(&queue).await, next(&queue).await), (None, None));
}

#[tokio::test]
async fn workers_that_wait_hear_of_events_and_of_the_end() {
    let queue = Queue::new(2);
    let (one, other, ()) = tokio::join!(next(&queue), next(&queue), async {
        assert_eq!((push(&queue, "a"), push(&queue, "b")), (Ok(()), Ok(())));
    });
    let mut taken = [one.unwrap(), other.unwrap()];
    taken.sort();
    assert_eq!(taken, ["a", "b"]);
    let (one, other, ()) = tokio::join!(next(&queue), next(&queue), async { queue.close() });
    assert_eq!((one, other), (None, None));
}

#[test]
fn topics_of_a_community_are_pieces_of_work_of_their_own() {
    let queue = Queue::new(3);
    for topic in ["t1", "t2", "t1"] {
        let event = Callback::new(SdkAppId::new(888_888)).group_id("c").topic_id(topic).event();
        assert!(queue.push(&event).is_ok());
    }
    assert_eq!(queue.len(), 2);
}
