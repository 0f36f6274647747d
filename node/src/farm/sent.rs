//! The jobs that a connection was sent, for as long as shares of theirs may come.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use alloy_primitives::B256;
use hashlease_miner::pow::{Hash256, Target};
use tokio::time::Instant;

use super::extranonce::Division;
use super::job::{Template, Tip};

/// Time for which a superseded job is kept, as pools do.
const KEEP: Duration = Duration::from_secs(120);
/// Jobs at a time: two a second for all of that time.
const MAX_JOBS: usize = 256;
/// Shares of one job that are remembered: eleven minutes at the 100 shares a second that a lease may have at most, and
/// days at a connection's usual rate.
const MAX_SEEN: usize = 1 << 16;

/// Where a job comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Origin {
    Idle,
    Lease { lease: B256, job_id: u64 },
}

impl Origin {
    pub(super) fn lease(self) -> Option<B256> {
        match self {
            Self::Idle => None,
            Self::Lease { lease, .. } => Some(lease),
        }
    }
}

/// A job as the miner has it; targets and mask are frozen with it.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    pub(super) origin: Origin,
    pub(super) job: Arc<Template>,
    /// What a hash must meet to be accepted: the connection's difficulty, never harder than the share target.
    pub(super) target: Target,
    /// What a hash must meet to count for the lease.
    pub(super) share_target: Target,
    pub(super) time: u32,
    /// Version bits that the miner may roll.
    pub(super) mask: u32,
    pub(super) cleans: u64,
    /// How the job's extranonce is divided.
    pub(super) division: Division,
    /// The lease's newest previous block; none for idle work.
    pub(super) tip: Option<Arc<Tip>>,
    pub(super) sent_at: Instant,
}

/// Jobs by their number on this connection, which never repeats.
#[derive(Debug, Default)]
pub(super) struct SentJobs {
    /// Ascending by number; all but the last one are superseded, at the given time.
    jobs: VecDeque<(u64, Sent, Option<Instant>)>,
    /// Hashes of the shares of each origin, which outlive a single notify: a miner may find the same header under two.
    seen: HashMap<Origin, HashSet<Hash256>>,
    last_number: u64,
}

impl SentJobs {
    /// Adds the newest job and gives its id by Stratum V1, short hex.
    pub(super) fn push(&mut self, sent: Sent) -> String {
        format!("{:x}", self.add(sent))
    }

    /// Adds the newest job and gives its number.
    pub(super) fn add(&mut self, sent: Sent) -> u64 {
        let now = sent.sent_at;
        if let Some((_, _, superseded_at)) = self.jobs.back_mut() {
            *superseded_at = Some(now);
        }
        self.last_number += 1;
        self.jobs.push_back((self.last_number, sent, None));
        self.drop_old(now);
        self.last_number
    }

    /// The newest job.
    pub(super) fn newest(&self) -> Option<&Sent> {
        self.jobs.back().map(|(_, sent, _)| sent)
    }

    /// The job of an id that a miner sent by Stratum V1.
    pub(super) fn find(&self, id: &str, now: Instant) -> Option<&Sent> {
        self.find_number(u64::from_str_radix(id, 16).ok()?, now)
    }

    /// The job of a number that a miner sent.
    pub(super) fn find_number(&self, number: u64, now: Instant) -> Option<&Sent> {
        let index = self.jobs.binary_search_by_key(&number, |(number, _, _)| *number).ok()?;
        let (_, sent, superseded_at) = self.jobs.get(index)?;
        is_kept(*superseded_at, now).then_some(sent)
    }

    /// Remembers a share; `Some(false)` where it is known already, `None` where the job had too many.
    pub(super) fn remember(&mut self, origin: Origin, hash: Hash256) -> Option<bool> {
        let seen = self.seen.entry(origin).or_default();
        if seen.contains(&hash) {
            return Some(false);
        }
        (seen.len() < MAX_SEEN).then(|| seen.insert(hash))
    }

    fn drop_old(&mut self, now: Instant) {
        while self.jobs.len() > MAX_JOBS || self.jobs.front().is_some_and(|(_, _, at)| !is_kept(*at, now)) {
            let Some((_, dropped, _)) = self.jobs.pop_front() else { return };
            if !self.jobs.iter().any(|(_, sent, _)| sent.origin == dropped.origin) {
                self.seen.remove(&dropped.origin);
            }
        }
    }
}

fn is_kept(superseded_at: Option<Instant>, now: Instant) -> bool {
    superseded_at.is_none_or(|instant| now.duration_since(instant) < KEEP)
}

#[cfg(test)]
mod tests {
    use super::super::extranonce::Number;
    use super::super::idle;
    use super::*;

    fn sent(job_id: u64, sent_at: Instant) -> Sent {
        let division = Division::for_job(Number(1), 8);
        Sent {
            origin: Origin::Lease { lease: B256::ZERO, job_id },
            job: idle::job_for(division),
            target: Target::MAX,
            share_target: Target::MAX,
            time: 0,
            mask: 0,
            cleans: 0,
            division,
            tip: None,
            sent_at,
        }
    }

    fn origin(job_id: u64) -> Origin {
        Origin::Lease { lease: B256::ZERO, job_id }
    }

    #[test]
    fn a_job_is_found_until_two_minutes_after_the_next_one() {
        let start = Instant::now();
        let mut jobs = SentJobs::default();
        let first = jobs.push(sent(1, start));
        assert!(jobs.find(&first, start + KEEP * 9).is_some(), "the newest job stays");
        jobs.push(sent(2, start + KEEP));
        assert!(jobs.find(&first, start + KEEP * 2 - Duration::from_millis(1)).is_some());
        assert!(jobs.find(&first, start + KEEP * 2).is_none());
        for unknown in ["", "0", "3", "zz", "-1", "ffffffffffffffffff"] {
            assert!(jobs.find(unknown, start + KEEP).is_none(), "{unknown}");
        }
    }

    #[test]
    fn ids_never_repeat_and_jobs_stay_bounded() {
        let start = Instant::now();
        let mut jobs = SentJobs::default();
        let ids: HashSet<_> = (0..1_000).map(|job_id| jobs.push(sent(job_id, start))).collect();
        assert_eq!(ids.len(), 1_000);
        assert_eq!(jobs.jobs.len(), MAX_JOBS);
    }

    #[test]
    fn a_share_is_known_across_notifies_of_its_job_and_forgotten_with_the_last() {
        let start = Instant::now();
        let hash = Hash256::from_bytes([1; 32]);
        let mut jobs = SentJobs::default();
        jobs.push(sent(1, start));
        assert_eq!(jobs.remember(origin(1), hash), Some(true));
        jobs.push(sent(1, start + KEEP));
        jobs.push(sent(2, start + KEEP * 2));
        assert_eq!(jobs.remember(origin(1), hash), Some(false));
        assert_eq!(jobs.remember(origin(2), hash), Some(true));
        jobs.push(sent(2, start + KEEP * 4));
        assert!(!jobs.seen.contains_key(&origin(1)));
    }

    #[test]
    fn a_job_with_too_many_shares_takes_no_more() {
        let mut jobs = SentJobs::default();
        jobs.push(sent(1, Instant::now()));
        for index in 0..MAX_SEEN {
            let mut bytes = [0; 32];
            bytes[..8].copy_from_slice(&index.to_le_bytes());
            assert_eq!(jobs.remember(origin(1), Hash256::from_bytes(bytes)), Some(true));
        }
        assert_eq!(jobs.remember(origin(1), Hash256::from_bytes([0xff; 32])), None);
        assert_eq!(jobs.remember(origin(1), Hash256::from_bytes([0; 32])), Some(false));
    }
}
