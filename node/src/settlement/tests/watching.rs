//! The watcher on a chain in memory.

use std::{collections::BTreeMap, time::Duration};

use alloy_primitives::B256;
use rand::{Rng, SeedableRng, rngs::StdRng};
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};

use super::fake::FakeChain;
use crate::settlement::{
    Block, ChainUpdate, Cursor, Error, LoggedEvent,
    watcher::{RANGE_BLOCKS, Watcher, watch},
};

const DEPTH: usize = 8;
const DEADLINE: Duration = Duration::from_secs(10);

/// What a consumer makes of the updates.
#[derive(Default)]
struct Replica {
    events: BTreeMap<u64, (B256, Vec<LoggedEvent>)>,
}

impl Replica {
    fn apply(&mut self, update: &ChainUpdate) {
        if matches!(update, ChainUpdate::Restarted { .. }) {
            self.events.clear();
        }
        for block in update.dropped() {
            assert!(self.events.remove(&block.number).is_none_or(|(hash, _)| hash == block.hash));
        }
        for added in update.added() {
            let before = self.events.insert(added.block.number, (added.block.hash, added.events.clone()));
            assert!(before.is_none(), "block {} was added twice", added.block.number);
        }
    }

    fn all_events(&self) -> Vec<LoggedEvent> {
        self.events.values().flat_map(|(_, events)| events.clone()).collect()
    }
}

async fn drain(watcher: &mut Watcher<FakeChain>) -> Vec<ChainUpdate> {
    let mut updates = Vec::new();
    while let Some(update) = watcher.step().await.unwrap() {
        updates.push(update);
    }
    updates
}

fn numbers(blocks: &[Block]) -> Vec<u64> {
    blocks.iter().map(|block| block.number).collect()
}

#[tokio::test]
async fn new_blocks_extend_the_chain_with_their_events() {
    let chain = FakeChain::new(3);
    let mut watcher = Watcher::new(chain.clone(), Cursor::new(0, DEPTH));
    assert_eq!(drain(&mut watcher).await.len(), 1);

    let block = chain.mine(2);
    let updates = drain(&mut watcher).await;
    let [ChainUpdate::Extended { blocks }] = updates.as_slice() else { panic!("{updates:?}") };
    assert_eq!((blocks.len(), blocks[0].block, blocks[0].events.len()), (1, block, 2));
    assert_eq!(updates[0].tip(), Some(&block));
}

#[tokio::test]
async fn nothing_is_said_where_nothing_is_new() {
    let mut watcher = Watcher::new(FakeChain::new(3), Cursor::new(0, DEPTH));
    drain(&mut watcher).await;
    assert_eq!(watcher.step().await.unwrap(), None);
}

#[tokio::test]
async fn nothing_is_read_before_the_start() {
    let chain = FakeChain::new(3);
    let mut watcher = Watcher::new(chain.clone(), Cursor::new(4, DEPTH));
    assert_eq!(watcher.step().await.unwrap(), None);
    chain.mine(1);
    let fifth = chain.mine(1);
    let updates = drain(&mut watcher).await;
    assert_eq!(updates.len(), 1);
    assert_eq!(updates[0].added().iter().map(|added| added.block).collect::<Vec<_>>(), [fifth]);
}

#[tokio::test]
async fn a_gap_is_read_in_ranges_and_no_event_is_missed() {
    let length = usize::try_from(2 * RANGE_BLOCKS).unwrap() + 100;
    let chain = FakeChain::default();
    for number in 0..length {
        chain.mine(u64::from(number % 97 == 0));
    }
    let mut watcher = Watcher::new(chain.clone(), Cursor::new(0, DEPTH));
    let updates = drain(&mut watcher).await;
    assert_eq!(updates.len(), 4, "two whole ranges, the rest, and the newest blocks one by one");

    let mut replica = Replica::default();
    updates.iter().for_each(|update| replica.apply(update));
    assert_eq!(replica.all_events(), chain.all_events(0));
    assert_eq!(updates.last().unwrap().tip(), Some(&chain.block(length - 1)));
}

#[tokio::test]
async fn a_reorganisation_of_any_kept_depth_names_fork_dropped_and_added() {
    for depth in 1..DEPTH {
        let chain = FakeChain::new(20);
        let mut watcher = Watcher::new(chain.clone(), Cursor::new(0, DEPTH));
        drain(&mut watcher).await;
        let fork = chain.block(19 - depth);

        chain.reorganise(depth);
        let updates = drain(&mut watcher).await;
        let [ChainUpdate::Reorged { fork: found, dropped, added }] = updates.as_slice() else { panic!("{updates:?}") };
        assert_eq!(*found, fork);
        let newest_first: Vec<u64> = (fork.number + 1..20).rev().collect();
        assert_eq!(numbers(dropped), newest_first);
        assert_eq!(added.len(), depth + 1);
        assert_eq!(added[0].block.parent, fork.hash);
        assert!(added.iter().all(|added| added.events.len() == 1));
    }
}

#[tokio::test]
async fn a_reorganisation_below_every_kept_header_restarts_from_the_start() {
    let chain = FakeChain::new(20);
    let mut watcher = Watcher::new(chain.clone(), Cursor::new(2, DEPTH));
    drain(&mut watcher).await;

    chain.reorganise(DEPTH + 1);
    let updates = drain(&mut watcher).await;
    assert!(matches!(&updates[0], ChainUpdate::Restarted { dropped } if dropped.len() == DEPTH));
    let mut replica = Replica::default();
    updates.iter().for_each(|update| replica.apply(update));
    assert_eq!(replica.all_events(), chain.all_events(2));
}

#[tokio::test]
async fn a_reorganisation_during_downtime_is_seen_from_the_stored_cursor() {
    let chain = FakeChain::new(20);
    let mut watcher = Watcher::new(chain.clone(), Cursor::new(0, DEPTH));
    let mut cursor = Cursor::new(0, DEPTH);
    drain(&mut watcher).await.iter().for_each(|update| cursor.apply(update));
    drop(watcher);

    chain.reorganise(3);
    for _ in 0..50 {
        chain.mine(1);
    }
    let stored = serde_json::to_string(&cursor).unwrap();
    let mut watcher = Watcher::new(chain.clone(), serde_json::from_str(&stored).unwrap());
    let updates = drain(&mut watcher).await;
    assert_eq!(updates[0].dropped().len(), 3);
    let mut replica = Replica::default();
    updates.iter().for_each(|update| replica.apply(update));
    assert_eq!(replica.all_events(), chain.all_events(17));
}

#[tokio::test]
async fn a_server_that_is_behind_says_nothing_about_newer_blocks() {
    let chain = FakeChain::new(20);
    let mut watcher = Watcher::new(chain.clone(), Cursor::new(0, DEPTH));
    drain(&mut watcher).await;
    for behind in [1, DEPTH + 5] {
        chain.cut(behind);
        assert_eq!(watcher.step().await.unwrap(), None, "{behind} blocks behind");
    }
}

#[tokio::test]
async fn a_shorter_branch_is_a_reorganisation_once_it_differs() {
    let chain = FakeChain::new(20);
    let mut watcher = Watcher::new(chain.clone(), Cursor::new(0, DEPTH));
    drain(&mut watcher).await;
    chain.cut(4);
    chain.mine(1);
    let updates = drain(&mut watcher).await;
    let [ChainUpdate::Reorged { fork, dropped, added }] = updates.as_slice() else { panic!("{updates:?}") };
    assert_eq!((fork.number, numbers(dropped), added.len()), (15, vec![19, 18, 17, 16], 1));
}

#[tokio::test]
async fn whatever_the_chain_does_the_updates_add_up_to_it() {
    let mut rng = StdRng::seed_from_u64(7);
    let chain = FakeChain::new(2);
    let mut watcher = Watcher::new(chain.clone(), Cursor::new(1, DEPTH));
    let (mut replica, mut cursor) = (Replica::default(), Cursor::new(1, DEPTH));
    let mut length = 2;
    for _ in 0..300 {
        let cut = rng.random_range(0..=(DEPTH + 2).min(length - 2));
        let mined = rng.random_range(cut + 1..=cut + 30);
        chain.cut(cut);
        for _ in 0..mined {
            chain.mine(rng.random_range(0..3));
        }
        length = length - cut + mined;
        for update in drain(&mut watcher).await {
            replica.apply(&update);
            cursor.apply(&update);
        }
        assert_eq!(replica.all_events(), chain.all_events(1));
        assert_eq!(cursor.tip(), Some(&chain.block(length - 1)));
        if rng.random_ratio(1, 4) {
            watcher = Watcher::new(chain.clone(), cursor.clone());
        }
    }
}

#[tokio::test]
async fn a_chain_that_changes_while_it_is_read_leaves_no_wrong_update() {
    for requests in 1..40 {
        let chain = FakeChain::new(20);
        let mut watcher = Watcher::new(chain.clone(), Cursor::new(0, DEPTH));
        let mut replica = Replica::default();
        drain(&mut watcher).await.iter().for_each(|update| replica.apply(update));
        chain.reorganise(2);
        (0..DEPTH + 3).for_each(|number| _ = chain.mine(u64::from(number % 2 == 0)));

        chain.reorganise_after(requests, DEPTH - 1);
        loop {
            match watcher.step().await {
                Ok(Some(update)) => replica.apply(&update),
                Ok(None) => break,
                Err(error) => assert!(matches!(error, Error::Moved { .. }), "{error}"),
            }
        }
        // The reorganisation may still be to come.
        drain(&mut watcher).await.iter().for_each(|update| replica.apply(update));
        assert_eq!(replica.all_events(), chain.all_events(0), "reorganised after {requests} requests");
    }
}

#[tokio::test]
async fn a_failing_server_is_asked_again_until_it_answers() {
    let chain = FakeChain::new(3);
    chain.fail(5);
    let (updates, mut received) = mpsc::channel(1);
    let (stop, stopped) = oneshot::channel::<()>();
    let shutdown = async move { drop(stopped.await) };
    let task = tokio::spawn(watch(chain.clone(), Cursor::new(0, DEPTH), Duration::from_millis(1), updates, shutdown));

    let update = timeout(DEADLINE, received.recv()).await.unwrap().unwrap();
    assert_eq!(update.tip(), Some(&chain.block(2)));
    assert_eq!(chain.failures_left(), 0);
    stop.send(()).unwrap();
    timeout(DEADLINE, task).await.unwrap().unwrap();
}

#[tokio::test]
async fn watching_ends_when_nobody_listens() {
    let (updates, received) = mpsc::channel(1);
    drop(received);
    let watching =
        watch(FakeChain::new(3), Cursor::new(0, DEPTH), Duration::from_millis(1), updates, std::future::pending());
    timeout(DEADLINE, watching).await.unwrap();
}
