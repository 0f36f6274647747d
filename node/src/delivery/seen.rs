//! The shares that were credited: one set for all leases, so that no header counts twice anywhere.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use alloy_primitives::B256;
use hashlease_miner::pow::Hash256;

/// The set; clones share it. A lease's hashes up to its newest receipt are forgotten: nothing with
/// such an nTime is credited any more.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen(Arc<Mutex<Sets>>);

#[derive(Debug, Default)]
struct Sets {
    all: HashSet<Hash256>,
    by_time: HashMap<B256, BTreeMap<u32, Vec<Hash256>>>,
}

impl Seen {
    /// Takes a hash in; `false` where it was there.
    pub(super) fn insert(&self, lease: B256, time: u32, hash: Hash256) -> bool {
        let mut sets = self.sets();
        let new = sets.all.insert(hash);
        if new {
            sets.by_time.entry(lease).or_default().entry(time).or_default().push(hash);
        }
        new
    }

    /// Forgets a lease's hashes with `nTime <= through`.
    pub(super) fn forget(&self, lease: B256, through: u64) {
        let mut sets = self.sets();
        let Some(times) = sets.by_time.get_mut(&lease) else { return };
        let kept =
            u32::try_from(through.saturating_add(1)).map_or_else(|_| BTreeMap::new(), |first| times.split_off(&first));
        let forgotten = std::mem::replace(times, kept);
        if times.is_empty() {
            sets.by_time.remove(&lease);
        }
        for hash in forgotten.into_values().flatten() {
            sets.all.remove(&hash);
        }
    }

    fn sets(&self) -> MutexGuard<'_, Sets> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_counts_once_over_all_leases_until_its_time_is_settled() {
        let seen = Seen::default();
        let (one, two) = (B256::repeat_byte(1), B256::repeat_byte(2));
        let hash = |byte| Hash256::from_bytes([byte; 32]);
        assert!(seen.insert(one, 100, hash(1)));
        assert!(!seen.insert(one, 100, hash(1)));
        assert!(!seen.insert(two, 100, hash(1)));
        assert!(seen.insert(one, 101, hash(2)));
        seen.forget(one, 100);
        assert!(seen.insert(two, 100, hash(1)));
        assert!(!seen.insert(one, 101, hash(2)));
        seen.forget(one, u64::MAX);
        seen.forget(two, u64::MAX);
        assert!(seen.sets().all.is_empty() && seen.sets().by_time.is_empty());
    }
}
