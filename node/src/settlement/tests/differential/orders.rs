//! Which ask and bid become a lease, with which terms and locks.

use std::collections::BTreeSet;

use alloy_primitives::{Address, U256};
use hashlease_domain::{
    Ask, Bid, EscrowEvent, Order,
    matching::{crosses, lease_hashrate},
    pay::locks,
};
use rand::Rng;

use super::{Keys, Outcome, Step, Storage, cases::Cases, signed};
use crate::settlement::{Call, tests::anvil::World};

const CASES: usize = 3_000;
const BATCH: usize = 100;
const NOW: u64 = 1 << 39;
const MATCHER: Address = Address::repeat_byte(9);

/// An ask and a bid that cross, and a hashrate that suits both; then up to two fields that don't any more.
fn pair(cases: &mut Cases) -> (Ask, Bid, u64) {
    let (mut ask, mut bid) = (cases.ask(), cases.bid());
    ask.price = cases.positive(96);
    bid.max_price = ask.price.saturating_add(cases.number(96));
    ask.hashrate = cases.positive(48);
    bid.hashrate = if cases.rng.random() { ask.hashrate } else { cases.positive(48) };
    ask.min_hashrate = cases.number::<u64>(48).min(ask.hashrate / 4);
    bid.min_hashrate = cases.number::<u64>(48).min(bid.hashrate / 4);
    bid.duration = cases.positive(32);
    ask.min_duration = cases.number::<u32>(32).min(bid.duration);
    ask.max_duration = cases.number::<u32>(32).max(bid.duration);
    (ask.sla_bps, ask.bond_bps, ask.proof_bps, bid.matcher_fee_bps) =
        (cases.ratio(), cases.ratio(), cases.ratio(), cases.ratio());
    bid.min_sla_bps = cases.number::<u16>(16).min(ask.sla_bps);
    bid.min_bond_bps = cases.number::<u16>(16).min(ask.bond_bps);
    bid.max_proof_bps = cases.number::<u16>(16).max(ask.proof_bps);
    bid.max_cancel_notice = cases.number::<u32>(32).max(ask.cancel_notice);
    bid.max_proof_window = cases.number::<u32>(32).max(ask.proof_window);
    ask.proof_shares = cases.positive(16);
    bid.min_proof_shares = cases.number::<u16>(16).min(ask.proof_shares);
    bid.required_tags &= ask.tags;
    bid.seller = if cases.rng.random() { Address::ZERO } else { ask.seller };
    bid.matcher = if cases.rng.random() { Address::ZERO } else { MATCHER };
    (ask.epoch, bid.epoch) = (0, 0);
    (ask.expiry, bid.expiry) = (NOW + cases.positive::<u64>(32), NOW + cases.positive::<u64>(32));
    let hashrate = lease_hashrate(ask.hashrate, bid.hashrate, &ask, &bid).unwrap_or(ask.hashrate);
    for _ in 0..cases.rng.random_range(0..=2) {
        break_one(cases, &mut ask, &mut bid);
    }
    let hashrate = match cases.rng.random_range(0..8) {
        0 => hashrate.saturating_add(1),
        1 => hashrate - 1,
        2 => cases.number(64),
        _ => hashrate,
    };
    (ask, bid, hashrate)
}

fn break_one(cases: &mut Cases, ask: &mut Ask, bid: &mut Bid) {
    match cases.rng.random_range(0..25) {
        0 => bid.agent = Address::ZERO,
        1 => ask.payee = Address::ZERO,
        2 => bid.duration = cases.number(4),
        3 => ask.proof_shares = bid.min_proof_shares.saturating_sub(1),
        4 => ask.sla_bps = bid.min_sla_bps.saturating_sub(1),
        5 => ask.sla_bps = cases.number(16),
        6 => ask.bond_bps = bid.min_bond_bps.saturating_sub(1),
        7 => ask.bond_bps = cases.number(16),
        8 => ask.proof_bps = bid.max_proof_bps.saturating_add(1),
        9 => ask.proof_bps = cases.number(16),
        10 => bid.matcher_fee_bps = cases.number(16),
        11 => bid.token = Address::repeat_byte(1),
        12 => ask.price = bid.max_price.saturating_add(1),
        13 => ask.price = 0,
        14 => (ask.price, bid.max_price) = (cases.number(128), u128::MAX),
        15 => ask.min_duration = bid.duration.saturating_add(1),
        16 => ask.max_duration = bid.duration - 1,
        17 => ask.cancel_notice = bid.max_cancel_notice.saturating_add(1),
        18 => ask.proof_window = bid.max_proof_window.saturating_add(1),
        19 => bid.required_tags = U256::from(1) << cases.rng.random_range(0..256),
        20 => bid.seller = Address::repeat_byte(2),
        21 => bid.matcher = Address::repeat_byte(3),
        22 => ask.expiry = NOW + cases.rng.random_range(0..=1),
        23 => bid.expiry = NOW - cases.number::<u64>(32),
        _ => ask.min_hashrate = cases.number(64),
    }
}

/// Whether our half says that `open` succeeds.
fn opens(ask: &Ask, bid: &Bid, hashrate: u64) -> bool {
    let fits = |offered: u64, least: u64| {
        hashrate >= least.max(1) && offered.checked_sub(hashrate).is_some_and(|rest| rest == 0 || rest >= least)
    };
    crosses(ask, bid, NOW).is_ok()
        && (bid.matcher.is_zero() || bid.matcher == MATCHER)
        && fits(ask.hashrate, ask.min_hashrate)
        && fits(bid.hashrate, bid.min_hashrate)
        && locks(ask.price, hashrate, bid.duration.into(), bid.matcher_fee_bps, ask.bond_bps).is_some()
}

fn check_opened(world: &World, ask: &Ask, bid: &Bid, hashrate: u64, events: &[EscrowEvent]) {
    let domain = world.evm.domain();
    let [ask_filled, bid_filled, EscrowEvent::LeaseOpened { id, terms }] = events else { panic!("{events:?}") };
    let filled = |side, maker, salt| EscrowEvent::OrderFilled { side, maker, salt, filled: hashrate };
    assert_eq!(*ask_filled, filled(Ask::SIDE, ask.seller, ask.salt));
    assert_eq!(*bid_filled, filled(Bid::SIDE, bid.buyer, bid.salt));
    assert_eq!(*id, terms.lease_id(&domain));
    assert_eq!((terms.ask_id, terms.bid_id), (domain.digest(ask), domain.digest(bid)));
    assert_eq!((terms.start, terms.end, terms.hashrate), (NOW, NOW + u64::from(bid.duration), hashrate));
    let expected = locks(ask.price, hashrate, bid.duration.into(), bid.matcher_fee_bps, ask.bond_bps);
    assert_eq!(terms.locks(), expected, "{terms:?}");
}

#[tokio::test]
async fn orders_open_leases_where_the_crates_say_that_they_cross() {
    let (world, keys) = (World::new().await, Keys::new());
    let mut cases = Cases::new(&world, &keys, 3);
    let (mut opened, mut refusals) = (0, BTreeSet::new());
    for _ in 0..CASES / BATCH {
        let pairs: Vec<_> = (0..BATCH).map(|_| pair(&mut cases)).collect();
        let mut storage = Storage::default();
        // Less than what overflows, more than a hundred leases lock.
        for account in [keys.buyer.address(), keys.seller.address()] {
            storage.balance(account, world.token, U256::from(1) << 200);
        }
        let open = |(ask, bid, hashrate): &(Ask, Bid, u64)| {
            let ask = Box::new(signed(&world, &keys.seller, ask.clone()));
            let bid = Box::new(signed(&world, &keys.buyer, bid.clone()));
            (MATCHER, Call::Open { ask, bid, hashrate: *hashrate })
        };
        let step = Step { time: NOW, calls: pairs.iter().map(open).collect() };
        let outcomes = world.outcomes(&storage, vec![step]).await.remove(0);
        for ((ask, bid, hashrate), outcome) in pairs.iter().zip(outcomes) {
            match outcome {
                Outcome::Passed(events) => {
                    assert!(opens(ask, bid, *hashrate), "{:?} {ask:?} {bid:?} {hashrate}", crosses(ask, bid, NOW));
                    check_opened(&world, ask, bid, *hashrate, &events);
                    opened += 1;
                }
                Outcome::Refused(refusal) => {
                    assert!(!opens(ask, bid, *hashrate), "{refusal} {ask:?} {bid:?} {hashrate}");
                    refusals.insert(refusal.error.expect("a refusal has a name"));
                }
            }
        }
    }
    assert!(opened > CASES / 10, "{opened} opened");
    let every = [
        "BondTooLow",
        "CancelNoticeTooLong",
        "DurationOutOfRange",
        "HashrateTooHigh",
        "HashrateTooLow",
        "LockTooLarge",
        "NotMatcher",
        "OrderExpired",
        "PriceTooHigh",
        "ProofPayTooHigh",
        "ProofSharesTooFew",
        "ProofWindowTooLong",
        "RatioTooHigh",
        "RestTooSmall",
        "SellerNotWanted",
        "SlaTooLow",
        "TagsMissing",
        "TokenMismatch",
        "ZeroField",
    ];
    assert!(refusals.iter().eq(every), "{refusals:?}");
}
