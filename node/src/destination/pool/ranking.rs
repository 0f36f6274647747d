//! Which pool of the list comes next.

use std::time::Duration;

use hashlease_miner::client::BackOff;
use rand::Rng;
use tokio::time::Instant;

use super::Patience;

/// The pools in the order of preference, each with its own back-off.
#[derive(Debug)]
pub(super) struct Ranking {
    pools: Vec<Standing>,
    /// A connection that served for longer counts as a success, whatever ended it.
    success: Duration,
}

#[derive(Debug)]
struct Standing {
    back_off: BackOff,
    /// When it may be dialled again.
    due: Instant,
    /// Whether to begin with `mining.configure`.
    configure: bool,
}

/// A pool and when it may be dialled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Turn {
    /// Its place in the list.
    pub(super) pool: usize,
    /// The moment, possibly past.
    pub(super) due: Instant,
    /// Whether to begin with `mining.configure`.
    pub(super) configure: bool,
}

impl Ranking {
    pub(super) fn new(pools: usize, patience: &Patience, now: Instant) -> Self {
        let back_off = || BackOff::new(patience.back_off_min, patience.back_off_max);
        let standing = |_| Standing { back_off: back_off(), due: now, configure: true };
        Self { pools: (0..pools).map(standing).collect(), success: patience.back_off_max }
    }

    /// The first pool that may be dialled now, else the one that may be soonest. `None` where there is no pool.
    pub(super) fn next(&self, now: Instant) -> Option<Turn> {
        self.first_of(self.pools.len(), now)
    }

    /// As [`Ranking::next`], of the pools before `pool` alone.
    pub(super) fn better_than(&self, pool: usize, now: Instant) -> Option<Turn> {
        self.first_of(pool, now)
    }

    fn first_of(&self, count: usize, now: Instant) -> Option<Turn> {
        let turn = |(pool, standing): (usize, &Standing)| Turn {
            pool,
            due: standing.due.max(now),
            configure: standing.configure,
        };
        // Of those that are due at the same moment the first is taken.
        self.pools.iter().take(count).enumerate().map(turn).min_by_key(|turn| turn.due)
    }

    /// Notes that a pool gave no work, or no more after it had `served` for a time.
    pub(super) fn failed(&mut self, pool: usize, served: Duration, now: Instant, rng: &mut impl Rng) {
        let Some(standing) = self.pools.get_mut(pool) else { return };
        if served > self.success {
            standing.back_off.reset();
        }
        standing.due = now + standing.back_off.step(rng);
    }

    /// Notes whether a pool's next connection begins with `mining.configure`.
    pub(super) fn set_configure(&mut self, pool: usize, configure: bool) {
        if let Some(standing) = self.pools.get_mut(pool) {
            standing.configure = configure;
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng, rngs::StdRng};

    use super::*;

    #[test]
    fn the_first_pool_that_is_due_is_taken_and_a_failed_one_waits() {
        let (mut rng, now) = (StdRng::seed_from_u64(1), Instant::now());
        let mut ranking = Ranking::new(3, &Patience::default(), now);
        let next = |ranking: &Ranking, now| ranking.next(now).unwrap().pool;
        assert_eq!(next(&ranking, now), 0);
        assert_eq!(ranking.better_than(0, now), None, "nothing is better than the first");
        ranking.failed(0, Duration::ZERO, now, &mut rng);
        assert_eq!(next(&ranking, now), 1);
        ranking.failed(1, Duration::ZERO, now, &mut rng);
        assert_eq!(next(&ranking, now), 2);
        let later = now + Duration::from_secs(2);
        assert_eq!(next(&ranking, later), 0, "its wait is over");
        assert_eq!(ranking.better_than(2, later).unwrap(), Turn { pool: 0, due: later, configure: true });
    }

    #[test]
    fn where_all_failed_the_one_that_is_due_soonest_is_next() {
        let (mut rng, now) = (StdRng::seed_from_u64(7), Instant::now());
        let mut ranking = Ranking::new(2, &Patience::default(), now);
        for _ in 0..8 {
            ranking.failed(0, Duration::ZERO, now, &mut rng);
        }
        ranking.failed(1, Duration::ZERO, now, &mut rng);
        let Turn { pool, due, .. } = ranking.next(now).unwrap();
        assert_eq!(pool, 1);
        assert!(due > now && due <= now + Duration::from_secs(1), "{:?}", due - now);
    }

    #[test]
    fn a_pool_that_served_for_long_is_forgiven_and_one_that_did_not_is_not() {
        let (patience, now) = (Patience::default(), Instant::now());
        let long = patience.back_off_max + Duration::from_secs(1);
        for (served, forgiven) in [(long, true), (Duration::from_secs(5), false)] {
            let longest = (0..50).map(|seed| {
                let mut rng = StdRng::seed_from_u64(seed);
                let mut ranking = Ranking::new(1, &patience, now);
                (0..9).for_each(|_| ranking.failed(0, Duration::ZERO, now, &mut rng));
                ranking.failed(0, served, now, &mut rng);
                ranking.next(now).unwrap().due - now
            });
            assert_eq!(longest.max().unwrap() <= patience.back_off_min, forgiven, "{served:?}");
        }
    }
}
