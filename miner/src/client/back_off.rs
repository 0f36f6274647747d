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

    /// The next wait: between half and the whole of the current step.
    pub fn step(&mut self, rng: &mut impl Rng) -> Duration {
        let step = self.next.min(self.max);
        self.next = step.saturating_mul(2).min(self.max);
        step.mul_f64(rng.random_range(0.5..=1.0))
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
        let mut rng = StdRng::seed_from_u64(5);
        let mut back_off = BackOff::new(Duration::from_secs(1), Duration::from_secs(60));
        for step_s in [1, 2, 4, 8, 16, 32, 60, 60] {
            let (half, whole) = (Duration::from_millis(step_s * 500), Duration::from_secs(step_s));
            let wait = back_off.step(&mut rng);
            assert!((half..=whole).contains(&wait), "{wait:?} in step {step_s}");
        }
        back_off.reset();
        assert!(back_off.step(&mut rng) <= Duration::from_secs(1));
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
