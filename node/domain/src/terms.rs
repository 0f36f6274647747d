//! The terms of a lease, committed by its id (section 3).

use alloy_primitives::{Address, B256};
use serde::{Deserialize, Serialize};

use crate::eip712::{Domain, Words};

/// What both sides agreed to when the lease was opened. Units as in [`crate::Ask`].
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Terms {
    /// Wallet that pays and is refunded.
    pub buyer: Address,
    /// Signs jobs and receipts for the buyer.
    pub agent: Address,
    /// Signs receipts, gets the bond back.
    pub seller: Address,
    /// Receives the earnings.
    pub payee: Address,
    /// Account that opened the lease and earns the matcher's fee.
    pub matcher: Address,
    /// ERC-20 token of the lease.
    pub token: Address,
    /// Token base units per PH/s·day.
    pub price: u128,
    /// Hashes per second.
    pub hashrate: u64,
    /// Unix seconds: time of the opening block.
    pub start: u64,
    /// Unix seconds: agreed end, before any cancellation.
    pub end: u64,
    /// Service level.
    pub sla_bps: u16,
    /// Pay for proven work.
    pub proof_bps: u16,
    /// The matcher's fee as a share of what is earned.
    pub matcher_fee_bps: u16,
    /// Expected number of proof shares.
    pub proof_shares: u16,
    /// Seconds between a cancellation and the end.
    pub cancel_notice: u32,
    /// Seconds after the end for receipts, then proofs.
    pub proof_window: u32,
    /// The seller's collateral, token base units.
    pub bond: u128,
    /// EIP-712 hash of the ask.
    pub ask_id: B256,
    /// EIP-712 hash of the bid.
    pub bid_id: B256,
    /// Makes the id unknown before the lease is opened, and unique.
    pub entropy: B256,
}

impl Terms {
    /// Returns `keccak256(abi.encode(chainid, escrow, terms))`.
    pub fn lease_id(&self, domain: &Domain) -> B256 {
        Words::plain()
            .uint(domain.chain_id)
            .address(domain.escrow)
            .address(self.buyer)
            .address(self.agent)
            .address(self.seller)
            .address(self.payee)
            .address(self.matcher)
            .address(self.token)
            .uint(self.price)
            .uint(self.hashrate)
            .uint(self.start)
            .uint(self.end)
            .uint(self.sla_bps)
            .uint(self.proof_bps)
            .uint(self.matcher_fee_bps)
            .uint(self.proof_shares)
            .uint(self.cancel_notice)
            .uint(self.proof_window)
            .uint(self.bond)
            .word(self.ask_id)
            .word(self.bid_id)
            .word(self.entropy)
            .hash()
    }

    /// Returns the agreed duration in seconds.
    pub fn duration(&self) -> u64 {
        self.end.saturating_sub(self.start)
    }

    /// Returns the work of one proof share: `max(1, hashrate · duration / proofShares)` hashes (section 3.1).
    pub fn proof_work(&self) -> u128 {
        let agreed = u128::from(self.hashrate) * u128::from(self.duration());
        (agreed / u128::from(self.proof_shares.max(1))).max(1)
    }
}
