//! Work templates that the agent signs (section 3.1).

use alloy_primitives::B256;
use hashlease_miner::pow::job::Job;
use serde::{Deserialize, Serialize};

use crate::eip712::{Eip712, Words};

/// A job that counts for one lease.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LeaseJob {
    /// Lease that work on the job counts for.
    pub lease_id: B256,
    /// The work template.
    pub job: Job,
}

impl Eip712 for LeaseJob {
    fn struct_hash(&self) -> B256 {
        let job = &self.job;
        Words::of(
            "Job(bytes32 leaseId,uint32 version,uint32 versionMask,bytes32 prevHash,bytes coinbasePrefix,\
             bytes coinbaseSuffix,uint8 extranonceSize,bytes32[] branch,uint32 nBits,uint32 minTime)",
        )
        .word(self.lease_id)
        .uint(job.version)
        .uint(job.version_mask)
        .word(B256::from(job.prev_hash))
        .bytes(&job.coinbase_prefix)
        .bytes(&job.coinbase_suffix)
        .uint(job.extranonce_size)
        .array(&job.branch)
        .uint(job.bits)
        .uint(job.min_time)
        .hash()
    }
}
