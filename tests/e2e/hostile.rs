//! A peer that sends what it likes to a node, and the orders that it sends.

use std::time::Duration;

use alloy_primitives::{Address, B256, Signature as Recoverable, U256};
use futures::StreamExt as _;
use hashlease_domain::{Ask, Bid, Domain, Eip712, Signed, cancellation::OrderCancellation, details::Details};
use hashlease_node::net::wire::{self, Blob, OrderMessage};
use hashlease_tests::Node;
use k256::ecdsa::SigningKey;
use libp2p::{
    Multiaddr, SwarmBuilder,
    gossipsub::{self, ConfigBuilder, IdentTopic, MessageAuthenticity},
    noise, ping,
    swarm::{NetworkBehaviour, SwarmEvent},
    tcp, yamux,
};
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinSet,
    time::timeout,
};

/// Longest wait for a node to let the peer in.
const DEADLINE: Duration = Duration::from_secs(60);
/// What travels with every order.
pub(crate) const DOCUMENT: &[u8] = br#"{"peer":"12D3KooWHostile","addresses":[]}"#;

/// The least that a node keeps a connection for.
#[derive(NetworkBehaviour)]
struct Behaviour {
    gossip: gossipsub::Behaviour,
    ping: ping::Behaviour,
}

/// A peer in the mesh of one node, under an identity of its own.
pub(crate) struct Peer {
    publish: mpsc::Sender<(Vec<u8>, oneshot::Sender<()>)>,
    /// Ends with the peer.
    _swarm: JoinSet<()>,
}

impl Peer {
    /// Connects to a node and waits until both follow the orders of the market.
    pub(crate) async fn join(node: &Node, domain: &Domain) -> Self {
        let mut swarm = SwarmBuilder::with_new_identity()
            .with_tokio()
            .with_tcp(tcp::Config::default().nodelay(true), noise::Config::new, yamux::Config::default)
            .unwrap()
            .with_behaviour(|key| {
                // Frames as large as it likes; an honest node takes 16 KiB.
                let config = ConfigBuilder::default().max_transmit_size(1 << 20).build().unwrap();
                let gossip = gossipsub::Behaviour::new(MessageAuthenticity::Signed(key.clone()), config).unwrap();
                Behaviour { gossip, ping: ping::Behaviour::default() }
            })
            .unwrap()
            .with_swarm_config(|config| config.with_idle_connection_timeout(DEADLINE))
            .build();
        let topic = IdentTopic::new(format!("hashlease/1/{}/{:#x}/orders", domain.chain_id, domain.escrow));
        swarm.behaviour_mut().gossip.subscribe(&topic).unwrap();
        let address: Multiaddr = node.addresses().await.unwrap()[0].parse().unwrap();
        swarm.dial(address).unwrap();
        let joined = async {
            while !matches!(
                swarm.select_next_some().await,
                SwarmEvent::Behaviour(BehaviourEvent::Gossip(gossipsub::Event::Subscribed { topic: theirs, .. }))
                    if theirs == topic.hash()
            ) {}
        };
        timeout(DEADLINE, joined).await.unwrap();

        let (publish, mut queue) = mpsc::channel::<(Vec<u8>, oneshot::Sender<()>)>(1);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            loop {
                tokio::select! {
                    Some((bytes, done)) = queue.recv() => {
                        swarm.behaviour_mut().gossip.publish(topic.clone(), bytes).unwrap();
                        done.send(()).unwrap();
                    }
                    _ = swarm.select_next_some() => {}
                }
            }
        });
        Self { publish, _swarm: tasks }
    }

    /// Publishes bytes on the topic of the orders.
    pub(crate) async fn publish(&self, bytes: Vec<u8>) {
        let (done, is_done) = oneshot::channel();
        self.publish.send((bytes, done)).await.unwrap();
        is_done.await.unwrap();
    }
}

/// Somebody who signs orders.
pub(crate) struct Maker {
    key: SigningKey,
    token: Address,
}

impl Maker {
    pub(crate) fn new(token: Address) -> Self {
        Self { key: SigningKey::random(&mut k256::elliptic_curve::rand_core::OsRng), token }
    }

    pub(crate) fn address(&self) -> Address {
        Address::from_private_key(&self.key)
    }

    pub(crate) fn sign<T: Eip712>(&self, domain: &Domain, order: T) -> Signed<T> {
        let signature: Recoverable =
            self.key.sign_prehash_recoverable(domain.digest(&order).as_slice()).unwrap().into();
        Signed { order, signature: signature.as_bytes().to_vec() }
    }

    /// A sound ask of 1 TH/s whose bond is far below one token.
    pub(crate) fn ask(&self, expiry: u64) -> Ask {
        Ask {
            seller: self.address(),
            payee: self.address(),
            token: self.token,
            price: 10_u128.pow(18),
            hashrate: 10_u64.pow(12),
            min_hashrate: 10_u64.pow(12),
            min_duration: 3_600,
            max_duration: 86_400,
            sla_bps: 8_500,
            bond_bps: 2_000,
            proof_bps: 9_000,
            cancel_notice: 600,
            proof_window: 3_600,
            proof_shares: 256,
            tags: U256::ZERO,
            details: Details::hash(DOCUMENT),
            expiry,
            epoch: 0,
            salt: B256::random(),
        }
    }

    /// A sound bid that no ask of [`Maker::ask`] meets, and whose lock is far below one token.
    pub(crate) fn bid(&self, expiry: u64) -> Bid {
        Bid {
            buyer: self.address(),
            agent: self.address(),
            token: self.token,
            max_price: 10_u128.pow(17),
            hashrate: 10_u64.pow(12),
            min_hashrate: 10_u64.pow(12),
            duration: 7_200,
            min_sla_bps: 8_000,
            min_bond_bps: 1_000,
            max_proof_bps: 9_000,
            max_cancel_notice: 600,
            max_proof_window: 3_600,
            min_proof_shares: 256,
            required_tags: U256::ZERO,
            seller: Address::ZERO,
            matcher: Address::ZERO,
            matcher_fee_bps: 0,
            details: Details::hash(DOCUMENT),
            expiry,
            epoch: 0,
            salt: B256::random(),
        }
    }
}

/// The bytes of an ask on gossip.
pub(crate) fn ask_bytes(signed: Signed<Ask>) -> Vec<u8> {
    wire::encode(&OrderMessage::Ask { signed, details: Blob(DOCUMENT.to_vec()) }).unwrap()
}

/// The bytes of a bid on gossip.
pub(crate) fn bid_bytes(signed: Signed<Bid>) -> Vec<u8> {
    wire::encode(&OrderMessage::Bid { signed, details: Blob(DOCUMENT.to_vec()) }).unwrap()
}

/// The bytes of a cancellation on gossip.
pub(crate) fn cancel_bytes(signed: Signed<OrderCancellation>) -> Vec<u8> {
    wire::encode(&OrderMessage::Cancel { signed }).unwrap()
}
