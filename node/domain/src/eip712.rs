//! EIP-712 hashing of the protocol's structs: static words, `bytes` and `bytes32[]` members only.

use alloy_primitives::{Address, B256, U256, keccak256, ruint::UintTryFrom};
use serde::{Deserialize, Serialize};

/// The signing domain of one escrow on one chain: `Hashlease` / `1` / chain id / contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Domain {
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// Address of the escrow contract.
    pub escrow: Address,
}

impl Domain {
    /// Returns the EIP-712 domain separator.
    pub fn separator(&self) -> B256 {
        Words::of("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)")
            .bytes(b"Hashlease")
            .bytes(b"1")
            .uint(self.chain_id)
            .address(self.escrow)
            .hash()
    }

    /// Returns the digest that a maker signs for `message`: `keccak256(0x1901 ‖ separator ‖ hashStruct)`.
    pub fn digest<T: Eip712>(&self, message: &T) -> B256 {
        let mut preimage = [0; 66];
        preimage[..2].copy_from_slice(&[0x19, 0x01]);
        preimage[2..34].copy_from_slice(self.separator().as_slice());
        preimage[34..].copy_from_slice(message.struct_hash().as_slice());
        keccak256(preimage)
    }
}

/// A struct that is signed under EIP-712.
pub trait Eip712 {
    /// Returns `hashStruct(self)`, which is independent of the domain.
    fn struct_hash(&self) -> B256;
}

/// The 32-byte words of an ABI or EIP-712 encoding, in order.
pub(crate) struct Words(Vec<u8>);

impl Words {
    /// Starts an EIP-712 struct with the hash of its type string.
    pub(crate) fn of(type_string: &str) -> Self {
        Self(keccak256(type_string).to_vec())
    }

    /// Starts a plain `abi.encode` of static members.
    pub(crate) fn plain() -> Self {
        Self(Vec::new())
    }

    pub(crate) fn uint<T>(mut self, value: T) -> Self
    where
        U256: UintTryFrom<T>,
    {
        self.0.extend_from_slice(&U256::from(value).to_be_bytes::<32>());
        self
    }

    pub(crate) fn address(mut self, value: Address) -> Self {
        self.0.extend_from_slice(value.into_word().as_slice());
        self
    }

    pub(crate) fn word(mut self, value: B256) -> Self {
        self.0.extend_from_slice(value.as_slice());
        self
    }

    /// A dynamic `bytes` or `string` member, by its hash.
    pub(crate) fn bytes(self, value: &[u8]) -> Self {
        self.word(keccak256(value))
    }

    /// A `bytes32[]` member, by the hash of its concatenated elements.
    pub(crate) fn array(self, values: &[[u8; 32]]) -> Self {
        self.word(keccak256(values.concat()))
    }

    pub(crate) fn hash(self) -> B256 {
        keccak256(self.0)
    }
}
