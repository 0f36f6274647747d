//! What a seller's miners may work on: the agent's jobs, and standby jobs of the seller's own.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use alloy_primitives::B256;
use hashlease_domain::{Domain, Eip712, LeaseJob, Signed, Terms};
use hashlease_miner::pow::{Job, Target};
use rand::Rng;
use tokio::time::Instant;

use super::super::limits::{JobRefusal, check_job, standby_work, target_of};
use crate::{farm::job_for_nobody, net::wire::JobMessage};

/// Jobs of a kind that shares may still be for.
const MAX_JOBS: usize = 64;
/// Clean jobs that may come at once; from then on one a second (section 4).
const CLEAN_BURST: usize = 10;
/// Time after which standby goes on with a new job: the farm remembers only so many shares of one.
const MAX_STANDBY_AGE: Duration = Duration::from_secs(3_600);
/// Numbers from here on are the seller's own.
const FIRST_STANDBY: u64 = 1 << 63;
/// Bits of standby headers: difficulty 2^32 or so, so that no share of theirs looks like a block.
const BITS: u32 = 0x1900_ffff;
/// Length of the random part of a standby coinbase, bytes.
const NONCE_BYTES: usize = 8;

/// A job that miners work on, or worked on.
#[derive(Clone, Debug)]
pub(super) struct SellerJob {
    pub(super) job: Arc<Job>,
    pub(super) share_target: Target,
    /// nTime to begin at, unix seconds.
    pub(super) time: u32,
    /// Whether shares of all earlier jobs are stale.
    pub(super) clean: bool,
    pub(super) origin: Origin,
}

/// Where a job comes from.
#[derive(Clone, Debug)]
pub(super) enum Origin {
    /// The agent signed it; with its EIP-712 hash.
    Agent(Box<Signed<LeaseJob>>, B256),
    /// The seller made it of the lease's id.
    Standby,
}

/// The jobs of a lease by number.
#[derive(Debug, Default)]
pub(super) struct Jobs {
    jobs: BTreeMap<u64, SellerJob>,
    newest: Option<(u64, Instant)>,
    /// When the last clean jobs came.
    cleans: VecDeque<Instant>,
    last_standby: Option<(u64, Instant)>,
}

impl Jobs {
    /// Takes a job of the agent's, if it is usable.
    pub(super) fn take(
        &mut self,
        domain: &Domain,
        lease: (B256, &Terms),
        message: JobMessage,
        now: u64,
    ) -> Result<u64, JobRefusal> {
        let (id, terms) = lease;
        let JobMessage { job_id, job, signature, share_target, time, clean } = message;
        if job_id >= FIRST_STANDBY {
            return Err(JobRefusal::ReservedNumber(job_id));
        }
        if job.lease_id != id {
            return Err(JobRefusal::AnotherLease);
        }
        signature.verify(domain, &job, terms.agent).map_err(|_| JobRefusal::BadSignature)?;
        check_job(id, terms, &job.job, share_target, now)?;
        self.check_pace(clean)?;
        let (template, hash) = (Arc::new(job.job.clone()), job.struct_hash());
        let origin = Origin::Agent(Box::new(Signed { order: job, signature: signature.as_bytes().to_vec() }), hash);
        self.insert(job_id, SellerJob { job: template, share_target, time, clean, origin });
        self.newest = Some((job_id, Instant::now()));
        Ok(job_id)
    }

    fn check_pace(&mut self, clean: bool) -> Result<(), JobRefusal> {
        if !clean {
            return Ok(());
        }
        let now = Instant::now();
        let window = Duration::from_secs(CLEAN_BURST as u64);
        while self.cleans.front().is_some_and(|at| now.duration_since(*at) >= window) {
            self.cleans.pop_front();
        }
        if self.cleans.len() >= CLEAN_BURST {
            return Err(JobRefusal::TooManyCleanJobs);
        }
        self.cleans.push_back(now);
        Ok(())
    }

    /// Returns the number of the agent's newest usable job, unless it is older than `max_age`.
    pub(super) fn fresh(&self, max_age: Duration) -> Option<u64> {
        self.newest.filter(|(_, at)| at.elapsed() < max_age).map(|(number, _)| number)
    }

    /// Leaves the agent's newest job: an agent that comes back may know it no longer, and sends another at once.
    pub(super) fn forget_newest(&mut self) {
        self.newest = None;
    }

    /// Works on a job no longer: the farm can't.
    pub(super) fn give_up(&mut self, number: u64) {
        if self.newest.is_some_and(|(newest, _)| newest == number) {
            self.newest = None;
        }
    }

    /// Makes a standby job of its own coinbase, and returns its number.
    pub(super) fn begin_standby(&mut self, lease: B256, terms: &Terms) -> u64 {
        let number = self.last_standby.map_or(FIRST_STANDBY, |(last, _)| last + 1);
        self.last_standby = Some((number, Instant::now()));
        let job = Arc::new(standby_job(lease));
        let share_target = target_of(standby_work(terms));
        self.insert(number, SellerJob { job, share_target, time: 0, clean: false, origin: Origin::Standby });
        number
    }

    /// Returns whether a number is that of the newest standby job, and this has not been worked on for too long.
    pub(super) fn is_good_standby(&self, number: u64) -> bool {
        self.last_standby.is_some_and(|(last, since)| last == number && since.elapsed() < MAX_STANDBY_AGE)
    }

    /// Returns whether a number is that of a standby job.
    pub(super) fn is_standby(number: u64) -> bool {
        number >= FIRST_STANDBY
    }

    /// Returns a job that is still known.
    pub(super) fn get(&self, number: u64) -> Option<&SellerJob> {
        self.jobs.get(&number)
    }

    fn insert(&mut self, number: u64, job: SellerJob) {
        self.jobs.insert(number, job);
        let kind = if Self::is_standby(number) { FIRST_STANDBY..=u64::MAX } else { 0..=FIRST_STANDBY - 1 };
        let known: Vec<u64> = self.jobs.range(kind).map(|(number, _)| *number).collect();
        for old in known.iter().take(known.len().saturating_sub(MAX_JOBS)) {
            self.jobs.remove(old);
        }
    }
}

/// Work on the lease id itself (section 3.1). The random bytes keep two jobs from ever having the same headers.
fn standby_job(lease: B256) -> Job {
    let nonce: [u8; NONCE_BYTES] = rand::rng().random();
    Job { prev_hash: lease.0, bits: BITS, ..job_for_nobody(&nonce) }
}

#[cfg(test)]
mod tests {
    use super::{super::super::testing::terms, *};

    #[test]
    fn standby_work_names_the_lease_and_is_never_the_same() {
        let lease = B256::repeat_byte(7);
        let (one, two) = (standby_job(lease), standby_job(lease));
        assert_eq!(one.prev_hash, lease.0);
        assert_ne!(one.coinbase_prefix, two.coinbase_prefix);
    }

    #[test]
    fn clean_jobs_may_come_in_a_burst_and_then_once_a_second() {
        let mut jobs = Jobs::default();
        for _ in 0..CLEAN_BURST {
            assert_eq!(jobs.check_pace(true), Ok(()));
        }
        assert_eq!(jobs.check_pace(true), Err(JobRefusal::TooManyCleanJobs));
        assert_eq!(jobs.check_pace(false), Ok(()), "others are no burden");
    }

    #[test]
    fn old_jobs_are_forgotten_and_numbers_of_standby_are_kept_apart() {
        let terms = terms();
        let mut jobs = Jobs::default();
        let numbers: Vec<u64> = (0..MAX_JOBS + 3).map(|_| jobs.begin_standby(B256::ZERO, &terms)).collect();
        assert!(numbers.iter().all(|number| Jobs::is_standby(*number)) && !Jobs::is_standby(FIRST_STANDBY - 1));
        assert!(jobs.get(numbers[2]).is_none() && jobs.get(numbers[3]).is_some());
    }
}
