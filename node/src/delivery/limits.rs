//! What a seller refuses to work on: jobs that would be too dear to prove, or not worth proving (section 4).

use std::{num::NonZeroU128, ops::RangeInclusive};

use alloy_primitives::B256;
use hashlease_domain::{Terms, pay::ONE_BPS};
use hashlease_miner::pow::{Job, Target};

/// Longest coinbase, bytes: hashing it is most of what a proof costs.
const MAX_COINBASE_BYTES: usize = 1000;
/// Longest merkle branch: a block of 65,536 transactions.
const MAX_BRANCH: usize = 16;
/// Lengths of a job's extranonce: room for two devices' parts, and no more than a proof needs.
const EXTRANONCE_BYTES: RangeInclusive<u8> = 4..=16;
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
    /// The extranonce has no room, or is too long to prove.
    #[error("an extranonce of {0} bytes is outside 4 to 16")]
    ExtranonceSize(u8),
    /// Miners would only ever change jobs.
    #[error("clean jobs come faster than one a second")]
    TooManyCleanJobs,
    /// The number is one of the seller's own.
    #[error("the job's number {0} is not for agents")]
    ReservedNumber(u64),
    /// It would be standby work.
    #[error("the job's previous block is the lease id")]
    LooksLikeStandby,
    /// Too many shares.
    #[error("shares of {0} hashes come more than {MAX_SHARES_PER_S} times a second")]
    ShareTooEasy(u128),
}

impl JobRefusal {
    /// Returns the reason without figures, to count by.
    pub(super) fn reason(self) -> &'static str {
        match self {
            Self::AnotherLease => "another lease",
            Self::BadSignature => "bad signature",
            Self::CoinbaseTooLong(_) => "coinbase too long",
            Self::BranchTooLong(_) => "branch too long",
            Self::MinTimeAhead(_) => "minimum time ahead",
            Self::ExtranonceSize(_) => "extranonce size",
            Self::TooManyCleanJobs => "too many clean jobs",
            Self::ReservedNumber(_) => "reserved number",
            Self::LooksLikeStandby => "previous block is the lease",
            Self::ShareTooEasy(_) => "share too easy",
        }
    }
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
    if !EXTRANONCE_BYTES.contains(&job.extranonce_size) {
        return Err(JobRefusal::ExtranonceSize(job.extranonce_size));
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

/// Returns the work of a share on a job, hashes: never harder than what the destination takes, so that none of that is lost.
pub(super) fn share_work(terms: &Terms, destination: Target) -> u128 {
    standby_work(terms).min(destination.work()).max(1)
}

/// Returns the work of a standby share, hashes: about one share a second, at least 2,000 in a lease, and never harder than a proof
/// share, so that none of those is lost. Both sides compute it; nobody says it.
pub(super) fn standby_work(terms: &Terms) -> u128 {
    let per_second = u128::from(terms.hashrate);
    let per_lease = per_second * u128::from(terms.duration()) / 2000;
    per_second.min(per_lease).min(terms.proof_work()).max(per_second / MAX_SHARES_PER_S).max(1)
}

/// Returns the target that a hash of `work` meets.
pub(super) fn target_of(work: u128) -> Target {
    Target::from_work(NonZeroU128::new(work).unwrap_or(NonZeroU128::MIN))
}

/// Returns what the agent credits for standby work: the share that a proof of it would be paid at (section 4).
pub(super) fn standby_credit_down(terms: &Terms, work: u128) -> u128 {
    work / u128::from(ONE_BPS) * u128::from(terms.proof_bps)
        + work % u128::from(ONE_BPS) * u128::from(terms.proof_bps) / u128::from(ONE_BPS)
}

#[cfg(test)]
mod tests {
    use super::{super::testing::terms, *};

    #[test]
    fn a_share_comes_about_once_a_second_and_is_never_harder_than_what_it_is_for() {
        assert_eq!(standby_work(&terms()), 1_000_000, "a second of the hashrate");
        let short = Terms { end: 1_060, ..terms() };
        assert_eq!(standby_work(&short), 30_000, "2,000 in a minute");
        let many = Terms { proof_shares: 10_000, ..terms() };
        assert_eq!(standby_work(&many), 360_000, "no proof share is lost");
        assert_eq!(share_work(&terms(), target_of(5_000)), 5_000, "nor a share of the destination's");
        let slow = Terms { hashrate: 1, end: 1_001, ..terms() };
        assert_eq!(standby_work(&slow), 1);
    }

    #[test]
    fn standby_is_credited_as_its_proof_would_be_paid() {
        assert_eq!(standby_credit_down(&terms(), 1_000_000), 900_000);
        assert_eq!(standby_credit_down(&terms(), 19), 17);
        let all = Terms { proof_bps: 10_000, ..terms() };
        assert_eq!(standby_credit_down(&all, u128::MAX), u128::MAX);
    }
}
