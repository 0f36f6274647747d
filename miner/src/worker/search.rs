//! One thread's way through its share of the search space.

use std::ops::RangeInclusive;
use std::sync::Arc;

use super::work::{Found, Work};
use crate::pow::scan::{BATCH, Kernel, Template};
use crate::pow::{Solution, share};

/// Which part of a search space is a thread's own: of all values of extranonce2, every `threads`-th from `thread` on, each
/// under all versions and with all nonces. So no two threads ever hash the same header.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lane {
    pub(super) thread: u64,
    pub(super) threads: u64,
}

impl Lane {
    /// How many values of extranonce2 fall to this thread.
    fn slots(self, work: &Work) -> u64 {
        work.extranonce2_space().saturating_sub(self.thread).div_ceil(self.threads)
    }
}

/// One thread's search of one work.
pub(super) struct Search {
    work: Arc<Work>,
    generation: u64,
    lane: Lane,
    /// Counts this thread's places over all works: a job that comes again continues with fresh headers instead of finding
    /// the same shares twice.
    index: u64,
    /// Places of this work that weren't begun yet.
    left: u64,
    /// The current place; `None` once the space is exhausted.
    place: Option<Place>,
}

/// A version and an extranonce, whose nonces are scanned.
struct Place {
    solution: Solution,
    template: Template,
    /// First nonce of the next batch.
    nonce: u32,
}

impl Search {
    /// Begins at the thread's place of this index, which wraps around in its part of the space.
    pub(super) fn new(work: Arc<Work>, generation: u64, lane: Lane, index: u64) -> Self {
        let left = lane.slots(&work).saturating_mul(work.versions());
        let mut search = Self { work, generation, lane, index, left, place: None };
        search.next_place();
        search
    }

    /// The index after every place that was begun here.
    pub(super) fn next_index(&self) -> u64 {
        self.index
    }

    /// Scans one batch and gives the number of hashes and the shares among them; `None` once the space is exhausted.
    pub(super) fn batch(&mut self, kernel: &Kernel) -> Option<(u64, Vec<Found>)> {
        let place = self.place.as_mut()?;
        let nonces = batch_from(place.nonce);
        let (count, next) = (u64::from(nonces.end() - nonces.start()) + 1, nonces.end().checked_add(1));
        let mut hits = Vec::new();
        (kernel.scan)(&place.template, nonces, &self.work.target, &mut |nonce| hits.push(nonce));
        let solutions = hits.into_iter().map(|nonce| Solution { nonce, ..place.solution.clone() });
        let found = solutions.filter_map(|solution| confirm(&self.work, self.generation, solution)).collect();
        match next {
            Some(nonce) => place.nonce = nonce,
            None => self.next_place(),
        }
        Some((count, found))
    }

    /// Goes on to the next version, and after the last one to the next extranonce: a version costs one compression, an
    /// extranonce the coinbase's hash and the branch.
    fn next_place(&mut self) {
        self.place = self.left.checked_sub(1).and_then(|left| {
            let (versions, slots) = (self.work.versions(), self.lane.slots(&self.work));
            let counter = self.lane.thread + self.index / versions % slots * self.lane.threads;
            let version = self.work.version(self.index % versions);
            self.left = left;
            self.index = self.index.wrapping_add(1);
            Place::at(&self.work, version, counter)
        });
    }
}

impl Place {
    fn at(work: &Work, version: u32, counter: u64) -> Option<Self> {
        let extranonce = work.extranonce(counter)?;
        let solution = Solution { version, extranonce, time: work.time, nonce: 0 };
        let template = Template::new(&work.job.header(&solution).ok()?);
        Some(Self { solution, template, nonce: 0 })
    }
}

fn batch_from(start: u32) -> RangeInclusive<u32> {
    start..=start.saturating_add(BATCH - 1)
}

/// Checks a kernel's hit the long way, so that a faulty kernel or core can't spoil a seller's standing with a pool.
fn confirm(work: &Arc<Work>, generation: u64, solution: Solution) -> Option<Found> {
    match share::check(&work.job, &solution, &work.target) {
        Ok(checked) => Some(Found { work: Arc::clone(work), generation, solution, hash: checked.hash }),
        Err(rejection) => {
            tracing::error!(%rejection, "the kernel found a nonce that is no share: check this machine's memory and clock");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::num::NonZeroU128;

    use super::*;
    use crate::pow::{Job, Target, scan};

    fn work(extranonce_size: u8) -> Arc<Work> {
        rolling(extranonce_size, 0)
    }

    fn rolling(extranonce_size: u8, version_mask: u32) -> Arc<Work> {
        let job = Job {
            version: 0x2000_0000,
            version_mask,
            prev_hash: [1; 32],
            coinbase_prefix: vec![2; 40],
            coinbase_suffix: vec![3; 40],
            extranonce_size,
            branch: vec![[4; 32]],
            bits: 0x207f_ffff,
            min_time: 5,
        };
        let target = Target::from_work(NonZeroU128::new(1 << 10).unwrap());
        Arc::new(Work { job_id: "j".into(), job, extranonce1: vec![9; 4], target, time: 6 })
    }

    fn search(work: Arc<Work>, thread: u64, threads: u64, index: u64) -> Search {
        Search::new(work, 3, Lane { thread, threads }, index)
    }

    fn extranonce2(search: &Search) -> Vec<u8> {
        search.place.as_ref().unwrap().solution.extranonce[4..].to_vec()
    }

    #[test]
    fn shares_of_a_batch_keep_the_time_and_the_fixed_extranonce() {
        let kernel = scan::select().unwrap();
        let (count, found) = search(work(8), 1, 2, 0).batch(kernel).unwrap();
        assert_eq!(count, u64::from(BATCH));
        assert!(!found.is_empty());
        for share in found {
            assert_eq!((share.solution.time, share.generation), (6, 3));
            assert_eq!(share.extranonce2(), [1, 0, 0, 0]);
            assert_eq!(share.solution.extranonce[..4], [9; 4]);
        }
    }

    /// Version and extranonce2.
    fn place(search: &Search) -> (u32, Vec<u8>) {
        (search.place.as_ref().unwrap().solution.version, extranonce2(search))
    }

    fn exhaust_nonces(search: &mut Search) {
        search.place.as_mut().unwrap().nonce = u32::MAX;
        search.batch(scan::select().unwrap()).unwrap();
    }

    #[test]
    fn after_the_last_nonce_the_version_rolls_and_after_the_last_version_the_extranonce() {
        let mut search = search(rolling(8, 0x0001_4000), 1, 2, 0);
        for version in [0x2000_0000, 0x2000_4000, 0x2001_0000, 0x2001_4000] {
            assert_eq!(place(&search), (version, vec![1, 0, 0, 0]));
            exhaust_nonces(&mut search);
        }
        assert_eq!(place(&search), (0x2000_0000, vec![3, 0, 0, 0]));
    }

    #[test]
    fn the_same_work_given_again_continues_with_another_version() {
        let first = search(rolling(8, 0x1fff_e000), 0, 1, 0);
        let second = search(rolling(8, 0x1fff_e000), 0, 1, first.next_index());
        assert_eq!((place(&first).0, place(&second).0), (0x2000_0000, 0x2000_2000));
    }

    #[test]
    fn rolled_shares_are_shares_of_the_job() {
        let mut search = search(rolling(8, 0x1fff_e000), 0, 1, 0xffff);
        let (_, found) = search.batch(scan::select().unwrap()).unwrap();
        assert!(!found.is_empty());
        assert!(found.iter().all(|share| share.solution.version == 0x3fff_e000));
    }

    #[test]
    fn after_the_last_nonce_the_thread_takes_its_next_extranonce() {
        let kernel = scan::select().unwrap();
        let mut search = search(work(8), 1, 2, 0);
        search.place.as_mut().unwrap().nonce = u32::MAX - 9;
        assert_eq!(search.batch(kernel).unwrap().0, 10);
        assert_eq!(extranonce2(&search), [3, 0, 0, 0]);
        assert_eq!(search.place.as_ref().unwrap().nonce, 0);
    }

    #[test]
    fn the_same_work_given_again_continues_with_another_extranonce() {
        let first = search(work(8), 1, 3, 0);
        let second = search(work(8), 1, 3, first.next_index());
        assert_eq!((extranonce2(&first), extranonce2(&second)), (vec![1, 0, 0, 0], vec![4, 0, 0, 0]));
    }

    #[test]
    fn threads_together_take_every_place_once_from_wherever_they_begin() {
        for (extranonce_size, mask, places) in [(5, 0, 256), (5, 0x1000_2000, 1_024), (4, 0x0000_e000, 8)] {
            let mut taken = HashSet::new();
            for thread in 0..3 {
                let mut search = search(rolling(extranonce_size, mask), thread, 3, 1_001);
                while search.place.is_some() {
                    assert!(taken.insert(place(&search)), "a place was taken twice");
                    exhaust_nonces(&mut search);
                }
            }
            assert_eq!(taken.len(), places);
        }
    }

    #[test]
    fn a_thread_without_an_extranonce_of_its_own_rests() {
        let kernel = scan::select().unwrap();
        assert!(search(work(4), 0, 2, 7).batch(kernel).is_some());
        assert!(search(work(4), 1, 2, 7).batch(kernel).is_none());
    }
}
