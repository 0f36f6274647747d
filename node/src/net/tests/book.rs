use alloy_primitives::{B256, U256};

use super::support::{Node, ask, soon};
use crate::net::{
    NetError, NetEvent,
    wire::{MAX_ORDERS, WireError},
};

fn id(number: u64) -> B256 {
    B256::from(U256::from(number))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_joins_asks_for_digests_and_then_for_what_it_lacks() {
    let mut b = Node::join(&[]).await;
    let a = Node::join(&[&b]).await;
    let peer = b.net.peer_id();
    let asked = tokio::spawn(async move {
        let ids = a.net.book_digests(peer).await.unwrap();
        let orders = a.net.book_orders(peer, ids[1..].to_vec()).await.unwrap();
        (ids, orders)
    });
    let reply = b.next(|event| if let NetEvent::BookDigests { reply } = event { Some(reply) } else { None }).await;
    reply.send(vec![id(1), id(2), id(3)]).unwrap();
    let orders = |event| if let NetEvent::BookOrders { ids, reply } = event { Some((ids, reply)) } else { None };
    let (ids, reply) = b.next(orders).await;
    assert_eq!(ids, [id(2), id(3)]);
    reply.send(vec![ask(2)]).unwrap();
    assert_eq!(asked.await.unwrap(), (vec![id(1), id(2), id(3)], vec![ask(2)]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_market_that_does_not_answer_is_an_error_at_the_asker() {
    let mut b = Node::join(&[]).await;
    let a = Node::join(&[&b]).await;
    let peer = b.net.peer_id();
    let asked = tokio::spawn(async move { a.net.book_digests(peer).await });
    drop(b.next(|event| if let NetEvent::BookDigests { reply } = event { Some(reply) } else { None }).await);
    let failed = asked.await.unwrap();
    assert!(matches!(failed, Err(NetError::Book { .. })), "{failed:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_orders_than_were_asked_for_are_refused() {
    let mut b = Node::join(&[]).await;
    let a = Node::join(&[&b]).await;
    let peer = b.net.peer_id();
    let asked = tokio::spawn(async move { a.net.book_orders(peer, vec![id(1)]).await });
    let reply = b.next(|event| if let NetEvent::BookOrders { reply, .. } = event { Some(reply) } else { None }).await;
    reply.send(vec![ask(1), ask(2)]).unwrap();
    let failed = asked.await.unwrap();
    assert!(matches!(failed, Err(NetError::WrongAnswer { .. })), "{failed:?}");
}

#[tokio::test]
async fn a_request_beyond_its_bound_is_not_sent() {
    let a = Node::join(&[]).await;
    let failed = a.net.book_orders(a.net.peer_id(), vec![id(1); MAX_ORDERS + 1]).await;
    assert!(matches!(failed, Err(NetError::Wire(WireError::OutOfBounds { limit: MAX_ORDERS, .. }))), "{failed:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_asks_without_end_is_turned_away() {
    let mut b = Node::join(&[]).await;
    let a = Node::join(&[&b]).await;
    let peer = b.net.peer_id();
    tokio::spawn(async move {
        while let Some(event) = b.events.recv().await {
            if let NetEvent::BookDigests { reply } = event {
                reply.send(Vec::new()).unwrap();
            }
        }
    });
    let failed = soon(async || a.net.book_digests(peer).await.err()).await;
    assert!(matches!(failed, NetError::Book { .. }), "{failed:?}");
}
