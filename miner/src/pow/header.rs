//! The 80-byte block header.

use sha2::block_api::compress256;

use super::hash::{Hash256, sha256d};

/// SHA-256's state after some 64-byte blocks.
pub type Midstate = [u32; 8];

/// SHA-256's initial state (FIPS 180-4, section 5.3.3).
pub(super) const INITIAL_STATE: Midstate =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

/// A block header as every SHA-256d chain with Bitcoin's header has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Header {
    /// nVersion, with the bits that a miner may roll (BIP 320).
    pub version: u32,
    /// Hash of the previous block in internal order; a lease id, unswapped, on standby (PROTOCOL.md, section 3.1).
    pub prev_hash: [u8; 32],
    /// Root of the merkle tree in internal order.
    pub merkle_root: [u8; 32],
    /// nTime in unix seconds.
    pub time: u32,
    /// nBits, the compact form of the block's target.
    pub bits: u32,
    /// The nonce.
    pub nonce: u32,
}

impl Header {
    /// Length on the wire in bytes.
    pub const SIZE: usize = 80;

    /// Writes the 80 bytes; integers are little-endian.
    pub fn to_bytes(&self) -> [u8; Self::SIZE] {
        let mut bytes = [0; Self::SIZE];
        bytes[..4].copy_from_slice(&self.version.to_le_bytes());
        bytes[4..36].copy_from_slice(&self.prev_hash);
        bytes[36..68].copy_from_slice(&self.merkle_root);
        bytes[68..72].copy_from_slice(&self.time.to_le_bytes());
        bytes[72..76].copy_from_slice(&self.bits.to_le_bytes());
        bytes[76..].copy_from_slice(&self.nonce.to_le_bytes());
        bytes
    }

    /// Reads the 80 bytes that [`Header::to_bytes`] writes.
    pub fn from_bytes(bytes: &[u8; Self::SIZE]) -> Self {
        Self {
            version: u32::from_le_bytes(field(bytes, 0)),
            prev_hash: field(bytes, 4),
            merkle_root: field(bytes, 36),
            time: u32::from_le_bytes(field(bytes, 68)),
            bits: u32::from_le_bytes(field(bytes, 72)),
            nonce: u32::from_le_bytes(field(bytes, 76)),
        }
    }

    /// The hash whose value proves the work.
    pub fn hash(&self) -> Hash256 {
        sha256d(&self.to_bytes())
    }

    /// SHA-256's state after the first 64 bytes, which no nonce, time or bits can change.
    pub fn midstate(&self) -> Midstate {
        let mut state = INITIAL_STATE;
        compress256(&mut state, &[field(&self.to_bytes(), 0)]);
        state
    }
}

/// Copies `N` bytes out of a header; every call in this file stays inside its 80 bytes.
fn field<const N: usize>(bytes: &[u8; Header::SIZE], start: usize) -> [u8; N] {
    let mut part = [0; N];
    part.copy_from_slice(&bytes[start..start + N]);
    part
}
