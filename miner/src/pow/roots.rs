//! Merkle roots that were computed before, by job and extranonce, and the first halves of their headers.

use super::lanes::State;

/// Bytes of the longest extranonce that is remembered: of the longest that a lease's job has.
const MAX_BYTES: usize = 16;

/// Places of one set.
const WAYS: usize = 8;

/// A memory of roots in so many places that never grows: a pair of job and extranonce belongs to one set of eight places, where
/// the latest eight stay.
///
/// So a lookup is eight comparisons, nothing has to be counted or put in order over all, and all that an odd miner may cost its
/// neighbours is the time of a full check.
#[derive(Debug)]
pub(super) struct Roots(Vec<Set>);

#[derive(Debug, Clone, Copy, Default)]
struct Set {
    keys: [Key; WAYS],
    heads: [Head; WAYS],
    /// The place that is taken next.
    oldest: usize,
}

impl Set {
    fn find(&self, key: &Key) -> Option<usize> {
        self.keys.iter().position(|present| present == key)
    }

    fn make_room(&mut self) -> usize {
        let way = self.oldest;
        self.oldest = (way + 1) % WAYS;
        way
    }
}

/// A merkle root and SHA-256's state after the first block of a header with it, which the version is in too.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) root: [u8; 32],
    pub(super) version: u32,
    pub(super) midstate: State,
}

/// A job's number, none of which is zero, and an extranonce, whose length the job says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Key {
    job: u64,
    /// Its first and its last eight bytes, the same ones in part where there are fewer than sixteen.
    extranonce: [u64; 2],
}

impl Key {
    /// The key of an extranonce; `None` where it is too long to be remembered.
    pub(super) fn new(job: u64, extranonce: &[u8]) -> Option<Self> {
        let ends = match (extranonce.first_chunk(), extranonce.last_chunk()) {
            (Some(first), Some(last)) => [*first, *last],
            _ => {
                let mut short = [0; 8];
                short[..extranonce.len()].copy_from_slice(extranonce);
                [short; 2]
            }
        };
        (extranonce.len() <= MAX_BYTES).then(|| Self { job, extranonce: ends.map(u64::from_le_bytes) })
    }

    /// Mixes all bits: a product's high half depends on every bit of both factors.
    fn mixed(&self) -> u64 {
        let ([first, last], job) = (self.extranonce, halves(u128::from(self.job) * 0x9e37_79b9_7f4a_7c15));
        let (low, high) = (first ^ job[0] ^ 0xa076_1d64_78bd_642f, last ^ job[1] ^ 0xe703_7ed1_a0b4_28db);
        let [low, high] = halves(u128::from(low) * u128::from(high));
        low ^ high
    }
}

impl Roots {
    /// A memory with some places: as many sets as are a power of two.
    pub(super) fn new(places: usize) -> Self {
        Self(vec![Set::default(); places.div_ceil(WAYS).next_power_of_two()])
    }

    /// The root of a key, if it is remembered, with the version that came last.
    pub(super) fn get(&self, key: &Key) -> Option<&Head> {
        let set = &self.0[self.index(key)];
        set.find(key).map(|way| &set.heads[way])
    }

    /// Remembers a root.
    pub(super) fn insert(&mut self, key: Key, head: Head) {
        let index = self.index(&key);
        let set = &mut self.0[index];
        let way = set.find(&key).unwrap_or_else(|| set.make_room());
        (set.keys[way], set.heads[way]) = (key, head);
    }

    fn index(&self, key: &Key) -> usize {
        // The bits that are cut off don't matter.
        #[allow(clippy::cast_possible_truncation)]
        let mixed = key.mixed() as usize;
        mixed & (self.0.len() - 1)
    }
}

fn halves(value: u128) -> [u64; 2] {
    // The bits that are cut off are the other half's.
    #[allow(clippy::cast_possible_truncation)]
    [value as u64, (value >> 64) as u64]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(number: u32) -> Head {
        Head { root: [number.to_le_bytes()[0]; 32], version: number, midstate: [!number; 8] }
    }

    fn key(job: u64, number: u32) -> Key {
        Key::new(job, &number.to_be_bytes()).unwrap()
    }

    #[test]
    fn a_root_is_found_by_its_own_job_and_extranonce_only() {
        let mut roots = Roots::new(64);
        roots.insert(key(1, 2), head(7));
        assert_eq!(roots.get(&key(1, 2)), Some(&head(7)));
        assert_eq!(roots.get(&key(2, 2)), None);
        assert_eq!(roots.get(&key(1, 3)), None);
        assert_eq!(Roots::new(1).get(&key(1, 0)), None, "an empty place is nobody's");
    }

    #[test]
    fn the_memory_never_grows_and_the_latest_stays() {
        let mut roots = Roots::new(64);
        for number in 0..10_000 {
            roots.insert(key(1, number), head(number));
            assert_eq!(roots.get(&key(1, number)), Some(&head(number)));
        }
        assert_eq!(roots.0.len() * WAYS, 64);
    }

    #[test]
    fn eight_miners_of_one_set_stay_and_another_version_takes_no_second_place() {
        let mut roots = Roots::new(1);
        for round in 0..3 {
            (1..=8).for_each(|number| roots.insert(key(1, number), head(number + round)));
            assert!((1..=8).all(|number| roots.get(&key(1, number)) == Some(&head(number + round))));
        }
        roots.insert(key(1, 9), head(9));
        assert_eq!((1..=9).filter(|number| roots.get(&key(1, *number)).is_some()).count(), 8, "the oldest went");
    }

    #[test]
    fn neighbouring_extranonces_and_jobs_spread_over_the_places() {
        let places = 1 << 10;
        for spread in [|number| key(1, number), |number: u32| key(1, number << 16), |number: u32| key(number.into(), 5)]
        {
            let mut roots = Roots::new(places);
            (1..=1_024).for_each(|number| roots.insert(spread(number), head(0)));
            let taken = roots.0.iter().flat_map(|set| set.keys).filter(|key| *key != Key::default()).count();
            // Chance alone takes 881 of them.
            assert!(taken >= 840, "{taken}");
        }
    }

    #[test]
    fn extranonces_of_one_length_that_differ_in_any_byte_have_keys_that_differ() {
        for length in 0..=MAX_BYTES {
            let keys: Vec<_> = (0..=length)
                .map(|at| {
                    let mut extranonce = vec![0; length];
                    extranonce.get_mut(at).into_iter().for_each(|byte| *byte = 1);
                    Key::new(1, &extranonce).unwrap()
                })
                .collect();
            assert!((1..keys.len()).all(|at| !keys[..at].contains(&keys[at])), "{length}");
        }
    }

    #[test]
    fn an_extranonce_that_is_too_long_is_not_remembered() {
        assert!(Key::new(1, &[0; MAX_BYTES]).is_some());
        assert!(Key::new(1, &[0; MAX_BYTES + 1]).is_none());
    }
}
