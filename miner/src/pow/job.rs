//! The work template that a solution completes.

use serde::{Deserialize, Serialize};

use super::encoding;
use super::hash::sha256d;
use super::header::Header;
use super::merkle;
use super::solution::{Rejection, Solution};

/// A work template: everything of a header but what a [`Solution`] chooses (PROTOCOL.md, section 3.1, without the lease).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Job {
    /// Header version before rolling.
    pub version: u32,
    /// Bits of the version that a solution may change (BIP 320).
    pub version_mask: u32,
    /// Hash of the previous block in internal order.
    #[serde(with = "encoding")]
    pub prev_hash: [u8; 32],
    /// Coinbase transaction, without witness, up to the extranonce.
    #[serde(with = "encoding")]
    pub coinbase_prefix: Vec<u8>,
    /// Coinbase transaction after the extranonce.
    #[serde(with = "encoding")]
    pub coinbase_suffix: Vec<u8>,
    /// Length of the whole extranonce in bytes.
    pub extranonce_size: u8,
    /// Merkle branch of the coinbase, in internal order.
    #[serde(with = "encoding::hashes")]
    pub branch: Vec<[u8; 32]>,
    /// nBits, the compact form of the block's target.
    pub bits: u32,
    /// Earliest nTime of a solution, in unix seconds.
    pub min_time: u32,
}

impl Job {
    /// The coinbase transaction with this extranonce, which must have the job's length.
    pub fn coinbase(&self, extranonce: &[u8]) -> Result<Vec<u8>, Rejection> {
        self.check_extranonce(extranonce)?;
        Ok([&self.coinbase_prefix, extranonce, &self.coinbase_suffix].concat())
    }

    /// The merkle root with this extranonce, which must have the job's length.
    pub fn merkle_root(&self, extranonce: &[u8]) -> Result<[u8; 32], Rejection> {
        let txid = sha256d(&self.coinbase(extranonce)?);
        Ok(merkle::fold(txid.to_bytes(), &self.branch))
    }

    /// The header that a solution completes; the version must stay inside the mask, the time isn't judged.
    pub fn header(&self, solution: &Solution) -> Result<Header, Rejection> {
        self.check_version(solution.version)?;
        Ok(Header {
            version: solution.version,
            prev_hash: self.prev_hash,
            merkle_root: self.merkle_root(&solution.extranonce)?,
            time: solution.time,
            bits: self.bits,
            nonce: solution.nonce,
        })
    }

    /// Checks what a solution chose, as far as that needs no hash: time, version and extranonce, in this order.
    pub(super) fn check(&self, solution: &Solution) -> Result<(), Rejection> {
        self.check_time(solution.time)?;
        self.check_version(solution.version)?;
        self.check_extranonce(&solution.extranonce)
    }

    pub(super) fn check_time(&self, time: u32) -> Result<(), Rejection> {
        let min_time = self.min_time;
        if time < min_time { Err(Rejection::TimeBelowMinimum { time, min_time }) } else { Ok(()) }
    }

    fn check_version(&self, version: u32) -> Result<(), Rejection> {
        let mask = self.version_mask;
        let is_inside = (version ^ self.version) & !mask == 0;
        if is_inside { Ok(()) } else { Err(Rejection::VersionOutsideMask { version, mask }) }
    }

    fn check_extranonce(&self, extranonce: &[u8]) -> Result<(), Rejection> {
        let (expected, found) = (usize::from(self.extranonce_size), extranonce.len());
        if found == expected { Ok(()) } else { Err(Rejection::ExtranonceSize { expected, found }) }
    }
}
