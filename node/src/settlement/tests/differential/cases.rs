//! Random cases: small numbers as often as large ones, and the ends of each range now and then.

use alloy_primitives::{Address, B256, U256};
use hashlease_domain::{Ask, Bid, LeaseJob, Receipt, Terms};
use hashlease_miner::pow::Job;
use rand::{Rng, SeedableRng, rngs::StdRng};

use super::Keys;
use crate::settlement::tests::anvil::World;

/// One of basis points.
const ONE_BPS: u16 = 10_000;

pub(super) struct Cases {
    pub(super) rng: StdRng,
    buyer: Address,
    seller: Address,
    agent: Address,
    token: Address,
}

impl Cases {
    pub(super) fn new(world: &World, keys: &Keys, seed: u64) -> Self {
        let (buyer, seller, agent) = (keys.buyer.address(), keys.seller.address(), keys.agent.address());
        Self { rng: StdRng::seed_from_u64(seed), buyer, seller, agent, token: world.token }
    }

    /// A number below `2^bits`.
    pub(super) fn number<T: TryFrom<u128>>(&mut self, bits: u32) -> T {
        let full = u128::MAX >> (128 - bits);
        let number = match self.rng.random_range(0..16) {
            0 => full,
            1 => 0,
            _ => self.rng.random::<u128>() & (full >> self.rng.random_range(0..bits)),
        };
        T::try_from(number).unwrap_or_else(|_| unreachable!("the type has {bits} bits"))
    }

    /// A number from 1 on.
    pub(super) fn positive<T: TryFrom<u128> + From<u8> + Ord>(&mut self, bits: u32) -> T {
        self.number::<T>(bits).max(T::from(1))
    }

    pub(super) fn ratio(&mut self) -> u16 {
        self.number::<u16>(14).min(ONE_BPS)
    }

    pub(super) fn word(&mut self) -> B256 {
        self.rng.random::<[u8; 32]>().into()
    }

    fn address(&mut self) -> Address {
        self.rng.random::<[u8; 20]>().into()
    }

    pub(super) fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.rng.random()).collect()
    }

    /// Any ask of the seller's.
    pub(super) fn ask(&mut self) -> Ask {
        Ask {
            seller: self.seller,
            payee: self.address(),
            token: self.token,
            price: self.number(128),
            hashrate: self.number(64),
            min_hashrate: self.number(64),
            min_duration: self.number(32),
            max_duration: self.number(32),
            sla_bps: self.number(16),
            bond_bps: self.number(16),
            proof_bps: self.number(16),
            cancel_notice: self.number(32),
            proof_window: self.number(32),
            proof_shares: self.number(16),
            tags: U256::from_be_bytes(self.word().0),
            details: self.word(),
            expiry: self.number(40),
            epoch: self.number(64),
            salt: self.word(),
        }
    }

    /// Any bid of the buyer's.
    pub(super) fn bid(&mut self) -> Bid {
        Bid {
            buyer: self.buyer,
            agent: self.agent,
            token: self.token,
            max_price: self.number(128),
            hashrate: self.number(64),
            min_hashrate: self.number(64),
            duration: self.number(32),
            min_sla_bps: self.number(16),
            min_bond_bps: self.number(16),
            max_proof_bps: self.number(16),
            max_cancel_notice: self.number(32),
            max_proof_window: self.number(32),
            min_proof_shares: self.number(16),
            required_tags: U256::from_be_bytes(self.word().0),
            seller: self.address(),
            matcher: self.address(),
            matcher_fee_bps: self.number(16),
            details: self.word(),
            expiry: self.number(40),
            epoch: self.number(64),
            salt: self.word(),
        }
    }

    /// Terms that `open` can have made, of a lease that started at most its duration before `now`, unix seconds.
    pub(super) fn terms(&mut self, now: u64) -> Terms {
        loop {
            let duration = self.positive::<u64>(32);
            let start = now - self.rng.random_range(0..=duration.min(now));
            let mut terms = Terms {
                buyer: self.buyer,
                agent: self.agent,
                seller: self.seller,
                payee: self.address(),
                matcher: self.address(),
                token: self.token,
                price: self.positive(128),
                hashrate: self.positive(64),
                start,
                end: start + duration,
                sla_bps: self.ratio(),
                proof_bps: self.ratio(),
                matcher_fee_bps: self.ratio(),
                proof_shares: self.positive(16),
                cancel_notice: self.number(32),
                proof_window: self.positive::<u32>(32).max(10),
                bond: 0,
                ask_id: self.word(),
                bid_id: self.word(),
                entropy: self.word(),
            };
            // Sound orders lock no more than 128 bits in all.
            if let Some(locks) = terms.locks().filter(|locks| locks.lock.checked_add(locks.fee).is_some()) {
                terms.bond = self.number::<u128>(128).min(locks.lock);
                return terms;
            }
        }
    }

    pub(super) fn receipt(&mut self) -> Receipt {
        Receipt { lease_id: self.word(), work: self.number(128), through: self.number(40) }
    }

    /// A job with a coinbase of 60 to 1,000 bytes and 0 to 14 branches, whose shares may roll any of the mask's bits.
    pub(super) fn job(&mut self, lease_id: B256, min_time: u32) -> LeaseJob {
        let extranonce_size = self.rng.random_range(4..=16_u8);
        let coinbase = self.rng.random_range(60..=1_000) - usize::from(extranonce_size);
        let prefix = self.rng.random_range(0..=coinbase);
        let branches = self.rng.random_range(0..=14);
        let job = Job {
            version: self.rng.random(),
            version_mask: if self.rng.random() { 0x1fff_e000 } else { self.rng.random() },
            prev_hash: self.word().0,
            coinbase_prefix: self.bytes(prefix),
            coinbase_suffix: self.bytes(coinbase - prefix),
            extranonce_size,
            branch: (0..branches).map(|_| self.word().0).collect(),
            bits: self.rng.random(),
            min_time,
        };
        LeaseJob { lease_id, job }
    }
}
