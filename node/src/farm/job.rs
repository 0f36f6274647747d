//! What goes out to miners and what comes back.

use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use alloy_primitives::B256;
use hashlease_miner::pow::{Hash256, Job, Prepared, Solution, Target};
use hashlease_miner::stratum::JobText;
use tokio::time::Instant;

use super::error::JobError;
use super::extranonce::{MAX_SIZE, MIN_SIZE};

/// Time in which work that was just superseded may still arrive: a notify's way to the device and a share's way back.
pub(super) const GRACE: Duration = Duration::from_secs(2);

/// Stands in the place of a lease where miners have none: what they mine then is the seller's own. Leases are named by hashes, none
/// of which is zero.
pub const UNLEASED: B256 = B256::ZERO;

/// Coinbase that every device takes; stock Antminer S19 take 730 bytes, others more.
const LONG_COINBASE_BYTES: usize = 500;

/// A lease's work for miners. Set it again with a newer time, not clean, to refresh it.
#[derive(Clone, Debug)]
pub struct FarmJob {
    /// Lease that the work counts for; [`UNLEASED`] for miners that have none.
    pub lease: B256,
    /// The agent's number of the job.
    pub job_id: u64,
    /// The work template.
    pub job: Arc<Job>,
    /// What a hash must meet to be a share. No miner is asked for more; easier ones show its hashrate and stay here.
    pub share_target: Target,
    /// nTime of the notify in unix seconds; no share may be below.
    pub time: u32,
    /// Whether miners drop earlier work of the lease.
    pub clean: bool,
}

impl FarmJob {
    pub(super) fn check(&self) -> Result<(), JobError> {
        let (size, min_time) = (self.job.extranonce_size, self.job.min_time);
        if size < MIN_SIZE {
            return Err(JobError::ExtranonceTooSmall(size));
        }
        if size > MAX_SIZE {
            return Err(JobError::ExtranonceTooLarge(size));
        }
        if self.time < min_time {
            return Err(JobError::TimeBelowMinimum { time: self.time, min_time });
        }
        Ok(())
    }

    /// Bytes of the coinbase, where they are more than every device takes.
    pub(super) fn long_coinbase(&self) -> Option<usize> {
        let job = &self.job;
        let bytes = job.coinbase_prefix.len() + usize::from(job.extranonce_size) + job.coinbase_suffix.len();
        (bytes > LONG_COINBASE_BYTES).then_some(bytes)
    }
}

/// A share that a miner found, checked against its job and target.
///
/// A hash that meets the job's nBits comes out even where the miner is told that it is late or above the share target:
/// it may be a block. Compare [`FarmShare::hash`] with the share target before counting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FarmShare {
    /// Lease that the share was mined for; [`UNLEASED`] for none.
    pub lease: B256,
    /// The agent's number of the job.
    pub job_id: u64,
    /// The whole solution of the agent's job.
    pub solution: Solution,
    /// Hash of the header.
    pub hash: Hash256,
    /// Session that found it.
    pub session: u64,
}

/// A work template, ready for telling miners of it and for checking their shares. Dereferences to the job.
#[derive(Debug)]
pub(super) struct Template {
    prepared: Prepared,
    pub(super) text: JobText,
}

impl Template {
    pub(super) fn new(job: Arc<Job>) -> Arc<Self> {
        Arc::new(Self { text: JobText::new(&job), prepared: Prepared::new(job) })
    }
}

impl Deref for Template {
    type Target = Prepared;

    fn deref(&self) -> &Prepared {
        &self.prepared
    }
}

/// A lease's newest job as it is handed to its sessions.
#[derive(Debug)]
pub(super) struct Posted {
    pub(super) job: FarmJob,
    pub(super) template: Arc<Template>,
    /// Clean jobs of the lease so far: a session that sees only the newest job still knows that one was clean.
    pub(super) cleans: u64,
    pub(super) tip: Arc<Tip>,
}

impl Posted {
    /// Posts a job after another one of its lease: what was prepared or remembered of the same template stays.
    pub(super) fn after(before: Option<&Self>, job: FarmJob, now: Instant) -> Self {
        let same = before.filter(|before| before.job.job == job.job);
        let template = same.map_or_else(|| Template::new(Arc::clone(&job.job)), |it| Arc::clone(&it.template));
        let tip = before.map_or_else(|| Arc::new(Tip::new(job.job.prev_hash, now)), |before| Arc::clone(&before.tip));
        tip.update(job.job.prev_hash, now);
        let cleans = before.map_or(0, |before| before.cleans) + u64::from(job.clean);
        Self { job, template, cleans, tip }
    }

    #[cfg(test)]
    pub(super) fn new(job: FarmJob, cleans: u64, tip: Arc<Tip>) -> Self {
        Self { template: Template::new(Arc::clone(&job.job)), job, cleans, tip }
    }
}

/// The previous block that a lease builds on, shared by all its jobs.
#[derive(Debug)]
pub(super) struct Tip(Mutex<([u8; 32], Instant)>);

impl Tip {
    pub(super) fn new(prev_hash: [u8; 32], now: Instant) -> Self {
        Self(Mutex::new((prev_hash, now)))
    }

    pub(super) fn update(&self, prev_hash: [u8; 32], now: Instant) {
        let mut tip = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if tip.0 != prev_hash {
            *tip = (prev_hash, now);
        }
    }

    /// Tells whether work on this previous block comes too late.
    pub(super) fn is_stale(&self, prev_hash: [u8; 32], now: Instant) -> bool {
        let (current, since) = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        current != prev_hash && now.duration_since(since) >= GRACE
    }
}

/// What a session is to mine.
#[derive(Clone, Debug, Default)]
pub(super) enum Work {
    /// Nothing; a miner that has lease work is stopped with an idle job.
    #[default]
    None,
    /// A lease's job, or that of miners without one.
    Lease(Arc<Posted>),
}
