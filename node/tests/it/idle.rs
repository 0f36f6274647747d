//! What isn't leased mines for the seller's own pool.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use alloy_primitives::{Address, B256};
use hashlease_domain::{EscrowEvent, Terms};
use hashlease_miner::stratum::Notify;
use hashlease_node::clock;
use hashlease_node::delivery::{self, Delivery};
use hashlease_node::destination::{Password, Patience, Pool, PoolConfig};
use hashlease_node::farm::Shortfall;
use hashlease_node::net::{PeerId, WorkStream};
use hashlease_node::registry::Registry;
use serde_json::json;
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

use crate::farm::{Served, mine_beside, until};
use crate::scripted_pool::{Peer, ScriptedPool, VERSION_MASK, job, verify};
use crate::seller::{Ends, Seller, TOKEN, deposit, sees};

const LEASE: B256 = B256::repeat_byte(9);
/// Far above what the miner does, so that the lease has all of it.
const HASHRATE: u64 = 300_000_000;
/// A share every 4.3 million hashes.
const DIFFICULTY: f64 = 1e-3;
const DURATION_S: u64 = 15;

/// A seller's leases at work, and a pool of its own.
struct Stage {
    pool: ScriptedPool,
    served: Served,
    registry: Arc<Registry>,
    seller: Address,
    delivery: Delivery,
    _streams: mpsc::Sender<(PeerId, WorkStream)>,
    _ends: Ends,
}

async fn stage(patience: Patience) -> Stage {
    let (pool, seller) = (ScriptedPool::listen_with(8).await, Seller::start().await);
    let Seller { mut served, store, guard, registry, net, shutdown, ends, .. } = seller;
    let client = pool.config();
    let config = PoolConfig {
        section: "farm.idle",
        urls: vec![client.url],
        user: client.user,
        password: Password::new(client.password),
        patience,
    };
    let (streams, stream_queue) = mpsc::channel(1);
    let shares = std::mem::replace(&mut served.shares, mpsc::channel(1).1);
    let account = guard.address();
    let parts = delivery::Parts {
        store,
        registry: Arc::clone(&registry),
        guard,
        net,
        farm: Some((served.farm.clone(), shares)),
        standby_after: Duration::from_secs(60),
        shortfall: Shortfall::default(),
        idle: Some(Pool::new(config, shutdown.clone())),
        destination: None,
        streams: stream_queue,
    };
    let delivery = delivery::start(parts, &TaskTracker::new(), shutdown);
    Stage { pool, served, registry, seller: account, delivery, _streams: streams, _ends: ends }
}

impl Stage {
    /// Takes the node's connection to the pool to its first job.
    async fn peer(&self, notify: &Notify) -> Peer {
        let mut peer = self.pool.accept().await;
        peer.handshake().await;
        peer.give_job(DIFFICULTY, notify).await;
        peer
    }
}

/// A lease of the seller's that nobody works for as its agent: its miners go over to standby.
fn terms(seller: Address) -> Terms {
    let start = clock::now_s();
    let (other, none) = (Address::repeat_byte(1), B256::ZERO);
    Terms {
        buyer: other,
        agent: other,
        seller,
        payee: seller,
        matcher: other,
        token: TOKEN,
        price: 1_000_000_000_000,
        hashrate: HASHRATE,
        start,
        end: start + DURATION_S,
        sla_bps: 0,
        proof_bps: 9_000,
        matcher_fee_bps: 0,
        // Such rare proof shares that no share is harder than a miner finds in a moment.
        proof_shares: u16::MAX,
        cancel_notice: 5,
        proof_window: 80,
        bond: 0,
        ask_id: none,
        bid_id: none,
        entropy: none,
    }
}

/// Takes shares for the pool's jobs, each of which must be good, until there are so many.
async fn takes_shares(peer: &mut Peer, notify: &Notify, count: usize) {
    for _ in 0..count {
        let (id, share) = peer.share_for(&notify.job_id).await;
        verify(notify, &share, VERSION_MASK, DIFFICULTY);
        peer.answer(&id, json!(true)).await;
    }
}

/// Answers whatever shares come while something else is waited for.
async fn beside<T>(peer: &mut Peer, notify: &Notify, awaited: impl Future<Output = T>) -> T {
    tokio::select! {
        done = awaited => done,
        () = takes_shares(peer, notify, usize::MAX) => unreachable!("there is no end of shares"),
    }
}

async fn until_moved(served: &Served, session: u64, lease: Option<B256>) {
    served.session(|shown| shown.id == session && shown.lease == lease).await;
}

fn accepted(delivery: &Delivery) -> u64 {
    let idle = delivery.idle_pool().unwrap();
    assert_eq!(idle.shares.refused, BTreeMap::new());
    idle.shares.accepted
}

#[tokio::test]
async fn a_miner_without_a_lease_mines_for_the_sellers_own_pool_and_comes_back_to_it() {
    let Stage { pool, mut served, registry, seller, delivery, _streams, _ends } = stage(Patience::default()).await;
    sees(&registry, 10, clock::now_s(), vec![deposit(Address::repeat_byte(1))]).await;
    let notify = job("own", true);
    let mut peer = pool.accept().await;
    peer.handshake().await;
    peer.give_job(DIFFICULTY, &notify).await;

    mine_beside(&mut served, "x", async |served, session| {
        takes_shares(&mut peer, &notify, 3).await;
        let miner = served.session(|shown| shown.hashrate > 0).await;
        assert_eq!((miner.id, miner.lease), (session, None), "its rate shows itself without a lease");

        let opened = EscrowEvent::LeaseOpened { id: LEASE, terms: Box::new(terms(seller)) };
        sees(&registry, 12, clock::now_s(), vec![opened]).await;
        beside(&mut peer, &notify, until_moved(served, session, Some(LEASE))).await;
        let at_work = until(|| (delivery.status(LEASE).standby_work > 0).then_some(()));
        beside(&mut peer, &notify, at_work).await;
        let before = accepted(&delivery);
        beside(&mut peer, &notify, until_moved(served, session, None)).await;
        // A share or two were still on their way when it left.
        let during = accepted(&delivery) - before;
        assert!(during <= 2, "{during} shares for the pool while it was leased");
        takes_shares(&mut peer, &notify, 3).await;
        let miner = served.session(|shown| shown.id == session).await;
        assert!(miner.rejected.is_empty(), "{:?}", miner.rejected);
    })
    .await;
    let idle = delivery.idle_pool().unwrap();
    assert_eq!(idle.pool, Some(pool.config().url));
    assert!(idle.shares.accepted >= 5 && idle.health.age.is_some(), "{idle:?}");
}

#[tokio::test]
async fn a_miner_rests_where_the_sellers_own_pool_gives_no_work_and_goes_on_with_it() {
    let stage = stage(Patience { stale_after: Duration::from_secs(2), ..Patience::default() }).await;
    let notify = job("own", true);
    let peer = stage.peer(&notify).await;
    let (mut device, _) = stage.served.device().await;
    assert_eq!(device.hear().await["method"], "mining.set_difficulty");
    assert_eq!(device.hear_notify().await.prev_hash, notify.prev_hash);
    drop(peer);
    assert_eq!(device.hear().await["method"], "mining.set_difficulty");
    let rest = device.hear_notify().await;
    assert!(rest.clean && rest.prev_hash == [0; 32], "{rest:?}");
    let _peer = stage.peer(&notify).await;
    device.hear().await;
    assert_eq!(device.hear_notify().await.prev_hash, notify.prev_hash);
}
