//! Which asks and bids may become a lease, and which do, by price and time.

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256};

use crate::{
    ask::Ask,
    bid::Bid,
    book::{Book, Listed},
    order::{Order, Side},
    pay::{ONE_BPS, locks},
    tags::Tags,
};

/// Why an ask and a bid can't become a lease: the conditions of the escrow's `open` that don't depend on who calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    /// An order is void.
    #[error("the {side} expired at {expiry}")]
    Expired {
        /// Which one.
        side: Side,
        /// Since when, unix seconds.
        expiry: u64,
    },
    /// A field must not be zero.
    #[error("{0} is zero")]
    Zero(&'static str),
    /// A ratio is above one.
    #[error("{field} is {bps} basis points, more than 10000")]
    RatioTooHigh {
        /// Field of one of the orders.
        field: &'static str,
        /// What it says.
        bps: u16,
    },
    /// Two tokens.
    #[error("the ask is in token {ask}, the bid in {bid}")]
    Token {
        /// The ask's.
        ask: Address,
        /// The bid's.
        bid: Address,
    },
    /// Too dear.
    #[error("the ask's price is {ask} a PH/s·day, the bid pays {bid} at most")]
    Price {
        /// The ask's, token base units.
        ask: u128,
        /// The bid's limit, token base units.
        bid: u128,
    },
    /// The bid's duration is outside the ask's range.
    #[error("the bid wants {duration} s, the ask takes {min} to {max} s")]
    Duration {
        /// The bid's, seconds.
        duration: u32,
        /// The ask's shortest, seconds.
        min: u32,
        /// The ask's longest, seconds.
        max: u32,
    },
    /// One order is smaller than the other's smallest lease.
    #[error("the {side} has {hashrate} H/s, the other order takes {min_hashrate} H/s at least")]
    Hashrate {
        /// The order that is too small.
        side: Side,
        /// Its whole hashrate.
        hashrate: u64,
        /// The other's minimum.
        min_hashrate: u64,
    },
    /// A quantity of the ask lies beyond the bid's limit.
    #[error("the ask's {field} is {ask}, the bid's limit is {bid}")]
    Limit {
        /// Field of the ask.
        field: &'static str,
        /// What the ask says.
        ask: u32,
        /// What the bid takes.
        bid: u32,
    },
    /// Declarations are missing.
    #[error("the ask doesn't declare {0}")]
    Tags(Tags),
    /// The bid is for another seller.
    #[error("the bid is for seller {wanted}, the ask is by {seller}")]
    Seller {
        /// The ask's.
        seller: Address,
        /// The bid's.
        wanted: Address,
    },
    /// The lock doesn't fit 128 bits, even for the smallest lease.
    #[error("the lock of the smallest lease doesn't fit 128 bits")]
    LockTooLarge,
}

/// Checks every condition of `open` at `now` (unix seconds) but the ones on signatures, epochs, fills, balances and the caller.
///
/// # Errors
/// Names the first difference.
pub fn crosses(ask: &Ask, bid: &Bid, now: u64) -> Result<(), Mismatch> {
    check_alive(ask, now)?;
    check_alive(bid, now)?;
    check_bounds(ask, bid)?;
    check_trade(ask, bid)?;
    check_limits(ask, bid)
}

fn check_alive<T: Order>(order: &T, now: u64) -> Result<(), Mismatch> {
    let expiry = order.expiry();
    if now < expiry { Ok(()) } else { Err(Mismatch::Expired { side: T::SIDE, expiry }) }
}

/// The bounds of a lease to be.
fn check_bounds(ask: &Ask, bid: &Bid) -> Result<(), Mismatch> {
    let fields = [
        ("buyer", bid.buyer.is_zero()),
        ("agent", bid.agent.is_zero()),
        ("seller", ask.seller.is_zero()),
        ("payee", ask.payee.is_zero()),
        ("hashrate", ask.hashrate == 0 || bid.hashrate == 0),
        ("duration", bid.duration == 0),
        ("proof_shares", ask.proof_shares == 0),
        // The lock is rounded up, so that it is zero for a price of zero alone.
        ("price", ask.price == 0),
    ];
    if let Some((field, _)) = fields.into_iter().find(|(_, is_zero)| *is_zero) {
        return Err(Mismatch::Zero(field));
    }
    let ratios = [
        ("sla_bps", ask.sla_bps),
        ("bond_bps", ask.bond_bps),
        ("proof_bps", ask.proof_bps),
        ("matcher_fee_bps", bid.matcher_fee_bps),
    ];
    match ratios.into_iter().find(|(_, bps)| *bps > ONE_BPS) {
        Some((field, bps)) => Err(Mismatch::RatioTooHigh { field, bps }),
        None => Ok(()),
    }
}

/// Token, price, size and parties.
fn check_trade(ask: &Ask, bid: &Bid) -> Result<(), Mismatch> {
    if ask.token != bid.token {
        return Err(Mismatch::Token { ask: ask.token, bid: bid.token });
    }
    if ask.price > bid.max_price {
        return Err(Mismatch::Price { ask: ask.price, bid: bid.max_price });
    }
    let (duration, min, max) = (bid.duration, ask.min_duration, ask.max_duration);
    if !(min..=max).contains(&duration) {
        return Err(Mismatch::Duration { duration, min, max });
    }
    check_size(ask, bid.min_hashrate)?;
    check_size(bid, ask.min_hashrate)?;
    let smallest = ask.min_hashrate.max(bid.min_hashrate).max(1);
    locks(ask.price, smallest, duration.into(), bid.matcher_fee_bps, ask.bond_bps).ok_or(Mismatch::LockTooLarge)?;
    let missing = Tags(bid.required_tags).without(Tags(ask.tags));
    if missing != Tags::NONE {
        return Err(Mismatch::Tags(missing));
    }
    if !bid.seller.is_zero() && bid.seller != ask.seller {
        return Err(Mismatch::Seller { seller: ask.seller, wanted: bid.seller });
    }
    Ok(())
}

fn check_size<T: Order>(order: &T, min_hashrate: u64) -> Result<(), Mismatch> {
    let hashrate = order.hashrate();
    if hashrate >= min_hashrate { Ok(()) } else { Err(Mismatch::Hashrate { side: T::SIDE, hashrate, min_hashrate }) }
}

/// The service that the bid takes at worst.
fn check_limits(ask: &Ask, bid: &Bid) -> Result<(), Mismatch> {
    let at_least = [
        ("sla_bps", u32::from(ask.sla_bps), u32::from(bid.min_sla_bps)),
        ("bond_bps", ask.bond_bps.into(), bid.min_bond_bps.into()),
        ("proof_shares", ask.proof_shares.into(), bid.min_proof_shares.into()),
    ];
    let at_most = [
        ("proof_bps", u32::from(ask.proof_bps), u32::from(bid.max_proof_bps)),
        ("cancel_notice", ask.cancel_notice, bid.max_cancel_notice),
        ("proof_window", ask.proof_window, bid.max_proof_window),
    ];
    let too_low = at_least.into_iter().find(|(_, ask, bid)| ask < bid);
    let too_high = at_most.into_iter().find(|(_, ask, bid)| ask > bid);
    match too_low.or(too_high) {
        Some((field, ask, bid)) => Err(Mismatch::Limit { field, ask, bid }),
        None => Ok(()),
    }
}

/// Returns the largest hashrate of a lease between what remains of two orders: at least both minimums, and leaving each order
/// nothing or at least its minimum. `None` where there is none.
pub fn lease_hashrate(ask_remaining: u64, bid_remaining: u64, ask: &Ask, bid: &Bid) -> Option<u64> {
    let least = ask.min_hashrate.max(bid.min_hashrate).max(1);
    let fits = |hashrate: u64, remaining: u64, min_hashrate: u64| {
        remaining.checked_sub(hashrate).is_some_and(|rest| rest == 0 || rest >= min_hashrate)
    };
    // The largest that fits takes all of one order, or leaves one exactly its minimum.
    [
        Some(ask_remaining),
        Some(bid_remaining),
        ask_remaining.checked_sub(ask.min_hashrate),
        bid_remaining.checked_sub(bid.min_hashrate),
    ]
    .into_iter()
    .flatten()
    .filter(|&hashrate| hashrate >= least)
    .filter(|&hashrate| fits(hashrate, ask_remaining, ask.min_hashrate))
    .filter(|&hashrate| fits(hashrate, bid_remaining, bid.min_hashrate))
    .max()
}

/// An ask and a bid that may become a lease of `hashrate`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Match {
    /// Id of the ask.
    pub ask_id: B256,
    /// Id of the bid.
    pub bid_id: B256,
    /// Hashes per second.
    pub hashrate: u64,
}

/// Returns the first ask in price-time order that makes a lease with this bid at `now`, unix seconds.
pub fn best_match(book: &Book, bid: &Listed<Bid>, now: u64) -> Option<Match> {
    first_match(book, bid, bid.remaining(), now, |ask| ask.remaining())
}

/// Returns the leases that `matcher` may open on the book at `now`, unix seconds: bids in price-time order, each with the asks
/// in price-time order, each hashrate given away once. A bid that names another matcher is left alone.
pub fn matches(book: &Book, now: u64, matcher: Address) -> Vec<Match> {
    let mut taken = BTreeMap::<B256, u64>::new();
    let mut matches = Vec::new();
    for bid in book.bids().filter(|bid| may_open(bid.order(), matcher)) {
        let mut bid_remaining = bid.remaining();
        let ask_remaining = |taken: &BTreeMap<B256, u64>, ask: &Listed<Ask>| {
            ask.remaining() - taken.get(&ask.id).copied().unwrap_or_default()
        };
        while let Some(found) = first_match(book, bid, bid_remaining, now, |ask| ask_remaining(&taken, ask)) {
            bid_remaining -= found.hashrate;
            *taken.entry(found.ask_id).or_default() += found.hashrate;
            matches.push(found);
        }
    }
    matches
}

fn may_open(bid: &Bid, matcher: Address) -> bool {
    bid.matcher.is_zero() || bid.matcher == matcher
}

fn first_match(
    book: &Book,
    bid: &Listed<Bid>,
    bid_remaining: u64,
    now: u64,
    ask_remaining: impl Fn(&Listed<Ask>) -> u64,
) -> Option<Match> {
    book.asks().take_while(|ask| ask.order().price <= bid.order().max_price).find_map(|ask| {
        crosses(ask.order(), bid.order(), now).ok()?;
        let hashrate = lease_hashrate(ask_remaining(ask), bid_remaining, ask.order(), bid.order())?;
        Some(Match { ask_id: ask.id, bid_id: bid.id, hashrate })
    })
}

#[cfg(test)]
#[path = "matching_tests.rs"]
mod tests;
