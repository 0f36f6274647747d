//! What asks and bids have in common, and whether one is sound by itself (sections 2 and 3).

use alloy_primitives::{Address, B256};
use serde::{Deserialize, Serialize};

use crate::{
    ask::Ask,
    bid::Bid,
    eip712::Eip712,
    pay::{ONE_BPS, locks},
};

/// Longest time that an order may still live, seconds: a book whose makers are gone empties itself within a day.
pub const MAX_LIFETIME_S: u64 = 86_400;

/// Shortest proof window, seconds: in each half of it transactions must be mined. Without a first half no last receipt can be settled.
pub const MIN_PROOF_WINDOW_S: u32 = 20;

/// Lowest pay for proven work of an ask with a bond, basis points: a buyer who stops signing must not save more than this by it.
pub const MIN_BONDED_PROOF_BPS: u16 = 7_000;

/// The book that an order stands in, numbered as in the escrow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Side {
    /// Sellers' orders.
    Ask,
    /// Buyers' orders.
    Bid,
}

impl std::fmt::Display for Side {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Ask => "ask",
            Self::Bid => "bid",
        })
    }
}

/// Names the capacity that an order offers: the escrow counts fills by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct OrderKey {
    /// Book of the order.
    pub side: Side,
    /// Seller or buyer.
    pub maker: Address,
    /// Salt of the order.
    pub salt: B256,
}

/// An ask or a bid.
pub trait Order: Eip712 {
    /// The book that it stands in.
    const SIDE: Side;

    /// Returns who signs it: the seller of an ask, the buyer of a bid.
    fn maker(&self) -> Address;
    /// Returns its salt.
    fn salt(&self) -> B256;
    /// Returns the token that it is counted in.
    fn token(&self) -> Address;
    /// Returns its limit price, token base units per PH/s·day.
    fn price(&self) -> u128;
    /// Returns its whole hashrate, hashes per second.
    fn hashrate(&self) -> u64;
    /// Returns the smallest hashrate of one lease.
    fn min_hashrate(&self) -> u64;
    /// Returns when it becomes void, unix seconds.
    fn expiry(&self) -> u64;
    /// Returns the epoch that its maker must be in.
    fn epoch(&self) -> u64;

    /// Returns the hash of its detail document.
    fn details(&self) -> B256;

    /// Returns the name of its capacity.
    fn key(&self) -> OrderKey {
        OrderKey { side: Self::SIDE, maker: self.maker(), salt: self.salt() }
    }
}

macro_rules! order {
    ($order:ty, $side:expr, $maker:ident, $price:ident) => {
        impl Order for $order {
            const SIDE: Side = $side;

            fn maker(&self) -> Address {
                self.$maker
            }
            fn salt(&self) -> B256 {
                self.salt
            }
            fn token(&self) -> Address {
                self.token
            }
            fn price(&self) -> u128 {
                self.$price
            }
            fn hashrate(&self) -> u64 {
                self.hashrate
            }
            fn min_hashrate(&self) -> u64 {
                self.min_hashrate
            }
            fn expiry(&self) -> u64 {
                self.expiry
            }
            fn epoch(&self) -> u64 {
                self.epoch
            }
            fn details(&self) -> B256 {
                self.details
            }
        }
    };
}

order!(Ask, Side::Ask, seller, price);
order!(Bid, Side::Bid, buyer, max_price);

/// Why no lease can or should come of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OrderFault {
    /// A field must not be zero.
    #[error("{0} is zero: set it")]
    Zero(&'static str),
    /// A ratio is above one.
    #[error("{field} is {bps} basis points: at most 10000, which is 100%")]
    RatioTooHigh {
        /// Field of the order.
        field: &'static str,
        /// What it says.
        bps: u16,
    },
    /// No lease can be as large as the order wants its leases at least.
    #[error("the smallest lease ({min_hashrate} H/s) is larger than the order ({hashrate} H/s): lower min_hashrate")]
    MinimumAboveHashrate {
        /// Smallest lease.
        min_hashrate: u64,
        /// The whole order.
        hashrate: u64,
    },
    /// The range of durations is empty.
    #[error("min_duration ({min_s} s) is longer than max_duration ({max_s} s): swap them")]
    DurationsReversed {
        /// Shortest, seconds.
        min_s: u32,
        /// Longest, seconds.
        max_s: u32,
    },
    /// The order is void.
    #[error("expired at {expiry}, now it is {now}: sign it again with a later expiry")]
    Expired {
        /// When it became void, unix seconds.
        expiry: u64,
        /// The time that it was judged at, unix seconds.
        now: u64,
    },
    /// The order would live too long.
    #[error("expires {ahead_s} s from now: at most {MAX_LIFETIME_S} s, sign it again while it is wanted")]
    LivesTooLong {
        /// Seconds to the expiry.
        ahead_s: u64,
    },
    /// A bond at stake with too little pay for proofs.
    #[error(
        "an ask with a bond needs proof_bps of at least {MIN_BONDED_PROOF_BPS}, not {proof_bps}: raise it or drop the bond"
    )]
    BondedProofPayTooLow {
        /// What the ask says.
        proof_bps: u16,
    },
    /// Neither receipts nor proofs would have their time.
    #[error(
        "proof_window is {0} s: at least {MIN_PROOF_WINDOW_S} s, for receipts in its first half and proofs in its second"
    )]
    ProofWindowTooShort(u32),
    /// The escrow counts a lock in 128 bits.
    #[error("price × hashrate × duration doesn't fit 128 bits: lower one of them")]
    LockTooLarge,
}

/// Checks an ask by itself: the bounds of section 3, and what an honest node signs and forwards.
///
/// # Errors
/// Names the first fault.
pub fn check_ask(ask: &Ask, now: u64) -> Result<(), OrderFault> {
    non_zero("seller", !ask.seller.is_zero())?;
    non_zero("payee", !ask.payee.is_zero())?;
    non_zero("min_duration", ask.min_duration > 0)?;
    non_zero("proof_shares", ask.proof_shares > 0)?;
    ratio("sla_bps", ask.sla_bps)?;
    ratio("bond_bps", ask.bond_bps)?;
    ratio("proof_bps", ask.proof_bps)?;
    if ask.min_duration > ask.max_duration {
        return Err(OrderFault::DurationsReversed { min_s: ask.min_duration, max_s: ask.max_duration });
    }
    if ask.bond_bps > 0 && ask.proof_bps < MIN_BONDED_PROOF_BPS {
        return Err(OrderFault::BondedProofPayTooLow { proof_bps: ask.proof_bps });
    }
    if ask.proof_window < MIN_PROOF_WINDOW_S {
        return Err(OrderFault::ProofWindowTooShort(ask.proof_window));
    }
    check_common(ask, now)?;
    max_bond(ask, ask.hashrate).map(|_| ()).ok_or(OrderFault::LockTooLarge)
}

/// Checks a bid by itself: the bounds of section 3, and what an honest node signs and forwards.
///
/// # Errors
/// Names the first fault.
pub fn check_bid(bid: &Bid, now: u64) -> Result<(), OrderFault> {
    non_zero("buyer", !bid.buyer.is_zero())?;
    non_zero("agent", !bid.agent.is_zero())?;
    non_zero("duration", bid.duration > 0)?;
    ratio("min_sla_bps", bid.min_sla_bps)?;
    ratio("min_bond_bps", bid.min_bond_bps)?;
    ratio("matcher_fee_bps", bid.matcher_fee_bps)?;
    check_common(bid, now)?;
    max_lock(bid, bid.hashrate).map(|_| ()).ok_or(OrderFault::LockTooLarge)
}

fn check_common<T: Order>(order: &T, now: u64) -> Result<(), OrderFault> {
    non_zero("token", !order.token().is_zero())?;
    non_zero("price", order.price() > 0)?;
    non_zero("hashrate", order.hashrate() > 0)?;
    let (min_hashrate, hashrate) = (order.min_hashrate(), order.hashrate());
    if min_hashrate > hashrate {
        return Err(OrderFault::MinimumAboveHashrate { min_hashrate, hashrate });
    }
    let expiry = order.expiry();
    if expiry <= now {
        return Err(OrderFault::Expired { expiry, now });
    }
    let ahead_s = expiry - now;
    if ahead_s > MAX_LIFETIME_S { Err(OrderFault::LivesTooLong { ahead_s }) } else { Ok(()) }
}

fn non_zero(field: &'static str, is_set: bool) -> Result<(), OrderFault> {
    if is_set { Ok(()) } else { Err(OrderFault::Zero(field)) }
}

fn ratio(field: &'static str, bps: u16) -> Result<(), OrderFault> {
    if bps <= ONE_BPS { Ok(()) } else { Err(OrderFault::RatioTooHigh { field, bps }) }
}

/// Returns what one lease of `hashrate` can take at most from the buyer's balance, token base units: lock and fee lock at the
/// bid's limit. Each further lease that the hashrate is split into rounds both up once more. `None` where it doesn't fit.
pub fn max_lock(bid: &Bid, hashrate: u64) -> Option<u128> {
    let locks = locks(bid.max_price, hashrate, bid.duration.into(), bid.matcher_fee_bps, 0)?;
    locks.lock.checked_add(locks.fee)
}

/// Returns what one lease of `hashrate` can take at most from the seller's balance, token base units: the bond of the longest
/// lease. `None` where the lock that it is a share of doesn't fit.
pub fn max_bond(ask: &Ask, hashrate: u64) -> Option<u128> {
    locks(ask.price, hashrate, ask.max_duration.into(), 0, ask.bond_bps).map(|locks| locks.bond)
}

/// Tells whether a faultless seller may well miss the service level by luck, when only proof shares show its work: where
/// `1e4 − slaBps < 2e4/√proofShares` (section 3.1), compared as squares.
pub fn sla_by_luck(sla_bps: u16, proof_shares: u16) -> bool {
    let slack_bps = u64::from(ONE_BPS.saturating_sub(sla_bps));
    slack_bps * slack_bps * u64::from(proof_shares) < 4 * u64::from(ONE_BPS) * u64::from(ONE_BPS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{NOW, sample_ask, sample_bid};

    fn ask_fault(change: impl FnOnce(&mut Ask)) -> OrderFault {
        let mut ask = sample_ask();
        change(&mut ask);
        check_ask(&ask, NOW).unwrap_err()
    }

    fn bid_fault(change: impl FnOnce(&mut Bid)) -> OrderFault {
        let mut bid = sample_bid();
        change(&mut bid);
        check_bid(&bid, NOW).unwrap_err()
    }

    #[test]
    fn sound_orders_pass() {
        assert_eq!(check_ask(&sample_ask(), NOW), Ok(()));
        assert_eq!(check_bid(&sample_bid(), NOW), Ok(()));
    }

    #[test]
    fn each_field_that_must_not_be_zero_is_named() {
        assert_eq!(ask_fault(|ask| ask.seller = Address::ZERO), OrderFault::Zero("seller"));
        assert_eq!(ask_fault(|ask| ask.payee = Address::ZERO), OrderFault::Zero("payee"));
        assert_eq!(ask_fault(|ask| ask.token = Address::ZERO), OrderFault::Zero("token"));
        assert_eq!(ask_fault(|ask| ask.price = 0), OrderFault::Zero("price"));
        assert_eq!(ask_fault(|ask| ask.hashrate = 0), OrderFault::Zero("hashrate"));
        assert_eq!(ask_fault(|ask| ask.min_duration = 0), OrderFault::Zero("min_duration"));
        assert_eq!(ask_fault(|ask| ask.proof_shares = 0), OrderFault::Zero("proof_shares"));
        assert_eq!(bid_fault(|bid| bid.buyer = Address::ZERO), OrderFault::Zero("buyer"));
        assert_eq!(bid_fault(|bid| bid.agent = Address::ZERO), OrderFault::Zero("agent"));
        assert_eq!(bid_fault(|bid| bid.duration = 0), OrderFault::Zero("duration"));
    }

    #[test]
    fn both_halves_of_a_proof_window_have_room_for_a_transaction() {
        assert_eq!(ask_fault(|ask| ask.proof_window = 19), OrderFault::ProofWindowTooShort(19));
        assert_eq!(check_ask(&Ask { proof_window: 20, ..sample_ask() }, NOW), Ok(()));
    }

    #[test]
    fn ratios_end_at_one() {
        assert_eq!(ask_fault(|ask| ask.sla_bps = 10_001), OrderFault::RatioTooHigh { field: "sla_bps", bps: 10_001 });
        assert_eq!(ask_fault(|ask| ask.bond_bps = 10_001), OrderFault::RatioTooHigh { field: "bond_bps", bps: 10_001 });
        assert_eq!(
            ask_fault(|ask| ask.proof_bps = 10_001),
            OrderFault::RatioTooHigh { field: "proof_bps", bps: 10_001 }
        );
        let fault = bid_fault(|bid| bid.matcher_fee_bps = 10_001);
        assert_eq!(fault, OrderFault::RatioTooHigh { field: "matcher_fee_bps", bps: 10_001 });
    }

    #[test]
    fn an_order_lives_from_now_to_a_day_ahead() {
        assert_eq!(ask_fault(|ask| ask.expiry = NOW), OrderFault::Expired { expiry: NOW, now: NOW });
        let far = NOW + MAX_LIFETIME_S + 1;
        assert_eq!(bid_fault(|bid| bid.expiry = far), OrderFault::LivesTooLong { ahead_s: MAX_LIFETIME_S + 1 });
        let mut bid = sample_bid();
        for expiry in [NOW + 1, NOW + MAX_LIFETIME_S] {
            bid.expiry = expiry;
            assert_eq!(check_bid(&bid, NOW), Ok(()));
        }
    }

    #[test]
    fn ranges_must_be_in_order() {
        let fault = ask_fault(|ask| ask.min_duration = ask.max_duration + 1);
        assert!(matches!(fault, OrderFault::DurationsReversed { .. }));
        let fault = bid_fault(|bid| bid.min_hashrate = bid.hashrate + 1);
        assert!(matches!(fault, OrderFault::MinimumAboveHashrate { .. }));
    }

    #[test]
    fn a_bond_needs_proofs_that_pay() {
        assert_eq!(ask_fault(|ask| ask.proof_bps = 6_999), OrderFault::BondedProofPayTooLow { proof_bps: 6_999 });
        let mut ask = sample_ask();
        (ask.bond_bps, ask.proof_bps) = (0, 0);
        assert_eq!(check_ask(&ask, NOW), Ok(()));
    }

    #[test]
    fn a_lock_of_more_than_128_bits_is_refused() {
        assert_eq!(ask_fault(|ask| (ask.price, ask.hashrate) = (u128::MAX, u64::MAX)), OrderFault::LockTooLarge);
        assert_eq!(bid_fault(|bid| (bid.max_price, bid.hashrate) = (u128::MAX, u64::MAX)), OrderFault::LockTooLarge);
    }

    #[test]
    fn a_bid_needs_lock_and_fee_at_its_limit_and_an_ask_the_bond_of_its_longest_lease() {
        let (mut ask, mut bid) = (sample_ask(), sample_bid());
        (bid.max_price, bid.hashrate, bid.duration, bid.matcher_fee_bps) = (1_001, 1_000_000_000_000_000, 43_200, 100);
        assert_eq!(max_lock(&bid, bid.hashrate), Some(501 + 6), "500.5 and 1 % of 501, both up");
        (ask.price, ask.max_duration, ask.bond_bps) = (1_001, 43_200, 1_000);
        assert_eq!(max_bond(&ask, 1_000_000_000_000_000), Some(50), "10 % of 501, down");
    }

    #[test]
    fn luck_is_judged_as_the_protocol_says() {
        assert!(!sla_by_luck(8_500, 256));
        assert!(!sla_by_luck(8_750, 256), "exactly two deviations");
        assert!(sla_by_luck(8_751, 256));
        assert!(sla_by_luck(9_000, 256));
        assert!(!sla_by_luck(9_000, 1_024));
        assert!(sla_by_luck(10_000, u16::MAX));
    }
}
