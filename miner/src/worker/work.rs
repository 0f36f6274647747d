//! What a worker mines and what it finds.

use std::sync::Arc;

use crate::pow::{Hash256, Job, Solution, Target};

/// Most bytes of an extranonce, as a [`Solution`] holds it.
const MAX_EXTRANONCE: usize = 32;

/// A job with the part of it that this worker may search.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Work {
    /// The job's id at whoever gave it.
    pub job_id: String,
    /// The job.
    pub job: Job,
    /// Fixed first bytes of the extranonce; the worker chooses the rest (extranonce2).
    pub extranonce1: Vec<u8>,
    /// The target that a share must meet.
    pub target: Target,
    /// nTime of every header, in unix seconds: never rolled, unlike the bits of the job's version mask.
    pub time: u32,
}

/// Work that can't be mined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WorkError {
    /// The job's extranonce doesn't hold extranonce1, or is over 32 bytes.
    #[error("extranonce of {total} bytes can't hold the {fixed} fixed ones within 32; ask for another size")]
    Extranonce {
        /// Size of the whole extranonce in bytes.
        total: usize,
        /// Size of its fixed part in bytes.
        fixed: usize,
    },
    /// nTime is before the job's earliest.
    #[error("time {time} is before the job's earliest, {min_time}")]
    Time {
        /// The work's nTime.
        time: u32,
        /// The job's earliest nTime.
        min_time: u32,
    },
}

impl Work {
    /// Checks what every header of this work has in common, so that searching it can't fail.
    pub fn check(&self) -> Result<(), WorkError> {
        let (total, fixed) = (usize::from(self.job.extranonce_size), self.extranonce1.len());
        if fixed > total || total > MAX_EXTRANONCE {
            return Err(WorkError::Extranonce { total, fixed });
        }
        if self.time < self.job.min_time {
            return Err(WorkError::Time { time: self.time, min_time: self.job.min_time });
        }
        Ok(())
    }

    /// Size of the part of the extranonce that the worker chooses, in bytes.
    pub fn extranonce2_size(&self) -> usize {
        usize::from(self.job.extranonce_size).saturating_sub(self.extranonce1.len())
    }

    /// Number of values that extranonce2 can take, clipped to 64 bits.
    pub(super) fn extranonce2_space(&self) -> u64 {
        let bits = u32::try_from(8 * self.extranonce2_size()).unwrap_or(u32::MAX);
        1u64.checked_shl(bits).unwrap_or(u64::MAX)
    }

    /// Number of versions that are searched, at most 2^32.
    pub(super) fn versions(&self) -> u64 {
        1 << self.rolled_bits().count_ones()
    }

    /// The version with this counter in the bits that are rolled, the lowest first; counter 0 is the job's own.
    pub(super) fn version(&self, counter: u64) -> u32 {
        let rolled_bits = self.rolled_bits();
        let bits = (0..u32::BITS).map(|place| 1u32 << place).filter(|bit| rolled_bits & bit != 0);
        let set = bits.enumerate().filter(|(digit, _)| counter >> digit & 1 != 0);
        set.fold(self.job.version, |version, (_, bit)| version | bit)
    }

    /// The bits of the mask that the job leaves zero. What it sets stays, as its maker signals with it, and as some pools
    /// add a share's bits to the job's instead of replacing them.
    fn rolled_bits(&self) -> u32 {
        self.job.version_mask & !self.job.version
    }

    /// The whole extranonce with this counter as extranonce2, little-endian as miners count it; `None` where the counter
    /// doesn't fit, which is where the search space ends.
    pub(super) fn extranonce(&self, counter: u64) -> Option<Vec<u8>> {
        let size = self.extranonce2_size();
        let digits = counter.to_le_bytes();
        let (used, beyond) = digits.split_at(size.min(digits.len()));
        if beyond.iter().any(|&byte| byte != 0) {
            return None;
        }
        let mut extranonce = self.extranonce1.clone();
        extranonce.extend_from_slice(used);
        extranonce.resize(usize::from(self.job.extranonce_size), 0);
        Some(extranonce)
    }
}

/// A share that a worker found and checked.
#[derive(Debug, Clone)]
pub struct Found {
    /// The work it was found for.
    pub work: Arc<Work>,
    /// Which work that was, counted by [`Miner::set_work`](super::Miner::set_work).
    pub generation: u64,
    /// The chosen fields.
    pub solution: Solution,
    /// The header's hash, which meets the work's target.
    pub hash: Hash256,
}

impl Found {
    /// The part of the extranonce that the worker chose.
    pub fn extranonce2(&self) -> &[u8] {
        self.solution.extranonce.get(self.work.extranonce1.len()..).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn work(total: u8, fixed: usize) -> Work {
        let job = Job {
            version: 1,
            version_mask: 0,
            prev_hash: [0; 32],
            coinbase_prefix: vec![],
            coinbase_suffix: vec![],
            extranonce_size: total,
            branch: vec![],
            bits: 0,
            min_time: 10,
        };
        Work { job_id: "a".into(), job, extranonce1: vec![0xee; fixed], target: Target::MAX, time: 10 }
    }

    #[test]
    fn extranonce2_counts_little_endian_and_fills_its_size() {
        assert_eq!(work(6, 2).extranonce(0x0102).unwrap(), [0xee, 0xee, 2, 1, 0, 0]);
        assert_eq!(work(13, 1).extranonce(u64::MAX).unwrap()[..], [[0xee].as_slice(), &[0xff; 8], &[0; 4]].concat());
    }

    #[test]
    fn versions_count_through_the_bits_of_the_mask_that_the_job_leaves_zero() {
        let rolling = |version, version_mask| {
            let job = Job { version, version_mask, ..work(8, 4).job };
            Work { job, ..work(8, 4) }
        };
        let some = rolling(0x2000_4001, 0x9000_6000);
        assert_eq!(some.versions(), 8);
        let versions = [0, 1, 2, 3, 4, 7].map(|counter| some.version(counter));
        assert_eq!(versions, [0x2000_4001, 0x2000_6001, 0x3000_4001, 0x3000_6001, 0xa000_4001, 0xb000_6001]);
        assert_eq!((rolling(5, 0).versions(), rolling(5, 0).version(0)), (1, 5));
        let whole = rolling(0, u32::MAX);
        assert_eq!((whole.versions(), whole.version(0xffff_ffff)), (1 << 32, u32::MAX));
    }

    #[test]
    fn a_counter_that_does_not_fit_ends_the_search_space() {
        assert!(work(3, 2).extranonce(255).is_some());
        assert_eq!(work(3, 2).extranonce(256), None);
        assert_eq!(work(2, 2).extranonce(0).unwrap(), [0xee, 0xee]);
        assert_eq!(work(2, 2).extranonce(1), None);
        let spaces =
            [(2, 2), (3, 2), (6, 2), (9, 1), (32, 1)].map(|(total, fixed)| work(total, fixed).extranonce2_space());
        assert_eq!(spaces, [1, 256, 1 << 32, u64::MAX, u64::MAX]);
    }

    #[test]
    fn work_that_no_header_can_fit_is_refused() {
        assert_eq!(work(2, 3).check(), Err(WorkError::Extranonce { total: 2, fixed: 3 }));
        assert_eq!(work(33, 4).check(), Err(WorkError::Extranonce { total: 33, fixed: 4 }));
        assert_eq!(Work { time: 9, ..work(8, 4) }.check(), Err(WorkError::Time { time: 9, min_time: 10 }));
        assert_eq!(work(32, 4).check(), Ok(()));
    }
}
