//! The 80-byte block header.

use sha2::block_api::compress256;

use super::hash::{Hash256, sha256d};

/// SHA-256's state after some 64-byte blocks.
pub type Midstate = [u32; 8];

/// SHA-256's initial state (FIPS 180-4, section 5.3.3).
pub(super) const INITIAL_STATE: Midstate =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

/// SHA-256's round constants (FIPS 180-4, section 4.2.2).
pub(super) const ROUND_CONSTANTS: [u32; 64] = [
    0x428a_2f98,
    0x7137_4491,
    0xb5c0_fbcf,
    0xe9b5_dba5,
    0x3956_c25b,
    0x59f1_11f1,
    0x923f_82a4,
    0xab1c_5ed5,
    0xd807_aa98,
    0x1283_5b01,
    0x2431_85be,
    0x550c_7dc3,
    0x72be_5d74,
    0x80de_b1fe,
    0x9bdc_06a7,
    0xc19b_f174,
    0xe49b_69c1,
    0xefbe_4786,
    0x0fc1_9dc6,
    0x240c_a1cc,
    0x2de9_2c6f,
    0x4a74_84aa,
    0x5cb0_a9dc,
    0x76f9_88da,
    0x983e_5152,
    0xa831_c66d,
    0xb003_27c8,
    0xbf59_7fc7,
    0xc6e0_0bf3,
    0xd5a7_9147,
    0x06ca_6351,
    0x1429_2967,
    0x27b7_0a85,
    0x2e1b_2138,
    0x4d2c_6dfc,
    0x5338_0d13,
    0x650a_7354,
    0x766a_0abb,
    0x81c2_c92e,
    0x9272_2c85,
    0xa2bf_e8a1,
    0xa81a_664b,
    0xc24b_8b70,
    0xc76c_51a3,
    0xd192_e819,
    0xd699_0624,
    0xf40e_3585,
    0x106a_a070,
    0x19a4_c116,
    0x1e37_6c08,
    0x2748_774c,
    0x34b0_bcb5,
    0x391c_0cb3,
    0x4ed8_aa4a,
    0x5b9c_ca4f,
    0x682e_6ff3,
    0x748f_82ee,
    0x78a5_636f,
    0x84c8_7814,
    0x8cc7_0208,
    0x90be_fffa,
    0xa450_6ceb,
    0xbef9_a3f7,
    0xc671_78f2,
];

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
