//! What a lease locks, pays and returns, to the last unit (section 3). Pay is rounded down, locks up.

use alloy_primitives::{U256, U512};
use serde::{Deserialize, Serialize};

use crate::terms::Terms;

/// Hashes of one PH/s·day, the unit that a price is for.
pub const UNIT: u128 = 1_000_000_000_000_000 * 86_400;

/// Basis points of one.
pub const ONE_BPS: u16 = 10_000;

/// What `open` moves out of both balances, token base units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Locks {
    /// Pays for the work.
    pub lock: u128,
    /// Pays the matcher.
    pub fee: u128,
    /// The seller's collateral.
    pub bond: u128,
}

/// What a lease has delivered on chain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Delivered {
    /// Settled cumulative work, hashes.
    pub work: u128,
    /// Proof shares counted.
    pub proof_count: u64,
    /// Already paid to the payee, token base units.
    pub paid: u128,
}

/// How `close` splits the locks, token base units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Payout {
    /// To the payee in all, settlements included.
    pub earned: u128,
    /// To the matcher.
    pub fee: u128,
    /// To the buyer, of the locks.
    pub refund: u128,
    /// To the buyer, of the bond.
    pub penalty: u128,
}

/// Returns what `open` locks for a lease, or `None` where it does not fit 128 bits.
pub fn locks(price: u128, hashrate: u64, duration: u64, matcher_fee_bps: u16, bond_bps: u16) -> Option<Locks> {
    let lock = lock_up(price, hashrate, duration)?;
    let fee = U256::from(lock) * U256::from(matcher_fee_bps);
    let fee = u128::try_from(fee.div_ceil(U256::from(ONE_BPS))).ok()?;
    Some(Locks { lock, fee, bond: share_down(lock, bond_bps)? })
}

/// 128 bits of price, 64 of hashrate and 64 of duration just fit 256.
fn lock_up(price: u128, hashrate: u64, duration: u64) -> Option<u128> {
    let cost = U256::from(price) * U256::from(hashrate) * U256::from(duration);
    u128::try_from(cost.div_ceil(U256::from(UNIT))).ok()
}

fn share_down(amount: u128, share_bps: u16) -> Option<u128> {
    u128::try_from(U256::from(amount) * U256::from(share_bps) / U256::from(ONE_BPS)).ok()
}

impl Terms {
    /// Returns the buyer's locks and the seller's bond, or `None` for terms that no escrow can have opened.
    pub fn locks(&self) -> Option<Locks> {
        let locks = locks(self.price, self.hashrate, self.duration(), self.matcher_fee_bps, 0)?;
        Some(Locks { bond: self.bond, ..locks })
    }

    /// Returns the work contracted up to `end`, hashes. A cancellation never puts the end past the agreed one.
    pub fn contracted(&self, end: u64) -> u128 {
        u128::from(self.hashrate) * u128::from(self.ran(end))
    }

    /// Returns what settlements have paid in all once `work` is settled before `end`, token base units: one settlement pays the
    /// difference to what the one before it had reached.
    pub fn settled_down(&self, end: u64, work: u128) -> u128 {
        self.worth_down(work.min(self.contracted(end)), 0)
    }

    /// Returns the payee's earnings for what is settled and proven, rounded down once; never below what was paid, never above
    /// the lock.
    pub fn earned_down(&self, end: u64, delivered: Delivered) -> u128 {
        let settled = delivered.work.min(self.contracted(end));
        self.worth_down(settled, self.proven_work(end, delivered)).max(delivered.paid)
    }

    /// Returns the work that proof shares are paid for: theirs, up to what is contracted and not settled, hashes.
    pub fn proven_work(&self, end: u64, delivered: Delivered) -> u128 {
        let contracted = self.contracted(end);
        self.shown(delivered).saturating_to::<u128>().min(contracted - delivered.work.min(contracted))
    }

    /// Returns what the buyer gets of the bond, rounded down once: pro rata to the time that ran.
    pub fn penalty_down(&self, end: u64, delivered: Delivered) -> u128 {
        let required = U256::from(self.contracted(end)) * U256::from(self.sla_bps) / U256::from(ONE_BPS);
        let work = U256::from(delivered.work) + self.shown(delivered);
        if work >= required {
            return 0;
        }
        // Something is required, so the lease ran, and its agreed duration is not zero either.
        let part = U512::from(self.bond) * U512::from(self.ran(end)) * U512::from(required - work);
        let whole = U512::from(self.duration()) * U512::from(required);
        (part / whole).saturating_to()
    }

    /// Returns whether one more proof share would earn the payee more, or the seller more of its bond.
    pub fn wants_proof(&self, end: u64, delivered: Delivered) -> bool {
        let more = Delivered { proof_count: delivered.proof_count.saturating_add(1), ..delivered };
        self.earned_down(end, more) > self.earned_down(end, delivered)
            || self.penalty_down(end, more) < self.penalty_down(end, delivered)
    }

    /// Returns how `close` splits what is locked. `None` for a delivery that no escrow can have seen, and for a refund of more than
    /// 128 bits, which sound orders exclude ([`crate::order::check_bid`]).
    pub fn payout(&self, end: u64, delivered: Delivered) -> Option<Payout> {
        let Locks { lock, fee: fee_lock, .. } = self.locks()?;
        let earned = self.earned_down(end, delivered);
        let fee = share_down(earned, self.matcher_fee_bps)?;
        let refund = lock.checked_sub(earned)?.checked_add(fee_lock.checked_sub(fee)?)?;
        Some(Payout { earned, fee, refund, penalty: self.penalty_down(end, delivered) })
    }

    /// Seconds from the start to `end`.
    fn ran(&self, end: u64) -> u64 {
        end.min(self.end).saturating_sub(self.start)
    }

    /// Work that the counted proof shares show: 128 bits times 64.
    fn shown(&self, delivered: Delivered) -> U256 {
        U256::from(self.proof_work()) * U256::from(delivered.proof_count)
    }

    /// Both works together are at most what is contracted, so that 128 bits of price, 128 of work and 14 of a ratio meet here.
    fn worth_down(&self, settled: u128, proven: u128) -> u128 {
        let weighted = U512::from(settled) * U512::from(ONE_BPS) + U512::from(proven) * U512::from(self.proof_bps);
        (U512::from(self.price) * weighted / (U512::from(UNIT) * U512::from(ONE_BPS))).saturating_to()
    }
}

#[cfg(test)]
#[path = "pay_tests.rs"]
mod tests;
