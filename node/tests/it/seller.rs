//! A seller's node in parts: a farm, a store, what is known of the chain, and peers.

use std::sync::Arc;

use alloy_primitives::{Address, B256, U256};
use hashlease_domain::lease::Rules;
use hashlease_domain::{Domain, EscrowEvent};
use hashlease_node::farm::FarmConfig;
use hashlease_node::keys::SecretKey;
use hashlease_node::net::{self, Net, NetConfig, NetEvent};
use hashlease_node::registry::Registry;
use hashlease_node::settlement::{Block, BlockEvents, ChainUpdate, LoggedEvent};
use hashlease_node::store::{Guard, Store};
use tokio::sync::mpsc;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::farm::{Served, serve};

const DOMAIN: Domain = Domain { chain_id: 31_337, escrow: Address::repeat_byte(0xe5) };
pub(crate) const TOKEN: Address = Address::repeat_byte(3);

/// The parts, without any peer.
pub(crate) struct Seller {
    pub(crate) served: Served,
    pub(crate) store: Store,
    pub(crate) guard: Arc<Guard>,
    pub(crate) registry: Arc<Registry>,
    pub(crate) net: Net,
    pub(crate) events: mpsc::Receiver<NetEvent>,
    pub(crate) shutdown: CancellationToken,
    pub(crate) ends: Ends,
}

/// What ends when it is dropped.
pub(crate) struct Ends {
    _shutdown: DropGuard,
    _dir: tempfile::TempDir,
}

impl Seller {
    pub(crate) async fn start() -> Self {
        let served = serve(FarmConfig { max_messages_per_s: u32::MAX, ..FarmConfig::default() }).await;
        let (dir, shutdown) = (tempfile::tempdir().unwrap(), CancellationToken::new());
        let store = Store::open(&dir.path().join("store")).unwrap();
        let guard = Arc::new(Guard::new(store.clone(), DOMAIN, SecretKey::random()));
        let rules = Rules { confirmations: 1 };
        let registry = Arc::new(Registry::open(store.clone(), guard.address(), rules, 0).unwrap());
        let config = NetConfig {
            chain_id: DOMAIN.chain_id,
            escrow: DOMAIN.escrow,
            listen: vec!["/ip4/127.0.0.1/tcp/0".parse().unwrap()],
            announce: Vec::new(),
            bootstrap: Vec::new(),
            mdns: false,
            kad: false,
            key_file: dir.path().join("peer-key"),
            peers_file: dir.path().join("peers"),
        };
        let (net, events, _) = net::start(config, shutdown.clone()).await.unwrap();
        let ends = Ends { _shutdown: shutdown.clone().drop_guard(), _dir: dir };
        Self { served, store, guard, registry, net, events, shutdown, ends }
    }
}

/// An account's deposit, enough for everything.
pub(crate) fn deposit(account: Address) -> EscrowEvent {
    EscrowEvent::Deposited { account, token: TOKEN, amount: u128::from(u64::MAX) }
}

/// Shows a node a block with these events, and one on top of it.
pub(crate) async fn sees(registry: &Registry, number: u64, time: u64, events: Vec<EscrowEvent>) {
    let block = |number| {
        let hash = |number: u64| B256::from(U256::from(number));
        Block { number, hash: hash(number), parent: hash(number - 1), time }
    };
    let logged = |(log_index, event)| LoggedEvent {
        block_number: number,
        block_hash: block(number).hash,
        tx_hash: B256::ZERO,
        log_index,
        event,
    };
    let events = (0..).zip(events).map(logged).collect();
    let blocks = vec![
        BlockEvents { block: block(number), events },
        BlockEvents { block: block(number + 1), events: Vec::new() },
    ];
    registry.advance(&ChainUpdate::Extended { blocks }).await.unwrap();
}
