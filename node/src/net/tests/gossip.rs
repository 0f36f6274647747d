use std::time::Instant;

use super::support::{DEADLINE, Node, ask, cancel, soon};
use crate::net::{
    Net, NetError, Verdict,
    event_loop::Command,
    wire::{self, OrderMessage, Wire as _},
};

/// Publishes bytes that no honest node would.
async fn publish_bytes(net: &Net, bytes: Vec<u8>) -> Result<(), NetError> {
    net.ask(|reply| Command::Publish { bytes, reply }).await.unwrap()
}

/// A and C know only B, and B sees both.
async fn chain() -> (Node, Node, Node) {
    let mut b = Node::join(&[]).await;
    let a = Node::join(&[&b]).await;
    let c = Node::join(&[&b]).await;
    b.see(2).await;
    (a, b, c)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_travels_on_only_after_it_is_accepted() {
    let (a, mut b, mut c) = chain().await;
    a.net.publish(&ask(1)).await.unwrap();
    let (from, held, order) = b.order().await;
    assert_eq!((from, order), (a.net.peer_id(), ask(1)));
    a.net.publish(&cancel(2)).await.unwrap();
    let (_, token, _) = b.order().await;
    b.net.report(token, Verdict::Accept);
    // What was accepted first arrives first, though it was published later.
    let (from, _token, order) = c.order().await;
    assert_eq!((from, order), (b.net.peer_id(), cancel(2)));
    b.net.report(held, Verdict::Accept);
    let (from, _token, order) = c.order().await;
    assert_eq!((from, order), (b.net.peer_id(), ask(1)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_that_is_rejected_ignored_or_forgotten_goes_no_further() {
    let (a, mut b, mut c) = chain().await;
    for (number, verdict) in
        [(1, Some(Verdict::Reject)), (2, Some(Verdict::Ignore)), (3, None), (4, Some(Verdict::Accept))]
    {
        a.net.publish(&ask(number)).await.unwrap();
        let (_, token, order) = b.order().await;
        assert_eq!(order, ask(number));
        match verdict {
            Some(verdict) => b.net.report(token, verdict),
            None => drop(token),
        }
    }
    let (_, _token, order) = c.order().await;
    assert_eq!(order, ask(4));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_that_are_no_order_never_reach_the_market() {
    let (a, mut b, _c) = chain().await;
    let second_encoding = [wire::encode(&ask(1)).unwrap(), vec![0]].concat();
    publish_bytes(&a.net, second_encoding).await.unwrap();
    publish_bytes(&a.net, vec![0; OrderMessage::MAX_BYTES + 1]).await.unwrap();
    a.net.publish(&ask(2)).await.unwrap();
    let (_, _token, order) = b.order().await;
    assert_eq!(order, ask(2));
    let counts = b.peer(a.net.peer_id(), |_| true).await.orders;
    assert_eq!((counts.passed, counts.malformed, counts.limited, counts.crowded), (1, 2, 0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frame_beyond_the_limit_is_not_even_sent() {
    let b = Node::join(&[]).await;
    let a = Node::join(&[&b]).await;
    let refused = publish_bytes(&a.net, vec![0; 17 * 1024]).await;
    assert!(matches!(refused, Err(NetError::Publish(_))), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_invalid_orders_cost_a_peer_its_place_in_the_market() {
    let mut b = Node::join(&[]).await;
    let a = Node::join(&[&b]).await;
    b.see(1).await;
    b.net.publish(&ask(1)).await.unwrap();
    for number in 0..3 {
        publish_bytes(&a.net, vec![number]).await.unwrap();
    }
    b.peer(a.net.peer_id(), |info| info.orders.malformed == 3).await;
    let unheard = b.net.publish(&ask(2)).await;
    assert!(matches!(unheard, Err(NetError::NoPeers)), "{unheard:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_floods_is_held_to_its_share() {
    let mut b = Node::join(&[]).await;
    let a = Node::join(&[&b]).await;
    b.see(1).await;
    let start = Instant::now();
    let Node { net, mut events, .. } = b;
    tokio::spawn(async move { while events.recv().await.is_some() {} });
    let mut number = 0;
    let counts = loop {
        for _ in 0..50 {
            number += 1;
            a.net.publish(&cancel(number)).await.unwrap();
        }
        let counts = soon(async || net.peers().await.first().map(|info| info.orders)).await;
        if counts.limited > 0 {
            break counts;
        }
        assert!(start.elapsed() < DEADLINE, "nothing was held back of {number}");
    };
    let refilled = u64::try_from(start.elapsed().as_millis() / 25).unwrap();
    assert!(counts.passed + counts.crowded <= 256 + refilled + 1, "{counts:?} after {refilled} refills");
}

#[tokio::test]
async fn a_node_alone_says_that_nobody_listens() {
    let a = Node::join(&[]).await;
    assert!(matches!(a.net.publish(&ask(1)).await, Err(NetError::NoPeers)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn publishing_the_same_order_again_does_nothing() {
    let mut b = Node::join(&[]).await;
    let a = Node::join(&[&b]).await;
    for number in [1, 1, 2] {
        a.net.publish(&ask(number)).await.unwrap();
    }
    let (_, _first, order) = b.order().await;
    assert_eq!(order, ask(1));
    let (_, _second, order) = b.order().await;
    assert_eq!(order, ask(2));
}
