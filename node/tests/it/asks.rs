//! A seller's asks beside its miners: never more than these can do.

use std::time::Duration;

use alloy_primitives::{Address, U256};
use hashlease_domain::details::Details;
use hashlease_miner::pow::Target;
use hashlease_node::market::{self, AskTerms, Market, MarketError, OwnView};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use tokio_util::task::TaskTracker;

use crate::farm::{A, DEADLINE, Device, Served, job};
use crate::seller::{Ends, Seller, TOKEN, deposit, sees};

const OFFERED: u64 = 1_000_000_000;

/// A seller's market on a farm.
struct Stage {
    served: Served,
    market: Market,
    _ends: Ends,
}

async fn stage() -> Stage {
    let seller = Seller::start().await;
    sees(&seller.registry, 10, 1_000, vec![deposit(seller.guard.address())]).await;
    let Seller { served, store, guard, registry, net, events, shutdown, ends } = seller;
    let details = Details { peer: net.peer_id().to_string(), addresses: Vec::new(), region: None, rig: None };
    let (streams, _) = mpsc::channel(1);
    let (farm, grace) = (Some(served.farm.clone()), Duration::ZERO);
    let parts = market::Parts { store, registry, guard, net, events, streams, details, open: false, farm, grace };
    let market = market::start(parts, &TaskTracker::new(), shutdown);
    Stage { served, market, _ends: ends }
}

fn terms() -> AskTerms {
    AskTerms {
        payee: Address::repeat_byte(4),
        token: TOKEN,
        price: 1_000_000_000_000,
        hashrate: OFFERED,
        min_hashrate: 1,
        min_duration: 60,
        max_duration: 3_600,
        sla_bps: 8_500,
        bond_bps: 2_000,
        proof_bps: 9_000,
        cancel_notice: 600,
        proof_window: 1_800,
        proof_shares: 256,
        tags: U256::ZERO,
        region: None,
        rig: None,
    }
}

impl Stage {
    /// The seller's one ask, once it is as it should be.
    async fn ask(&self, what: &str, wanted: impl Fn(&OwnView) -> bool) -> OwnView {
        let look = async {
            loop {
                let own = self.market.own_orders().await.unwrap().pop().unwrap();
                if wanted(&own) {
                    return own;
                }
                sleep(Duration::from_millis(50)).await;
            }
        };
        timeout(DEADLINE, look).await.unwrap_or_else(|_| panic!("{what}"))
    }

    /// The hashrates of the asks in the book.
    async fn book(&self) -> Vec<u64> {
        self.market.book().await.unwrap().asks.iter().map(|ask| ask.remaining()).collect()
    }

    /// Lets devices submit so many shares of one hash each, and rest.
    async fn works(&self, devices: &mut [(Device, u64)], shares: &[u32]) {
        self.served.farm.set_job(job(A, 8, Target::MAX)).unwrap();
        let mut jobs = Vec::new();
        for (device, session) in &mut *devices {
            self.served.assign(*session, Some(A));
            device.hear().await;
            jobs.push(device.hear_notify().await);
        }
        for (at, shares) in shares.iter().enumerate() {
            let (device, session) = &mut devices[at];
            let user = self.served.session(|shown| shown.id == *session).await.worker;
            for nonce in 0..*shares {
                assert_eq!(device.submit(&user, &jobs[at], nonce).await["result"], true);
            }
        }
        self.served.farm.end_lease(A);
        for (device, _) in devices {
            assert_eq!(device.hear().await["method"], "mining.set_difficulty");
            device.hear_notify().await;
        }
    }
}

#[tokio::test]
async fn an_ask_follows_the_miners_and_is_withdrawn_with_the_last() {
    let stage = stage().await;
    let refused = stage.market.offer(terms()).await;
    assert!(matches!(refused, Err(MarketError::NoCapacity { least: 1 })), "{refused:?}");

    let mut devices = [stage.served.device().await, stage.served.device().await];
    let (id, salt) = stage.market.offer(terms()).await.unwrap();
    let own = stage.ask("miners that never worked are the seller's to judge", |_| true).await;
    assert_eq!((own.id, own.salt, own.offered, own.hashrate), (id, salt, OFFERED, OFFERED));

    stage.works(&mut devices, &[300, 100]).await;
    let both = stage.served.farm.strength();
    assert!(both.unknown == 0 && both.error > 0, "{both:?}");
    let own = stage.ask("the ask shrinks", |own| own.hashrate == both.hashrate).await;
    assert_eq!((own.salt, own.offered, own.withdrawn), (salt, OFFERED, false));
    assert_eq!(stage.book().await, [both.hashrate], "the older version is gone");

    let [first, second] = devices;
    drop(second);
    let own = stage.ask("it shrinks further", |own| own.hashrate < both.hashrate).await;
    let one = stage.served.farm.strength();
    assert_eq!((own.salt, own.hashrate), (salt, one.hashrate));

    // One of unknown rate counts as the largest, until it has shown itself.
    let third = stage.served.device().await;
    let own = stage.ask("it grows back", |own| own.hashrate > one.hashrate).await;
    assert_eq!((own.salt, own.hashrate), (salt, one.hashrate * 2));
    assert_eq!(stage.book().await, [one.hashrate * 2]);

    drop((first, third));
    let own = stage.ask("nobody is left", |own| own.withdrawn).await;
    assert_eq!((own.offered, own.hashrate, own.expiry), (OFFERED, 0, 0));
    assert!(own.salt != salt, "what was signed under the old one may still be taken on chain");
    assert!(stage.book().await.is_empty());
    // It comes back with miners, but not while a version of before can be taken.
    let _fourth = stage.served.device().await;
    let own = stage.ask("it is still there", |_| true).await;
    assert!(own.withdrawn);
    stage.market.cancel(own.salt).await.unwrap();
    assert!(stage.market.own_orders().await.unwrap().is_empty());
}
