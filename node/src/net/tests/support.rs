//! Nodes, orders and patience for the tests.

use std::{path::Path, time::Duration};

use alloy_primitives::{Address, B256, Signature as Recoverable, U256};
use hashlease_domain::{Ask, Signature, Signed, cancellation::OrderCancellation, details::Details};
use k256::ecdsa::SigningKey;
use tempfile::TempDir;
use tokio::{sync::mpsc, task::JoinHandle, time::timeout};
use tokio_util::sync::CancellationToken;

use crate::net::{
    Multiaddr, Net, NetConfig, NetEvent, PeerId, PeerInfo,
    wire::{Blob, OrderMessage},
};

/// Longer than anything here takes on a busy machine.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

pub(super) struct Node {
    pub(super) net: Net,
    pub(super) events: mpsc::Receiver<NetEvent>,
    shutdown: CancellationToken,
    task: JoinHandle<()>,
    /// Lives as long as the node.
    folder: Option<TempDir>,
}

pub(super) fn config(folder: &Path, bootstrap: Vec<Multiaddr>) -> NetConfig {
    NetConfig {
        chain_id: 31_337,
        escrow: Address::repeat_byte(0xE5),
        listen: vec!["/ip4/127.0.0.1/tcp/0".parse().unwrap()],
        announce: Vec::new(),
        bootstrap,
        mdns: false,
        kad: false,
        key_file: folder.join("peer.key"),
        peers_file: folder.join("peers"),
    }
}

impl Node {
    pub(super) async fn start(config: NetConfig) -> Self {
        let shutdown = CancellationToken::new();
        let (net, events, task) = crate::net::start(config, shutdown.clone()).await.unwrap();
        Self { net, events, shutdown, task, folder: None }
    }

    /// Starts a node that knows `bootstrap` and waits until it sees them all.
    pub(super) async fn join(bootstrap: &[&Node]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut addresses = Vec::new();
        for node in bootstrap {
            addresses.extend(node.net.listen_addrs().await);
        }
        let mut node = Self::start(config(folder.path(), addresses)).await;
        node.folder = Some(folder);
        node.see(bootstrap.len()).await;
        node
    }

    /// Waits until so many peers have joined.
    pub(super) async fn see(&mut self, count: usize) -> Vec<PeerId> {
        let mut seen = Vec::new();
        while seen.len() < count {
            seen.push(self.next(|event| if let NetEvent::PeerJoined(peer) = event { Some(peer) } else { None }).await);
        }
        seen
    }

    /// Waits for the next event that `pick` takes; others are dropped.
    pub(super) async fn next<T>(&mut self, pick: impl Fn(NetEvent) -> Option<T>) -> T {
        let picked = async {
            loop {
                if let Some(picked) = pick(self.events.recv().await.expect("the network runs")) {
                    return picked;
                }
            }
        };
        timeout(DEADLINE, picked).await.expect("the event comes before the deadline")
    }

    /// Waits for the next order.
    pub(super) async fn order(&mut self) -> (PeerId, crate::net::MessageToken, OrderMessage) {
        let order = |event| match event {
            NetEvent::Order { from, token, message } => Some((from, token, *message)),
            _ => None,
        };
        self.next(order).await
    }

    /// Returns what this node knows of a peer, as soon as `ready` says so.
    pub(super) async fn peer(&self, peer: PeerId, ready: impl Fn(&PeerInfo) -> bool) -> PeerInfo {
        soon(async || {
            let infos = self.net.peers().await;
            infos.into_iter().find(|info| info.peer == peer && ready(info))
        })
        .await
    }

    pub(super) async fn stop(self) {
        self.shutdown.cancel();
        timeout(DEADLINE, self.task).await.unwrap().unwrap();
        drop(self.folder);
    }
}

/// Asks until there is an answer.
pub(super) async fn soon<T>(ask: impl AsyncFn() -> Option<T>) -> T {
    let answered = async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            tokio::task::yield_now().await;
        }
    };
    timeout(DEADLINE, answered).await.expect("the answer comes before the deadline")
}

pub(crate) fn ask(number: u64) -> OrderMessage {
    let document = br#"{"peer":"12D3KooWExample","addresses":["/ip4/127.0.0.1/tcp/7781"]}"#.to_vec();
    let order = Ask {
        seller: Address::repeat_byte(1),
        payee: Address::repeat_byte(2),
        token: Address::repeat_byte(3),
        price: 50_000_000_000_000_000_000_000,
        hashrate: 3_000_000,
        min_hashrate: 1_000_000,
        min_duration: 60,
        max_duration: 86_400,
        sla_bps: 8_500,
        bond_bps: 1_000,
        proof_bps: 9_000,
        cancel_notice: 60,
        proof_window: 1_800,
        proof_shares: 256,
        tags: U256::from(5),
        details: Details::hash(&document),
        expiry: 1_800_000_000,
        epoch: 0,
        salt: B256::from(U256::from(number)),
    };
    OrderMessage::Ask { signed: Signed { order, signature: vec![7; 65] }, details: Blob(document) }
}

pub(crate) fn cancel(number: u64) -> OrderMessage {
    let order = OrderCancellation { maker: Address::repeat_byte(1), salt: B256::from(U256::from(number)) };
    OrderMessage::Cancel { signed: Signed { order, signature: vec![7; 65] } }
}

pub(crate) fn key(byte: u8) -> SigningKey {
    SigningKey::from_slice(&[byte; 32]).unwrap()
}

pub(crate) fn address(key: &SigningKey) -> Address {
    Address::from_public_key(key.verifying_key())
}

pub(crate) fn sign(key: &SigningKey, digest: B256) -> Signature {
    let signature: Recoverable = key.sign_prehash_recoverable(digest.as_slice()).unwrap().into();
    Signature::from_slice(&signature.as_bytes()).unwrap()
}
