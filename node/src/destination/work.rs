//! A lease's own share of a destination: jobs that no other lease has, and the way back for what they find.

use std::sync::Arc;

use alloy_primitives::B256;
use hashlease_miner::client::PoolUrl;
use hashlease_miner::pow::{Job, Solution, Target};

use super::pool::{Link, PoolJob, PoolWork};
use super::solo::{Solo, SoloJob, SubmitOutcome, Templates};
use super::{Destination, DestinationError, Health};

/// What one lease works on, as it changes.
#[derive(Debug)]
pub enum LeaseWork {
    /// Blocks of the buyer's own.
    Solo {
        /// The Bitcoin node.
        solo: Box<Solo>,
        /// Its templates.
        templates: Templates,
        /// Lease that the jobs are for.
        lease: B256,
    },
    /// Shares for a pool, by a connection of the lease's own.
    Pool(PoolWork),
}

/// A job of one lease, with what its destination takes of it.
#[derive(Clone, Debug)]
pub struct WorkJob {
    /// The job; no other lease has its coinbase.
    pub job: Job,
    /// What a hash must meet to be of use to the destination: a block's target, or that of a pool's shares.
    pub target: Target,
    /// nTime to begin at, unix seconds.
    pub time: u32,
    /// Whether the destination takes nothing of any earlier job, even on the same previous block.
    pub clean: bool,
    origin: Origin,
}

/// Where what is found goes.
#[derive(Clone, Debug)]
enum Origin {
    Solo(Box<(Solo, SoloJob)>),
    Pool(Link, Arc<PoolJob>),
}

impl Destination {
    /// Begins a lease's own work.
    pub fn lease_work(&self, lease: B256) -> LeaseWork {
        match self {
            Self::Solo(solo, templates) => LeaseWork::Solo { solo: solo.clone(), templates: templates.clone(), lease },
            Self::Pool(pool) => LeaseWork::Pool(pool.connect(lease)),
        }
    }
}

impl LeaseWork {
    /// Waits for a job that [`LeaseWork::newest`] has not given yet. `false` where none will come any more.
    ///
    /// Cancel safe.
    pub async fn changed(&mut self) -> bool {
        match self {
            Self::Solo { templates, .. } => templates.changed().await.is_ok(),
            Self::Pool(work) => work.changed().await,
        }
    }

    /// Returns the newest job; `None` before the first.
    pub fn newest(&mut self) -> Option<WorkJob> {
        match self {
            Self::Solo { solo, templates, lease } => {
                let template = templates.borrow_and_update().clone()?;
                let solo_job = solo.job(&template, *lease);
                Some(WorkJob {
                    job: solo_job.job.clone(),
                    target: template.target,
                    time: template.cur_time,
                    clean: false,
                    origin: Origin::Solo(Box::new((Solo::clone(solo), solo_job))),
                })
            }
            Self::Pool(work) => {
                let (job, link, clean) = work.newest()?;
                Some(WorkJob {
                    job: job.job.clone(),
                    target: job.target,
                    time: job.time,
                    clean,
                    origin: Origin::Pool(link, job),
                })
            }
        }
    }

    /// Says that the newest job's coinbase belongs to another lease, so that the next one brings another.
    pub fn renew(&self) {
        match self {
            // Its coinbase holds the lease's id.
            Self::Solo { .. } => {}
            Self::Pool(work) => work.renew(),
        }
    }

    /// Returns the pool that gave work last, where pools give it.
    pub fn pool(&self) -> Option<PoolUrl> {
        match self {
            Self::Solo { .. } => None,
            Self::Pool(work) => work.pool(),
        }
    }

    /// Tells how fresh the work is, and what is wrong where it isn't.
    pub fn health(&self) -> Health {
        match self {
            Self::Solo { solo, .. } => solo.health(),
            Self::Pool(work) => work.health(),
        }
    }
}

impl WorkJob {
    /// Gives the destination a solution that meets [`WorkJob::target`].
    ///
    /// # Errors
    /// Where the solution is of no use to it, or it can't be reached for too long.
    pub async fn submit(&self, solution: &Solution) -> Result<SubmitOutcome, DestinationError> {
        match &self.origin {
            Origin::Solo(found) => found.0.submit(&found.1, solution).await,
            Origin::Pool(link, job) => link.submit(Arc::clone(job), solution).await,
        }
    }
}
