//! Proof that a libp2p peer holds a key of a lease (section 4).

use alloy_primitives::B256;
use serde::{Deserialize, Serialize};

use crate::eip712::{Eip712, Words};

/// Binds a key of a lease to the two peers of one work stream. The transport authenticates the peer
/// ids, so a signature is of no use to anybody else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Lease that the stream is for.
    pub lease_id: B256,
    /// Keccak-256 of the signer's peer id.
    pub from: B256,
    /// Keccak-256 of the other end's peer id.
    pub to: B256,
}

impl Eip712 for Session {
    fn struct_hash(&self) -> B256 {
        Words::of("Session(bytes32 leaseId,bytes32 from,bytes32 to)")
            .word(self.lease_id)
            .word(self.from)
            .word(self.to)
            .hash()
    }
}
