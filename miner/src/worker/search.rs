//! One thread's way through its share of the search space.

use std::sync::Arc;

use super::work::{Found, Work};
use crate::pow::kernels::{Kernel, Mode, Template, VERSIONS};
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

/// Some versions and an extranonce, whose nonces are scanned.
struct Place {
    /// The versions, in the template's order.
    versions: Vec<u32>,
    /// What the versions share; its version and nonce are each hit's own.
    solution: Solution,
    template: Template,
    /// First nonce of the next batch.
    nonce: u32,
}

impl Search {
    /// Begins at the thread's place of this index, which wraps around in its part of the space.
    pub(super) fn new(work: Arc<Work>, generation: u64, lane: Lane, index: u64) -> Self {
        let left = lane.slots(&work).saturating_mul(groups(&work));
        let mut search = Self { work, generation, lane, index, left, place: None };
        search.next_place();
        search
    }

    /// The index after every place that was begun here.
    pub(super) fn next_index(&self) -> u64 {
        self.index
    }

    /// What a kernel for this work should be made for.
    pub(super) fn mode(&self) -> Mode {
        if self.work.versions() > 1 { Mode::Rolling } else { Mode::Plain }
    }

    /// Scans one batch of about so many hashes, and gives their number and the shares among them; `None` once the space is
    /// exhausted.
    pub(super) fn batch(&mut self, kernel: &Kernel, hashes: u32) -> Option<(u64, Vec<Found>)> {
        let place = self.place.as_mut()?;
        let (first, last) = (place.nonce, place.last_nonce(kernel, hashes));
        let mut hits = Vec::new();
        (kernel.scan)(&place.template, first..=last, &self.work.target, &mut |version, nonce| {
            hits.extend(place.versions.get(version).map(|&version| (version, nonce)));
        });
        let solutions = hits.into_iter().map(|(version, nonce)| Solution { version, nonce, ..place.solution.clone() });
        let found = solutions.filter_map(|solution| confirm(&self.work, self.generation, solution)).collect();
        let count = (u64::from(last - first) + 1) * place.versions.len() as u64;
        match last.checked_add(1) {
            Some(nonce) => place.nonce = nonce,
            None => self.next_place(),
        }
        Some((count, found))
    }

    /// Goes on to the next versions, and after the last ones to the next extranonce: versions cost a compression each, an
    /// extranonce the coinbase's hash and the branch.
    fn next_place(&mut self) {
        self.place = self.left.checked_sub(1).and_then(|left| {
            let (groups, slots) = (groups(&self.work), self.lane.slots(&self.work));
            let counter = self.lane.thread + self.index / groups % slots * self.lane.threads;
            let group = self.index % groups;
            self.left = left;
            self.index = self.index.wrapping_add(1);
            Place::at(&self.work, group, counter)
        });
    }
}

/// Number of groups into which the versions of a work are cut, the last of which may be smaller.
fn groups(work: &Work) -> u64 {
    work.versions().div_ceil(u64::from(VERSIONS))
}

impl Place {
    fn at(work: &Work, group: u64, counter: u64) -> Option<Self> {
        let first = group * u64::from(VERSIONS);
        let versions: Vec<_> =
            (first..work.versions()).take(VERSIONS as usize).map(|place| work.version(place)).collect();
        let solution =
            Solution { version: work.job.version, extranonce: work.extranonce(counter)?, time: work.time, nonce: 0 };
        let template = Template::rolling(&work.job.header(&solution).ok()?, versions.iter().copied());
        Some(Self { versions, solution, template, nonce: 0 })
    }

    /// Last nonce of a batch of about so many hashes, of which the kernel can fill all lanes.
    fn last_nonce(&self, kernel: &Kernel, hashes: u32) -> u32 {
        let nonces = hashes as usize / self.versions.len().max(1);
        let nonces = nonces.max(1).next_multiple_of(usize::from(kernel.lanes));
        self.nonce.saturating_add(u32::try_from(nonces - 1).unwrap_or(u32::MAX))
    }
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
    use crate::pow::kernels::KERNELS;
    use crate::pow::{Header, Job, Target};

    const BATCH: u32 = 1 << 14;

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

    /// A kernel that finds nothing, for tests of the way through the space.
    const IDLE: Kernel =
        Kernel { name: "idle", mode: Mode::Plain, lanes: 1, supported: || true, scan: |_, _, _, _| {} };

    fn kernels() -> impl Iterator<Item = &'static Kernel> {
        KERNELS.iter().filter(|kernel| (kernel.supported)())
    }

    #[test]
    fn shares_of_a_batch_keep_the_time_and_the_fixed_extranonce() {
        for kernel in kernels() {
            let (count, found) = search(work(8), 1, 2, 0).batch(kernel, BATCH).unwrap();
            assert_eq!(count, u64::from(BATCH.next_multiple_of(kernel.lanes.into())));
            assert!(!found.is_empty(), "{}", kernel.name);
            for share in found {
                assert_eq!((share.solution.time, share.generation), (6, 3));
                assert_eq!(share.extranonce2(), [1, 0, 0, 0]);
                assert_eq!(share.solution.extranonce[..4], [9; 4]);
            }
        }
    }

    /// Versions and extranonce2.
    fn place(search: &Search) -> (Vec<u32>, Vec<u8>) {
        (search.place.as_ref().unwrap().versions.clone(), extranonce2(search))
    }

    fn exhaust_nonces(search: &mut Search) {
        search.place.as_mut().unwrap().nonce = u32::MAX;
        search.batch(&IDLE, BATCH).unwrap();
    }

    #[test]
    fn after_the_last_nonce_the_versions_roll_and_after_the_last_versions_the_extranonce() {
        let mut search = search(rolling(8, 0x000f_e000), 1, 2, 0);
        let all: Vec<_> = (0..128).map(|rolled| 0x2000_0000 | rolled << 13).collect();
        for versions in all.chunks(120) {
            assert_eq!(place(&search), (versions.to_vec(), vec![1, 0, 0, 0]));
            exhaust_nonces(&mut search);
        }
        assert_eq!(place(&search), (all[..120].to_vec(), vec![3, 0, 0, 0]));
    }

    #[test]
    fn the_same_work_given_again_continues_with_other_versions() {
        let first = search(rolling(8, 0x1fff_e000), 0, 1, 0);
        let second = search(rolling(8, 0x1fff_e000), 0, 1, first.next_index());
        assert_eq!((place(&first).0[0], place(&first).0[119]), (0x2000_0000, 0x2000_0000 + (119 << 13)));
        assert_eq!(place(&second).0[0], 0x2000_0000 + (120 << 13));
    }

    #[test]
    fn rolled_shares_are_shares_of_the_job_under_every_version_for_every_kernel() {
        for kernel in kernels() {
            for mask in [0x1000_0000, 0x0000_6000, 0x1800_e000, 0x1fff_e000] {
                let mut search = search(rolling(8, mask), 0, 1, 0);
                let versions: HashSet<_> = place(&search).0.into_iter().collect();
                let (count, found) = search.batch(kernel, BATCH).unwrap();
                let hit: HashSet<_> = found.iter().map(|share| share.solution.version).collect();
                assert!(hit.is_subset(&versions), "{} {mask:x}", kernel.name);
                assert!(count >= u64::from(BATCH) - 120 && found.len() > 5, "{} {mask:x}", kernel.name);
                assert!(2 * hit.len() > versions.len().min(20), "{} {mask:x}", kernel.name);
            }
        }
    }

    #[test]
    fn every_version_and_nonce_of_a_place_is_scanned_once_whatever_the_kernels() {
        let target = Target::from_work(NonZeroU128::new(1 << 10).unwrap());
        let mut search = search(rolling(8, 0x0300_e000), 0, 1, 0);
        let (solution, versions) = (search.place.as_ref().unwrap().solution.clone(), place(&search).0);
        let (mut hits, mut hashes, mut nonces) = (Vec::new(), 0, 0);
        for (kernel, batch) in kernels().zip([5_000, 1, 4_097, 77, 4_096].into_iter().cycle()) {
            let (count, found) = search.batch(kernel, batch).unwrap();
            hits.extend(found.into_iter().map(|share| (share.solution.version, share.solution.nonce)));
            hashes += count;
            nonces = search.place.as_ref().unwrap().nonce;
        }
        assert_eq!(hashes, u64::from(nonces) * versions.len() as u64);
        let header = search.work.job.header(&solution).unwrap();
        let expected = versions.iter().flat_map(|&version| {
            (0..nonces)
                .filter(move |&nonce| target.is_met_by(&Header { version, nonce, ..header }.hash()))
                .map(move |nonce| (version, nonce))
        });
        hits.sort_unstable();
        assert_eq!(hits, expected.collect::<Vec<_>>());
    }

    #[test]
    fn after_the_last_nonce_the_thread_takes_its_next_extranonce() {
        for kernel in kernels() {
            let mut search = search(work(8), 1, 2, 0);
            search.place.as_mut().unwrap().nonce = u32::MAX - 9;
            assert_eq!(search.batch(kernel, BATCH).unwrap().0, 10);
            assert_eq!(extranonce2(&search), [3, 0, 0, 0]);
            assert_eq!(search.place.as_ref().unwrap().nonce, 0);
        }
    }

    #[test]
    fn the_same_work_given_again_continues_with_another_extranonce() {
        let first = search(work(8), 1, 3, 0);
        let second = search(work(8), 1, 3, first.next_index());
        assert_eq!((extranonce2(&first), extranonce2(&second)), (vec![1, 0, 0, 0], vec![4, 0, 0, 0]));
    }

    #[test]
    fn threads_together_take_every_place_once_from_wherever_they_begin() {
        for (extranonce_size, mask, places) in
            [(5, 0, 256), (5, 0x1000_2000, 1_024), (4, 0x0000_e000, 8), (4, 0x001f_e000, 256)]
        {
            let mut taken = HashSet::new();
            for thread in 0..3 {
                let mut search = search(rolling(extranonce_size, mask), thread, 3, 1_001);
                while search.place.is_some() {
                    let (versions, extranonce2) = place(&search);
                    for version in versions {
                        assert!(taken.insert((version, extranonce2.clone())), "a header was taken twice");
                    }
                    exhaust_nonces(&mut search);
                }
            }
            assert_eq!(taken.len(), places);
        }
    }

    #[test]
    fn a_thread_without_an_extranonce_of_its_own_rests() {
        assert!(search(work(4), 0, 2, 7).batch(&IDLE, BATCH).is_some());
        assert!(search(work(4), 1, 2, 7).batch(&IDLE, BATCH).is_none());
    }

    #[test]
    fn the_mask_decides_what_the_kernel_should_be_made_for() {
        let modes = [0, 0x2000_0000, 0x0000_2000].map(|mask| search(rolling(8, mask), 0, 1, 0).mode());
        assert_eq!(modes, [Mode::Plain, Mode::Plain, Mode::Rolling]);
    }
}
