//! Orders that cannot stand, from peers and from callers: each is refused, counted, and goes no further.

use std::collections::BTreeMap;

use alloy_primitives::U256;
use hashlease_domain::{Ask, Bid, Domain, Signed, cancellation::OrderCancellation};
use hashlease_node::api::types::BidRequest;
use hashlease_tests::{Chain, Ground, Node, Setup, until};
use reqwest::Method;
use serde_json::{Value, json};

use crate::hostile::{DOCUMENT, Maker, Peer, ask_bytes, bid_bytes, cancel_bytes};

/// Order of the group of secp256k1.
const CURVE_ORDER: &str = "0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";

/// Refused orders by reason.
type Counts = BTreeMap<String, u64>;

async fn counts(node: &Node) -> Counts {
    serde_json::from_value(node.get("status").await.unwrap()["refusedOrders"].take()).unwrap()
}

/// The ids of one side of a node's book.
async fn book(node: &Node, side: &str) -> Vec<Value> {
    let book = node.get("book").await.unwrap();
    book[side].as_array().unwrap().iter().map(|order| order["id"].clone()).collect()
}

async fn book_holds(node: &Node, side: &str, count: usize) {
    let held = until("the book to be as expected", 30, || async {
        Ok(Some(book(node, side).await).filter(|orders| orders.len() == count))
    });
    held.await.unwrap_or_else(|error| panic!("{error:?}\n{}", node.tail()));
}

/// A node that is attacked, its only honest neighbour, and a maker with one token in the escrow.
struct Scene {
    ground: Ground,
    node: Node,
    neighbour: Node,
    domain: Domain,
    maker: Maker,
    pauper: Maker,
    /// A time at which the scene's orders still live.
    later: u64,
    expected: Counts,
}

impl Scene {
    async fn set() -> Self {
        let ground = Ground::set(|_| {}).await.unwrap();
        let sections = "[farm]\nstratum = \"127.0.0.1:0\"\n".to_owned();
        let mut node = ground.node("node", &Setup { sections, ..Setup::default() }).await.unwrap();
        node.start().await.unwrap();
        let bootstrap = node.addresses().await.unwrap();
        let mut neighbour = ground.node("neighbour", &Setup { bootstrap, ..Setup::default() }).await.unwrap();
        neighbour.start().await.unwrap();
        let [maker, pauper] = [Maker::new(ground.token), Maker::new(ground.token)];
        ground.chain.fund(ground.token, ground.escrow, maker.address(), 10_u128.pow(18)).await.unwrap();
        let scene = Self {
            domain: Domain { chain_id: Chain::ID, escrow: ground.escrow },
            later: ground.chain.now().await.unwrap() + 3_600,
            expected: Counts::new(),
            ground,
            node,
            neighbour,
            maker,
            pauper,
        };
        scene.chain_is_seen().await;
        scene
    }

    /// Waits until both nodes have read the chain up to now, and see each other.
    async fn chain_is_seen(&self) {
        let head = self.ground.chain.call("eth_blockNumber", json!([])).await.unwrap();
        let head: U256 = serde_json::from_value(head).unwrap();
        for node in [&self.node, &self.neighbour] {
            let seen = until("a node to see the chain and its peer", 30, || async {
                let status = node.get("status").await?;
                let number = status["head"]["number"].as_u64().unwrap_or_default();
                Ok((U256::from(number) >= head && status["peers"].as_u64() > Some(0)).then_some(()))
            });
            seen.await.unwrap();
        }
    }

    fn signed_ask(&self, change: impl FnOnce(&mut Ask)) -> Signed<Ask> {
        let mut ask = self.maker.ask(self.later);
        change(&mut ask);
        self.maker.sign(&self.domain, ask)
    }

    fn ask(&self, change: impl FnOnce(&mut Ask)) -> Vec<u8> {
        ask_bytes(self.signed_ask(change))
    }

    /// Waits until the node counts exactly what was refused so far.
    async fn counted(&self) {
        let counted = until("the refused orders to be counted", 30, || async {
            Ok((counts(&self.node).await == self.expected).then_some(()))
        });
        if let Err(error) = counted.await {
            panic!(
                "{error}: {:?} are counted, not {:?}\n{}",
                counts(&self.node).await,
                self.expected,
                self.node.tail()
            );
        }
    }

    /// Sends bytes from a new peer, and sees them refused for `reason`. A peer that the node knows already would
    /// soon not be heard any more.
    async fn refused(&mut self, reason: &str, bytes: Vec<u8>) {
        let peer = Peer::join(&self.node, &self.domain).await;
        peer.publish(bytes).await;
        *self.expected.entry(reason.to_owned()).or_default() += 1;
        self.counted().await;
    }

    async fn books_hold(&self, side: &str, count: usize) {
        for node in [&self.node, &self.neighbour] {
            book_holds(node, side, count).await;
        }
    }

    /// Posts a bid and returns status and answer.
    async fn post(&self, signed: Signed<Bid>, details: &[u8]) -> (u16, Value) {
        let Signed { order: bid, signature } = signed;
        let request = BidRequest { bid, signature, details: String::from_utf8(details.to_vec()).unwrap() };
        self.node.request(Method::POST, "bids", serde_json::to_string(&request).unwrap()).await.unwrap()
    }

    /// Posts a bid that is refused for `reason`, in words with `part`.
    async fn post_refused(&mut self, reason: &str, part: &str, signed: Signed<Bid>, details: &[u8]) {
        let (status, answer) = self.post(signed, details).await;
        assert_eq!((status, &answer["code"]), (422, &json!("order-refused")), "{answer}");
        assert!(answer["detail"].as_str().unwrap().contains(part), "{part:?} is missing in {answer}");
        *self.expected.entry(reason.to_owned()).or_default() += 1;
        self.counted().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_orders_from_peers_are_refused_counted_and_not_forwarded() {
    let mut scene = Scene::set().await;
    let sound = scene.ask(|_| {});
    // Beyond a frame the stream itself ends: nobody gets so far as to count it.
    let crude = Peer::join(&scene.node, &scene.domain).await;
    crude.publish(vec![0; 256 << 10]).await;

    let malformed = [
        vec![0xff; 100],
        sound[..sound.len() - 1].to_vec(),
        [&sound[..], &[0]].concat(),
        vec![0; 15 * 1024 + 1],
        // A thousand arrays in each other, and a text that claims to be of 2^62 bytes.
        vec![0x81; 1_000],
        [&[0x7b, 0x40][..], &[0; 7]].concat(),
    ];
    for bytes in malformed {
        scene.refused("malformed", bytes).await;
    }

    let (signed, stranger) = (scene.signed_ask(|_| {}), Maker::new(scene.ground.token));
    let ask = signed.order.clone();
    let short = Signed { order: ask.clone(), signature: signed.signature[..64].to_vec() };
    let mut high_s = signed;
    let s = CURVE_ORDER.parse::<U256>().unwrap() - U256::from_be_slice(&high_s.signature[32..64]);
    high_s.signature[32..64].copy_from_slice(&s.to_be_bytes::<32>());
    high_s.signature[64] = 55 - high_s.signature[64];
    let other_chain = scene.maker.sign(&Domain { chain_id: 1, ..scene.domain }, ask.clone());
    let other_escrow = scene.maker.sign(&Domain { escrow: scene.ground.token, ..scene.domain }, ask.clone());
    let forged = stranger.sign(&scene.domain, ask);
    for signed in [short, high_s, other_chain, other_escrow, forged] {
        scene.refused("forged", ask_bytes(signed)).await;
    }
    let bid = stranger.sign(&scene.domain, scene.maker.bid(scene.later));
    scene.refused("forged", bid_bytes(bid)).await;

    let now = scene.ground.chain.now().await.unwrap();
    scene.refused("expired", scene.ask(|ask| ask.expiry = now - 60)).await;
    scene.refused("faulty", scene.ask(|ask| ask.expiry = now + 3 * 86_400)).await;
    scene.refused("faulty", scene.ask(|ask| (ask.price, ask.hashrate) = (u128::MAX, u64::MAX))).await;
    scene.refused("faulty", scene.ask(|ask| ask.bond_bps = 0)).await;
    scene.refused("details", scene.ask(|ask| ask.details = ask.salt)).await;
    scene.refused("wrong epoch", scene.ask(|ask| ask.epoch = 1)).await;
    scene.refused("unfunded", scene.ask(|ask| ask.price = 10_u128.pow(24))).await;
    let poor = scene.pauper.sign(&scene.domain, scene.pauper.bid(scene.later));
    scene.refused("unfunded", bid_bytes(poor)).await;
    scene.books_hold("asks", 0).await;
    scene.books_hold("bids", 0).await;

    replays(&mut scene, sound).await;
    scene.books_hold("asks", 0).await;
    assert_eq!(counts(&scene.neighbour).await, Counts::new(), "an honest node forwards nothing that it refuses");
    let shown = scene.node.cli(&["status"]).await.unwrap();
    assert_eq!(shown["refusedOrders"], json!(scene.expected));
    for mut node in [scene.node, scene.neighbour] {
        assert!(!node.said().unwrap().contains("panicked"));
        node.stop().await.unwrap();
    }
}

/// A sound order comes again: as it was, in an older version, and after its end, by word and on the chain.
async fn replays(scene: &mut Scene, first: Vec<u8>) {
    let signed = scene.signed_ask(|_| {});
    let (salt, expiry) = (signed.order.salt, signed.order.expiry);
    let version = |scene: &Scene, expiry| scene.ask(|ask| (ask.salt, ask.expiry) = (salt, expiry));
    let peer = Peer::join(&scene.node, &scene.domain).await;
    peer.publish(ask_bytes(signed.clone())).await;
    scene.books_hold("asks", 1).await;
    // Gossip itself knows the bytes: the next order of this peer is all that arrives.
    peer.publish(ask_bytes(signed)).await;
    peer.publish(version(scene, expiry - 1)).await;
    *scene.expected.entry("not newer".to_owned()).or_default() += 1;
    scene.counted().await;
    scene.books_hold("asks", 1).await;

    // A stranger cannot end it, its maker can, and then no version of it comes back.
    let end = OrderCancellation { maker: scene.maker.address(), salt };
    scene.refused("forged", cancel_bytes(scene.pauper.sign(&scene.domain, end))).await;
    scene.books_hold("asks", 1).await;
    peer.publish(cancel_bytes(scene.maker.sign(&scene.domain, end))).await;
    scene.books_hold("asks", 0).await;
    scene.refused("cancelled", version(scene, expiry + 1)).await;

    peer.publish(first).await;
    scene.books_hold("asks", 1).await;
    let salt = scene.node.get("book").await.unwrap()["asks"][0]["ask"]["salt"].take();
    let salt = serde_json::from_value(salt).unwrap();
    scene.ground.chain.cancel_order(scene.ground.escrow, scene.maker.address(), salt).await.unwrap();
    scene.books_hold("asks", 0).await;
    scene.refused("cancelled", scene.ask(|ask| (ask.salt, ask.expiry) = (salt, expiry + 1))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_orders_from_callers_are_refused_with_what_to_change() {
    let mut scene = Scene::set().await;
    let sound = scene.maker.bid(scene.later);
    let body = |bid: &Bid| {
        let request = BidRequest { bid: bid.clone(), signature: vec![0; 65], details: String::new() };
        serde_json::to_value(request).unwrap()
    };
    let mut unknown = body(&sound);
    unknown["bid"]["colour"] = json!("red");
    let mut missing = body(&sound);
    missing["bid"].as_object_mut().unwrap().remove("salt");
    let mut negative = body(&sound);
    negative["bid"]["maxPrice"] = json!("-1");
    let long = body(&sound).to_string() + &" ".repeat(33 << 10);
    for (text, status, part) in [
        ("{".to_owned(), 400, "JSON"),
        (unknown.to_string(), 422, "colour"),
        (missing.to_string(), 422, "salt"),
        (negative.to_string(), 422, "maxPrice"),
        (long, 413, "length limit"),
    ] {
        let (code, answer) = scene.node.request(Method::POST, "bids", text).await.unwrap();
        assert_eq!((code, &answer["code"]), (status, &json!("bad-body")), "{answer}");
        assert!(answer["detail"].as_str().unwrap().contains(part), "{part:?} is missing in {answer}");
    }

    let stranger = Maker::new(scene.ground.token);
    let by_its_maker = "the order is not signed by its maker";
    scene.post_refused("forged", by_its_maker, stranger.sign(&scene.domain, sound.clone()), DOCUMENT).await;
    let elsewhere = Domain { chain_id: 1, ..scene.domain };
    scene.post_refused("forged", by_its_maker, scene.maker.sign(&elsewhere, sound.clone()), DOCUMENT).await;
    let now = scene.ground.chain.now().await.unwrap();
    let old = scene.maker.sign(&scene.domain, scene.maker.bid(now - 60));
    scene.post_refused("expired", "sign it again with a later expiry", old, DOCUMENT).await;
    let poor = scene.pauper.sign(&scene.domain, scene.pauper.bid(scene.later));
    scene.post_refused("unfunded", "deposit more", poor, DOCUMENT).await;
    let signed = scene.maker.sign(&scene.domain, sound);
    scene.post_refused("details", "not the one that the order names", signed.clone(), b"{}").await;

    let (status, answer) = scene.post(signed.clone(), DOCUMENT).await;
    assert_eq!(status, 201, "{answer}");
    scene.books_hold("bids", 1).await;
    scene.post_refused("not newer", "sign one that expires later", signed.clone(), DOCUMENT).await;
    let path = format!("orders/{}", signed.order.salt);
    assert_eq!(scene.node.request(Method::DELETE, &path, String::new()).await.unwrap().0, 204);
    assert_eq!(scene.node.request(Method::DELETE, &path, String::new()).await.unwrap().0, 404);
    scene.post_refused("cancelled", "sign it again under a new one", signed, DOCUMENT).await;

    let ask = ["ask", "--hashrate", "2 MH/s", "--price", "0.05 HLT/TH/day", "--max-duration", "6h", "--bond", "20%"];
    let (code, said) = scene.node.cli_fails(&ask).await.unwrap();
    assert!(code == Some(1) && said.contains("deposit more"), "{code:?} {said}");
    *scene.expected.get_mut("unfunded").unwrap() += 1;
    scene.counted().await;

    // The neighbour still has the cancelled bid, and offers it to a node that starts anew with an empty book.
    book_holds(&scene.neighbour, "bids", 1).await;
    scene.node.stop().await.unwrap();
    scene.node.start().await.unwrap();
    scene.expected = Counts::from([("cancelled".to_owned(), 1)]);
    scene.counted().await;
    book_holds(&scene.node, "bids", 0).await;
    scene.node.stop().await.unwrap();
}
