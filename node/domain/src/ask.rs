//! The seller's signed offer (section 2).

use alloy_primitives::{Address, B256, U256};
use serde::{Deserialize, Serialize};

use crate::eip712::{Eip712, Words};

/// An offer of hashpower. Times in unix seconds, durations in seconds, ratios in basis points.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ask {
    /// Hot key of the seller's node: signs asks and receipts, posts the bond.
    pub seller: Address,
    /// Receives the earnings; may be a cold wallet.
    pub payee: Address,
    /// ERC-20 token that price and bond are counted in.
    pub token: Address,
    /// Token base units per PH/s·day.
    pub price: u128,
    /// Offered hashes per second.
    pub hashrate: u64,
    /// Smallest hashrate of one lease.
    pub min_hashrate: u64,
    /// Shortest lease, seconds.
    pub min_duration: u32,
    /// Longest lease, seconds.
    pub max_duration: u32,
    /// Share of the contracted work below which the bond is at stake.
    pub sla_bps: u16,
    /// Bond as a share of the lock.
    pub bond_bps: u16,
    /// Pay for proven work as a share of the price.
    pub proof_bps: u16,
    /// Seconds between a cancellation and the end.
    pub cancel_notice: u32,
    /// Seconds after the end in which receipts, then proofs, may come.
    pub proof_window: u32,
    /// Expected number of proof shares in a lease that is fully delivered.
    pub proof_shares: u16,
    /// Declarations that the contract can compare, see section 2.
    pub tags: U256,
    /// Keccak-256 of the detail document that travels with the order.
    pub details: B256,
    /// The order is void from this time on.
    pub expiry: u64,
    /// Valid while it equals the maker's epoch in the escrow.
    pub epoch: u64,
    /// Names the capacity: fills are counted by (side, maker, salt).
    pub salt: B256,
}

impl Eip712 for Ask {
    fn struct_hash(&self) -> B256 {
        Words::of(
            "Ask(address seller,address payee,address token,uint128 price,uint64 hashrate,uint64 minHashrate,\
             uint32 minDuration,uint32 maxDuration,uint16 slaBps,uint16 bondBps,uint16 proofBps,\
             uint32 cancelNotice,uint32 proofWindow,uint16 proofShares,uint256 tags,bytes32 details,\
             uint40 expiry,uint64 epoch,bytes32 salt)",
        )
        .address(self.seller)
        .address(self.payee)
        .address(self.token)
        .uint(self.price)
        .uint(self.hashrate)
        .uint(self.min_hashrate)
        .uint(self.min_duration)
        .uint(self.max_duration)
        .uint(self.sla_bps)
        .uint(self.bond_bps)
        .uint(self.proof_bps)
        .uint(self.cancel_notice)
        .uint(self.proof_window)
        .uint(self.proof_shares)
        .uint(self.tags)
        .word(self.details)
        .uint(self.expiry)
        .uint(self.epoch)
        .word(self.salt)
        .hash()
    }
}
