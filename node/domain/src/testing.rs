//! Sample orders and a small deterministic generator for the tests of this crate.

use alloy_primitives::{Address, B256, U256};

use crate::{ask::Ask, bid::Bid, signature::Signed, terms::Terms};

/// The time of the samples, unix seconds.
pub(crate) const NOW: u64 = 1_800_000_000;

/// 10^15 hashes per second.
pub(crate) const PH: u64 = 1_000_000_000_000_000;

pub(crate) fn address(number: u8) -> Address {
    Address::repeat_byte(number)
}

pub(crate) fn word(number: u8) -> B256 {
    B256::repeat_byte(number)
}

/// Wraps an order with a signature that nobody checks here.
pub(crate) fn unsigned<T>(order: T) -> Signed<T> {
    Signed { order, signature: vec![0; 65] }
}

/// An ask of 10 PH/s that crosses [`sample_bid`].
pub(crate) fn sample_ask() -> Ask {
    Ask {
        seller: address(1),
        payee: address(2),
        token: address(9),
        price: 50_000,
        hashrate: 10 * PH,
        min_hashrate: PH,
        min_duration: 3_600,
        max_duration: 86_400,
        sla_bps: 8_500,
        bond_bps: 1_000,
        proof_bps: 9_000,
        cancel_notice: 600,
        proof_window: 3_600,
        proof_shares: 256,
        tags: U256::from(0b1_0000_0001),
        details: word(0xAA),
        expiry: NOW + 600,
        epoch: 0,
        salt: word(1),
    }
}

/// A bid for 10 PH/s that crosses [`sample_ask`].
pub(crate) fn sample_bid() -> Bid {
    Bid {
        buyer: address(3),
        agent: address(4),
        token: address(9),
        max_price: 60_000,
        hashrate: 10 * PH,
        min_hashrate: PH,
        duration: 21_600,
        min_sla_bps: 8_000,
        min_bond_bps: 500,
        max_proof_bps: 9_000,
        max_cancel_notice: 600,
        max_proof_window: 3_600,
        min_proof_shares: 256,
        required_tags: U256::from(1),
        seller: Address::ZERO,
        matcher: Address::ZERO,
        matcher_fee_bps: 50,
        details: word(0xBB),
        expiry: NOW + 600,
        epoch: 0,
        salt: word(2),
    }
}

/// The lease of `hashrate` that the samples open at [`NOW`].
pub(crate) fn sample_terms(hashrate: u64) -> Terms {
    let (ask, bid) = (sample_ask(), sample_bid());
    let locks = crate::pay::locks(ask.price, hashrate, bid.duration.into(), bid.matcher_fee_bps, ask.bond_bps).unwrap();
    Terms {
        buyer: bid.buyer,
        agent: bid.agent,
        seller: ask.seller,
        payee: ask.payee,
        matcher: address(5),
        token: ask.token,
        price: ask.price,
        hashrate,
        start: NOW,
        end: NOW + u64::from(bid.duration),
        sla_bps: ask.sla_bps,
        proof_bps: ask.proof_bps,
        matcher_fee_bps: bid.matcher_fee_bps,
        proof_shares: ask.proof_shares,
        cancel_notice: ask.cancel_notice,
        proof_window: ask.proof_window,
        bond: locks.bond,
        ask_id: word(0xA1),
        bid_id: word(0xB1),
        entropy: word(0xE1),
    }
}

/// SplitMix64: the same numbers in every run.
pub(crate) struct Rng(pub(crate) u64);

impl Rng {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// A number of up to `max_bits` bits, small ones as likely as large ones.
    pub(crate) fn wide(&mut self, max_bits: u32) -> u128 {
        let all = u128::from(self.next()) << 64 | u128::from(self.next());
        match u32::try_from(self.below(u64::from(max_bits) + 1)).unwrap() {
            0 => 0,
            bits => all >> (128 - bits),
        }
    }
}
