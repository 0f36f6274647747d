//! Waiting longer after each failure, by a random part, so that a pool's miners don't all return at once.

use std::time::Duration;

use rand::Rng;

/// Doubles from a first wait to a longest one.
#[derive(Debug)]
pub struct BackOff {
    min: Duration,
    max: Duration,
    next: Duration,
}

impl BackOff {
    /// Starts at `min`; no wait is longer than `max`.
    pub fn new(min: Duration, max: Duration) -> Self {
        Self { min, max, next: min }
    }

    /// The next wait: any part of the current step, so that those who failed together don't come back together.
    pub fn step(&mut self, rng: &mut impl Rng) -> Duration {
        let step = self.next.min(self.max);
        self.next = step.saturating_mul(2).min(self.max);
        step.mul_f64(rng.random_range(0.0..=1.0))
    }

    /// Starts over after a success.
    pub fn reset(&mut self) {
        self.next = self.min;
    }
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng, rngs::StdRng};

    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_start_over() {
        const SEEDS: u64 = 200;
        let mut longest = [Duration::ZERO; 8];
        for seed in 0..SEEDS {
            let mut rng = StdRng::seed_from_u64(seed);
            let mut back_off = BackOff::new(Duration::from_secs(1), Duration::from_secs(60));
            for longest in &mut longest {
                *longest = back_off.step(&mut rng).max(*longest);
            }
            back_off.reset();
            assert!(back_off.step(&mut rng) <= Duration::from_secs(1));
        }
        for (longest, step_s) in longest.into_iter().zip([1, 2, 4, 8, 16, 32, 60, 60]) {
            let (most, whole) = (Duration::from_millis(step_s * 950), Duration::from_secs(step_s));
            assert!((most..=whole).contains(&longest), "{longest:?} in step {step_s}");
        }
    }

    #[test]
    fn waits_differ_from_miner_to_miner() {
        let waits: std::collections::HashSet<_> = (0..20)
            .map(|seed| {
                BackOff::new(Duration::from_secs(1), Duration::from_secs(60)).step(&mut StdRng::seed_from_u64(seed))
            })
            .collect();
        assert_eq!(waits.len(), 20);
    }
}
