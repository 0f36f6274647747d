//! What a seller refuses to work on: jobs that would be too dear to prove, or not worth proving (section 4).

use alloy_primitives::B256;
use hashlease_domain::Terms;
use hashlease_miner::pow::{Job, Target};

/// Longest coinbase, bytes: hashing it is most of what a proof costs.
const MAX_COINBASE_BYTES: usize = 1000;
/// Longest merkle branch: a block of 65,536 transactions.
const MAX_BRANCH: usize = 16;
/// Most shares a second at the contracted rate.
const MAX_SHARES_PER_S: u128 = 100;
/// How far the job's minimum time may be ahead, seconds: clocks differ.
const MAX_AHEAD_S: u64 = 5;

/// Why a job is not worked on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum JobRefusal {
    /// For another lease.
    #[error("the job is for another lease")]
    AnotherLease,
    /// Not signed by the agent's key.
    #[error("the agent's key did not sign the job")]
    BadSignature,
    /// Coinbase too long.
    #[error("a coinbase of {0} bytes is too dear to prove: at most {MAX_COINBASE_BYTES}")]
    CoinbaseTooLong(usize),
    /// Too many steps.
    #[error("a branch of {0} hashes is too dear to prove: at most {MAX_BRANCH}")]
    BranchTooLong(usize),
    /// Nothing could be mined yet.
    #[error("the job's minimum time {0} is in the future")]
    MinTimeAhead(u32),
    /// It would be standby work.
    #[error("the job's previous block is the lease id")]
    LooksLikeStandby,
    /// Too many shares.
    #[error("shares of {0} hashes come more than {MAX_SHARES_PER_S} times a second")]
    ShareTooEasy(u128),
}

/// Checks a job at `now`, unix seconds.
pub(super) fn check_job(
    lease: B256,
    terms: &Terms,
    job: &Job,
    share_target: Target,
    now: u64,
) -> Result<(), JobRefusal> {
    let coinbase = job.coinbase_prefix.len() + usize::from(job.extranonce_size) + job.coinbase_suffix.len();
    if coinbase > MAX_COINBASE_BYTES {
        return Err(JobRefusal::CoinbaseTooLong(coinbase));
    }
    if job.branch.len() > MAX_BRANCH {
        return Err(JobRefusal::BranchTooLong(job.branch.len()));
    }
    if u64::from(job.min_time) > now + MAX_AHEAD_S {
        return Err(JobRefusal::MinTimeAhead(job.min_time));
    }
    if job.prev_hash == lease.0 {
        return Err(JobRefusal::LooksLikeStandby);
    }
    let work = share_target.work();
    if work.saturating_mul(MAX_SHARES_PER_S) < u128::from(terms.hashrate) {
        return Err(JobRefusal::ShareTooEasy(work));
    }
    Ok(())
}

/// Returns the work of a share, hashes: about one share a second, at least 2,000 in a lease, and never
/// harder than the block that it may be.
pub(super) fn share_work(terms: &Terms, network: Target) -> u128 {
    let per_second = u128::from(terms.hashrate);
    let per_lease = per_second * u128::from(terms.duration()) / 2000;
    per_second.min(per_lease).min(network.work()).max(1)
}
