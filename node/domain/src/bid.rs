//! The buyer's signed order (section 2).

use alloy_primitives::{Address, B256, U256};
use serde::{Deserialize, Serialize};

use crate::eip712::{Eip712, Words};

/// A demand for hashpower. Units as in [`crate::Ask`].
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Bid {
    /// Wallet that pays; an account with a key, or a contract (ERC-1271).
    pub buyer: Address,
    /// Hot key of the buyer's node: signs jobs and receipts.
    pub agent: Address,
    /// ERC-20 token that the buyer pays in.
    pub token: Address,
    /// Highest price, token base units per PH/s·day.
    pub max_price: u128,
    /// Wanted hashes per second.
    pub hashrate: u64,
    /// Smallest hashrate of one lease.
    pub min_hashrate: u64,
    /// Length of the lease, seconds.
    pub duration: u32,
    /// Lowest service level that the buyer takes.
    pub min_sla_bps: u16,
    /// Lowest bond that the buyer takes.
    pub min_bond_bps: u16,
    /// Highest pay for proven work that the buyer takes.
    pub max_proof_bps: u16,
    /// Longest notice that the buyer takes, seconds.
    pub max_cancel_notice: u32,
    /// Longest proof window that the buyer takes, seconds.
    pub max_proof_window: u32,
    /// Fewest proof shares that the buyer takes.
    pub min_proof_shares: u16,
    /// Tags that the ask must carry.
    pub required_tags: U256,
    /// The only seller that may fill the bid, or zero for any.
    pub seller: Address,
    /// The only account that may open the lease, or zero for anyone.
    pub matcher: Address,
    /// The opener's fee as a share of what is earned.
    pub matcher_fee_bps: u16,
    /// Keccak-256 of the detail document that travels with the order.
    pub details: B256,
    /// The order is void from this time on.
    pub expiry: u64,
    /// Valid while it equals the maker's epoch in the escrow.
    pub epoch: u64,
    /// Names the capacity: fills are counted by (side, maker, salt).
    pub salt: B256,
}

impl Eip712 for Bid {
    fn struct_hash(&self) -> B256 {
        Words::of(
            "Bid(address buyer,address agent,address token,uint128 maxPrice,uint64 hashrate,uint64 minHashrate,\
             uint32 duration,uint16 minSlaBps,uint16 minBondBps,uint16 maxProofBps,uint32 maxCancelNotice,\
             uint32 maxProofWindow,uint16 minProofShares,uint256 requiredTags,address seller,address matcher,\
             uint16 matcherFeeBps,bytes32 details,uint40 expiry,uint64 epoch,bytes32 salt)",
        )
        .address(self.buyer)
        .address(self.agent)
        .address(self.token)
        .uint(self.max_price)
        .uint(self.hashrate)
        .uint(self.min_hashrate)
        .uint(self.duration)
        .uint(self.min_sla_bps)
        .uint(self.min_bond_bps)
        .uint(self.max_proof_bps)
        .uint(self.max_cancel_notice)
        .uint(self.max_proof_window)
        .uint(self.min_proof_shares)
        .uint(self.required_tags)
        .address(self.seller)
        .address(self.matcher)
        .uint(self.matcher_fee_bps)
        .word(self.details)
        .uint(self.expiry)
        .uint(self.epoch)
        .word(self.salt)
        .hash()
    }
}
