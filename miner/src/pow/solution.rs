//! What a miner finds for a job, and why it may be turned down.

use serde::{Deserialize, Serialize};

use super::encoding;

/// The fields that a miner may choose; together with a job they make a header.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Solution {
    /// The whole header version, rolled bits included.
    pub version: u32,
    /// The whole extranonce (Stratum's extranonce1 and extranonce2 together), at most 32 bytes.
    #[serde(with = "encoding")]
    pub extranonce: Vec<u8>,
    /// nTime in unix seconds.
    pub time: u32,
    /// The nonce.
    pub nonce: u32,
}

/// Why a solution is no share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// The version differs from the job's outside the mask.
    #[error("version {version:08x} differs from the job's outside the mask {mask:08x}")]
    VersionOutsideMask {
        /// The solution's version.
        version: u32,
        /// The job's mask.
        mask: u32,
    },
    /// The extranonce has another length than the job's.
    #[error("extranonce has {found} bytes where the job has room for {expected}")]
    ExtranonceSize {
        /// The job's size in bytes.
        expected: usize,
        /// The solution's size in bytes.
        found: usize,
    },
    /// nTime is before the job's earliest.
    #[error("time {time} is before the job's earliest, {min_time}")]
    TimeBelowMinimum {
        /// The solution's nTime.
        time: u32,
        /// The job's earliest nTime.
        min_time: u32,
    },
    /// The hash is above the share target.
    #[error("hash is above the share target")]
    AboveTarget,
}
