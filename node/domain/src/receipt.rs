//! Cumulative work that both sides sign (section 3).

use alloy_primitives::B256;
use serde::{Deserialize, Serialize};

use crate::{
    eip712::{Eip712, Words},
    signature::Signature,
};

/// The work of a lease from its start up to and including `through`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Receipt {
    /// Lease that the work belongs to.
    pub lease_id: B256,
    /// Cumulative work, hashes.
    pub work: u128,
    /// Counts exactly the accepted shares with `nTime <= through`, unix seconds.
    pub through: u64,
}

impl Eip712 for Receipt {
    fn struct_hash(&self) -> B256 {
        Words::of("Receipt(bytes32 leaseId,uint128 work,uint40 through)")
            .word(self.lease_id)
            .uint(self.work)
            .uint(self.through)
            .hash()
    }
}

/// A receipt that the seller signed and the agent has not answered yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// What the seller claims.
    pub receipt: Receipt,
    /// The seller's signature.
    pub seller: Signature,
}

/// A receipt that both sides signed: what the escrow pays for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedReceipt {
    /// What both sides signed.
    pub receipt: Receipt,
    /// The seller's signature.
    pub seller: Signature,
    /// The agent's signature.
    pub agent: Signature,
}
