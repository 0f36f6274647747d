//! A miner's hashrate, estimated from the work of its shares.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// Busy time of one bucket.
const BUCKET: Duration = Duration::from_secs(10);
/// Buckets that count: the last two minutes of lease work.
const BUCKETS: usize = 12;

/// Work over busy time of the last while. Time without lease work doesn't count, so an idle miner keeps its estimate.
#[derive(Debug)]
pub(super) struct Rate {
    buckets: VecDeque<(u128, Duration)>,
    busy: bool,
    last: Instant,
}

impl Rate {
    pub(super) fn new(now: Instant) -> Self {
        Self { buckets: VecDeque::from([(0, Duration::ZERO)]), busy: false, last: now }
    }

    /// Says whether the miner has lease work from now on.
    pub(super) fn set_busy(&mut self, busy: bool, now: Instant) {
        self.advance(now);
        self.busy = busy;
    }

    /// Adds an accepted share.
    pub(super) fn add(&mut self, work: u128, now: Instant) {
        self.advance(now);
        if let Some((sum, _)) = self.buckets.back_mut() {
            *sum = sum.saturating_add(work);
        }
    }

    /// The estimate in hashes per second, rounded down; 0 while nothing is known.
    pub(super) fn hashrate_down(&mut self, now: Instant) -> u64 {
        self.advance(now);
        let work = self.buckets.iter().fold(0u128, |sum, bucket| sum.saturating_add(bucket.0));
        let millis: u128 = self.buckets.iter().map(|bucket| bucket.1.as_millis()).sum();
        let rate = work.saturating_mul(1_000).checked_div(millis).unwrap_or(0);
        u64::try_from(rate).unwrap_or(u64::MAX)
    }

    fn advance(&mut self, now: Instant) {
        let passed = now.duration_since(self.last);
        self.last = now;
        if !self.busy {
            return;
        }
        if let Some((_, busy)) = self.buckets.back_mut() {
            *busy += passed;
            if *busy >= BUCKET {
                self.buckets.push_back((0, Duration::ZERO));
            }
        }
        if self.buckets.len() > BUCKETS {
            self.buckets.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    #[test]
    fn the_estimate_is_work_over_busy_time_and_stands_still_while_idle() {
        let start = Instant::now();
        let mut rate = Rate::new(start);
        assert_eq!(rate.hashrate_down(start + seconds(5)), 0);
        rate.set_busy(true, start + seconds(5));
        for second in 6..=25 {
            rate.add(300, start + seconds(second));
        }
        assert_eq!(rate.hashrate_down(start + seconds(25)), 300);
        rate.set_busy(false, start + seconds(25));
        assert_eq!(rate.hashrate_down(start + seconds(1_000)), 300);
    }

    #[test]
    fn old_work_is_forgotten_after_two_busy_minutes() {
        let start = Instant::now();
        let mut rate = Rate::new(start);
        rate.set_busy(true, start);
        rate.add(1_000_000, start + seconds(1));
        for second in 2..=200 {
            rate.add(7, start + seconds(second));
        }
        assert_eq!(rate.hashrate_down(start + seconds(200)), 7);
    }

    #[test]
    fn enormous_work_saturates() {
        let start = Instant::now();
        let mut rate = Rate::new(start);
        rate.set_busy(true, start);
        rate.add(u128::MAX, start + seconds(1));
        rate.add(u128::MAX, start + seconds(2));
        assert_eq!(rate.hashrate_down(start + seconds(2)), u64::MAX);
    }
}
