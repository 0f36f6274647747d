//! A pool's job as a lease's job.

use std::sync::Arc;

use hashlease_miner::pow::{Hash256, Job, Solution, Target};
use hashlease_miner::worker::{Found, Work};

use super::error::{PoolError, check_extranonce_size};

/// A job of one connection.
#[derive(Debug)]
pub(in crate::destination) struct PoolJob {
    /// The job; the pool's extranonce1 is part of its coinbase prefix.
    pub(in crate::destination) job: Job,
    /// What the pool takes: its share target as it was when it gave the job, or a block's where that is easier.
    pub(in crate::destination) target: Target,
    /// nTime to begin at, unix seconds.
    pub(in crate::destination) time: u32,
    /// Counts the jobs that voided all before them, over all connections.
    pub(super) generation: u64,
    /// Number of the connection that the job came by.
    pub(super) connection: u64,
    work: Arc<Work>,
}

impl PoolJob {
    /// Refuses work that no seller's farm can do.
    pub(in crate::destination) fn check(work: &Work) -> Result<(), PoolError> {
        check_extranonce_size(work.extranonce2_size())?;
        Target::from_compact(work.job.bits).map(drop).map_err(|_| PoolError::Bits)
    }

    /// Checks a pool's work and folds extranonce1 into the prefix: byte for byte the pool's own coinbase.
    pub(super) fn new(work: Work, generation: u64, connection: u64) -> Result<Self, PoolError> {
        let extranonce_size = check_extranonce_size(work.extranonce2_size())?;
        let block = Target::from_compact(work.job.bits).map_err(|_| PoolError::Bits)?;
        let mut job = work.job.clone();
        job.coinbase_prefix.extend_from_slice(&work.extranonce1);
        job.extranonce_size = extranonce_size;
        Ok(Self { job, target: work.target.max(block), time: work.time, generation, connection, work: Arc::new(work) })
    }

    /// A solution of this job as the pool counts it, its extranonce whole again.
    pub(super) fn found(&self, solution: &Solution, hash: Hash256) -> Found {
        let extranonce = [self.work.extranonce1.as_slice(), &solution.extranonce].concat();
        let solution = Solution { extranonce, ..solution.clone() };
        Found { work: Arc::clone(&self.work), generation: self.generation, solution, hash }
    }
}
