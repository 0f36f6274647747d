//! The watcher on a real chain.

use std::time::Duration;

use alloy_primitives::B256;
use hashlease_domain::EscrowEvent;
use serde_json::json;
use tokio::{sync::mpsc, time::timeout};

use super::anvil::{DEADLINE, Key, World};
use crate::settlement::{Call, Chain, ChainUpdate, Cursor, Evm, watch};

#[tokio::test]
async fn a_reorganisation_of_a_real_chain_is_followed() {
    let world = World::new().await;
    let (updates, mut received) = mpsc::channel(4);
    let evm = Evm::new(&world.anvil.url, world.evm.domain(), DEADLINE).unwrap();
    let cursor = Cursor::new(world.start, Cursor::DEPTH);
    tokio::spawn(watch(evm, cursor, Duration::from_millis(20), updates, std::future::pending()));
    let mut next = async || timeout(DEADLINE, received.recv()).await.unwrap().unwrap();

    let first = next().await;
    let fork = *first.tip().unwrap();
    let salt = B256::repeat_byte(7);
    let mined = world.send(&Key::new(1), &Call::CancelOrder { salt }).await;
    let update = next().await;
    let ChainUpdate::Extended { blocks } = &update else { panic!("{update:?}") };
    assert_eq!(blocks[0].block.hash, mined.block_hash);
    assert_eq!(blocks[0].events[0].event, EscrowEvent::OrderCancelled { maker: Key::new(1).address(), salt });

    world.anvil.ask("anvil_reorg", json!([1, []])).await;
    let update = next().await;
    let ChainUpdate::Reorged { fork: found, dropped, added } = update else { panic!("{update:?}") };
    assert_eq!(found, fork);
    assert_eq!(dropped.iter().map(|block| block.hash).collect::<Vec<_>>(), [mined.block_hash]);
    assert_eq!(added.last().unwrap().block, world.evm.head().await.unwrap());
    assert!(added.iter().all(|added| added.events.is_empty()), "the cancellation was in the dropped block");
}

#[tokio::test]
async fn a_long_range_and_single_blocks_hold_the_same_events() {
    let world = World::new().await;
    for salt in 1..=3 {
        world.send(&Key::new(1), &Call::CancelOrder { salt: B256::repeat_byte(salt) }).await;
        world.anvil.ask("anvil_mine", json!([5])).await;
    }
    let head = world.evm.head().await.unwrap();
    let in_range = world.evm.events(0, head.number).await.unwrap();
    assert_eq!(in_range.len(), 3);
    let mut one_by_one = Vec::new();
    for number in 0..=head.number {
        let block = world.evm.block_at(number).await.unwrap().unwrap();
        one_by_one.extend(world.evm.events_of(&block).await.unwrap());
    }
    assert_eq!(in_range, one_by_one);
}
