//! Proof shares: work that the contract checks itself where the two sides don't agree (section 3.1).

use std::collections::HashMap;

use alloy_primitives::{B256, Bytes, FixedBytes};
use hashlease_miner::pow::{hash::Hash256, solution::Solution};
use serde::{Deserialize, Serialize};

use crate::{job::LeaseJob, signature::Signed};

/// Most bytes of jobs and shares in one call. Nodes take transactions of up to 128 KiB; this keeps a call's record, which holds
/// it twice, below what the store takes at once.
const MAX_CALL_BYTES: usize = 28_000;
/// Most gas of one call, by [`cost`]: a third of the smallest block limit of note.
const MAX_CALL_GAS: u64 = 10_000_000;
/// Gas of a call without shares: the transaction, the terms and the lease's slot.
const CALL_GAS: u64 = 100_000;
/// Gas of a byte of call data that is not zero.
const BYTE_GAS: u64 = 16;
/// Jobs that a share can name: one byte, whose last value means standby.
const MAX_JOBS: usize = 255;
/// The byte that a standby share begins with.
const STANDBY: u8 = 0xff;

/// A rare share, as it is kept until the lease can no longer be proven.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ProofShare {
    /// On a job that the agent signed.
    Job {
        /// EIP-712 hash of the job.
        job: B256,
        /// What the miner found.
        solution: Solution,
    },
    /// On the lease id itself.
    Standby {
        /// The whole header.
        header: FixedBytes<80>,
    },
}

/// The arguments of one call of `prove`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// Last hash counted before; zero starts anew.
    pub after: B256,
    /// Jobs that the shares name by index.
    pub jobs: Vec<Signed<LeaseJob>>,
    /// The shares in strictly ascending order of their hashes, packed as the escrow's interface says.
    pub shares: Bytes,
    /// How many shares these are.
    pub count: u64,
}

impl ProofShare {
    /// Returns the share's nTime, unix seconds.
    pub fn time(&self) -> u32 {
        match self {
            Self::Job { solution, .. } => solution.time,
            Self::Standby { header } => u32::from_le_bytes([header[68], header[69], header[70], header[71]]),
        }
    }

    fn pack(&self, index: u8, packed: &mut Vec<u8>) {
        match self {
            Self::Job { solution, .. } => {
                packed.push(index);
                for field in [solution.version, solution.time, solution.nonce] {
                    packed.extend(field.to_le_bytes());
                }
                packed.extend(&solution.extranonce);
            }
            // Bytes 4 to 36 are the lease id, which the contract knows.
            Self::Standby { header } => {
                packed.push(STANDBY);
                packed.extend(&header[..4]);
                packed.extend(&header[36..]);
            }
        }
    }
}

/// Returns a hash in the order that the contract compares: as Bitcoin shows it, most significant byte first.
pub fn proof_order(hash: Hash256) -> B256 {
    let mut bytes = *hash.as_bytes();
    bytes.reverse();
    bytes.into()
}

/// Packs the next call of a run of proofs: as many of `shares` as fit, which ascend by hash and are all above `after`. A share on a
/// job that `job_of` doesn't find is left out. `None` where nothing is left to show.
pub fn next_proof(
    after: B256,
    shares: impl IntoIterator<Item = ProofShare>,
    mut job_of: impl FnMut(B256) -> Option<Signed<LeaseJob>>,
) -> Option<Proof> {
    let mut proof = Proof { after, jobs: Vec::new(), shares: Bytes::new(), count: 0 };
    let (mut packed, mut bytes, mut gas) = (Vec::new(), 0, CALL_GAS);
    let mut indices: HashMap<B256, u8> = HashMap::new();
    for share in shares {
        let (mut index, mut new_job) = (STANDBY, None);
        if let ProofShare::Job { job, .. } = &share {
            match indices.get(job) {
                Some(known) => index = *known,
                None => {
                    let Some(signed) = job_of(*job) else { continue };
                    let Some(next) = u8::try_from(proof.jobs.len()).ok().filter(|_| proof.jobs.len() < MAX_JOBS) else {
                        break;
                    };
                    (index, new_job) = (next, Some((*job, signed)));
                }
            }
        }
        let job = match &new_job {
            Some((_, signed)) => Some(signed),
            None => proof.jobs.get(usize::from(index)),
        };
        let (share_bytes, share_gas) = cost(&share, job, new_job.is_some());
        if bytes + share_bytes > MAX_CALL_BYTES || gas + share_gas > MAX_CALL_GAS {
            break;
        }
        (bytes, gas) = (bytes + share_bytes, gas + share_gas);
        share.pack(index, &mut packed);
        proof.count += 1;
        if let Some((hash, signed)) = new_job {
            indices.insert(hash, index);
            proof.jobs.push(signed);
        }
    }
    proof.shares = packed.into();
    (proof.count > 0).then_some(proof)
}

/// Returns the bytes that a share adds to a call and, from above, its gas.
fn cost(share: &ProofShare, job: Option<&Signed<LeaseJob>>, with_job: bool) -> (usize, u64) {
    let wide = |length: usize| u64::try_from(length).unwrap_or(u64::MAX);
    let ProofShare::Job { solution, .. } = share else {
        let bytes = 1 + 4 + 44;
        return (bytes, 1_700 + BYTE_GAS * wide(bytes));
    };
    let share_bytes = 13 + solution.extranonce.len();
    let Some(job) = job.map(|signed| &signed.order.job) else { return (share_bytes, 0) };
    let (coinbase, branch) = (job.coinbase_prefix.len() + job.coinbase_suffix.len(), job.branch.len());
    // Two words and a precompile's fee for each merkle step; the coinbase is copied, then hashed.
    let hashing = 2_200 + 540 * wide(branch) + 4 * wide(coinbase);
    // The head of the struct, its three arrays padded to words, and the signature.
    let job_bytes = if with_job { 14 * 32 + 160 + coinbase.next_multiple_of(32) + 96 + 32 * branch } else { 0 };
    // The job is hashed and its signature recovered.
    let job_gas = if with_job { 12_000 + 4 * wide(job_bytes) } else { 0 };
    (share_bytes + job_bytes, hashing + job_gas + BYTE_GAS * wide(share_bytes + job_bytes))
}

#[cfg(test)]
#[path = "proof_tests.rs"]
mod tests;
