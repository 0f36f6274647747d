//! A miner's hashrate, estimated from the work of its shares.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// Busy time of one bucket.
const BUCKET: Duration = Duration::from_secs(10);
/// Buckets that count: the last ten minutes of lease work, in which the usual 0.3 shares a second tell a rate to 7.5 %.
const BUCKETS: usize = 60;
/// The newest buckets, which show whether the miner is still as fast as it was.
const RECENT: usize = 6;
/// Standard errors by which the newest buckets differ from all only where the rate has changed.
const CHANGE: f64 = 4.0;
/// Shares that should have come in a time without any, from which on the miner has stopped: luck does that once in three million
/// times.
const SILENT: u32 = 15;
/// Shares from which on a rate counts as known: fewer are luck.
const KNOWN: u32 = 3;

/// Work over busy time of the last while. Time without lease work doesn't count, so an idle miner keeps its estimate.
#[derive(Debug)]
pub(super) struct Rate {
    buckets: VecDeque<Bucket>,
    /// The sum of them: the allocator asks thousands of miners ten times a second.
    all: Bucket,
    /// Work of the newest share.
    share_work: u128,
    busy: bool,
    /// Whether the miner has stopped: what it did before says nothing of what it will do, nor the time without a share.
    stopped: bool,
    last: Instant,
}

/// A rate and how well it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Estimate {
    /// Hashes per second, rounded down; 0 while unknown.
    pub(super) hashrate: u64,
    /// Its standard error in hashes per second: of n shares, one in √n.
    pub(super) error: u64,
    /// Busy time that it rests on.
    pub(super) busy: Duration,
}

#[derive(Clone, Copy, Debug, Default)]
struct Bucket {
    work: u128,
    shares: u32,
    busy: Duration,
}

impl Rate {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            buckets: VecDeque::from([Bucket::default()]),
            all: Bucket::default(),
            share_work: 0,
            busy: false,
            stopped: false,
            last: now,
        }
    }

    /// Says whether the miner has lease work from now on.
    pub(super) fn set_busy(&mut self, busy: bool, now: Instant) {
        self.advance(now);
        self.busy = busy;
    }

    /// Adds an accepted share.
    pub(super) fn add(&mut self, work: u128, now: Instant) {
        self.advance(now);
        self.share_work = work;
        if std::mem::take(&mut self.stopped) {
            // With its share the time begins that the next ones are counted in.
            self.buckets = VecDeque::from([Bucket::default()]);
            self.all = Bucket::default();
            return;
        }
        for bucket in self.buckets.back_mut().into_iter().chain([&mut self.all]) {
            bucket.work = bucket.work.saturating_add(work);
            bucket.shares += 1;
        }
    }

    /// The estimate now; a miner that has become quicker or slower is judged by what it did since.
    pub(super) fn estimate(&mut self, now: Instant) -> Estimate {
        self.advance(now);
        let all = self.all;
        if all.shares < KNOWN {
            return Estimate { hashrate: 0, error: 0, busy: all.busy };
        }
        let rate = all.work.saturating_mul(1_000).checked_div(all.busy.as_millis()).unwrap_or(0);
        let hashrate = u64::try_from(rate).unwrap_or(u64::MAX);
        // The root to a tenth of a thousandth, without floats.
        let root = (u128::from(all.shares) * 100_000_000).isqrt();
        let error = u128::from(hashrate).saturating_mul(10_000).checked_div(root).unwrap_or(0);
        Estimate { hashrate, error: u64::try_from(error).unwrap_or(u64::MAX), busy: all.busy }
    }

    fn sum(&self, from: usize) -> Bucket {
        self.buckets.iter().skip(from).fold(Bucket::default(), |sum, bucket| Bucket {
            work: sum.work.saturating_add(bucket.work),
            shares: sum.shares + bucket.shares,
            busy: sum.busy + bucket.busy,
        })
    }

    /// Whether luck alone doesn't explain the shares of the newest buckets.
    fn has_changed(&self, all: Bucket, recent: Bucket) -> bool {
        let share_work = recent.work.checked_div(recent.shares.into()).unwrap_or(self.share_work).max(1);
        let work = all.work.saturating_mul(recent.busy.as_millis()).checked_div(all.busy.as_millis()).unwrap_or(0);
        let shares = u32::try_from(work / share_work).unwrap_or(u32::MAX);
        let missing = f64::from(shares) - f64::from(recent.shares);
        missing.abs() > CHANGE * f64::from(shares.max(recent.shares)).sqrt()
    }

    /// The bucket in which the miner stopped; however slow it was on average, as one that works in turns is.
    fn stopped_at(&self, all: Bucket) -> Option<usize> {
        let from = self.buckets.iter().rposition(|bucket| bucket.shares > 0)? + 1;
        let quiet = self.sum(from).busy.as_millis();
        let missing = (u128::from(all.shares) * quiet).checked_div(all.busy.as_millis())?;
        (missing >= SILENT.into()).then_some(from)
    }

    fn advance(&mut self, now: Instant) {
        let passed = now.duration_since(self.last);
        self.last = now;
        if !self.busy {
            return;
        }
        self.all.busy += passed;
        if let Some(bucket) = self.buckets.back_mut() {
            bucket.busy += passed;
            if bucket.busy >= BUCKET {
                self.forget();
                self.buckets.push_back(Bucket::default());
            }
        }
    }

    /// Forgets what is too old, and what was before the miner's rate changed.
    fn forget(&mut self) {
        let (all, buckets) = (self.all, self.buckets.len());
        let mut newest = buckets.saturating_sub(RECENT).max(1)..buckets;
        let change = newest.rfind(|from| self.has_changed(all, self.sum(*from))).or_else(|| self.stopped_at(all));
        self.stopped |= change.is_some_and(|from| self.sum(from).shares == 0);
        self.buckets.drain(..change.unwrap_or((buckets + 1).saturating_sub(BUCKETS)));
        self.all = self.sum(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    fn busy(start: Instant) -> Rate {
        let mut rate = Rate::new(start);
        rate.set_busy(true, start);
        rate
    }

    #[test]
    fn the_estimate_is_work_over_busy_time_and_stands_still_while_idle() {
        let start = Instant::now();
        let mut rate = Rate::new(start);
        assert_eq!(rate.estimate(start + seconds(5)).hashrate, 0);
        rate.set_busy(true, start + seconds(5));
        for second in 6..=25 {
            rate.add(300, start + seconds(second));
        }
        assert_eq!(rate.estimate(start + seconds(25)).hashrate, 300);
        rate.set_busy(false, start + seconds(25));
        let estimate = rate.estimate(start + seconds(1_000));
        assert_eq!((estimate.hashrate, estimate.error, estimate.busy), (300, 67, seconds(20)));
    }

    #[test]
    fn two_shares_are_luck_and_three_a_rate() {
        let start = Instant::now();
        let mut rate = busy(start);
        for (second, known) in [(1, 0), (2, 0), (3, 10)] {
            rate.add(10, start + seconds(second));
            assert_eq!(rate.estimate(start + seconds(second)).hashrate, known);
        }
    }

    #[test]
    fn old_work_is_forgotten_after_ten_busy_minutes() {
        let start = Instant::now();
        let mut rate = busy(start);
        rate.add(700_000, start + seconds(1));
        for second in 2..=700 {
            rate.add(7, start + seconds(second));
        }
        assert_eq!(rate.estimate(start + seconds(700)).hashrate, 7);
    }

    #[test]
    fn a_miner_that_slows_down_stops_or_speeds_up_is_known_by_it_in_a_minute() {
        for (after, expected) in [(5, 25..=45), (0, 0..=5), (60, 370..=410)] {
            let start = Instant::now();
            let mut rate = busy(start);
            for second in 1..=300 {
                rate.add(100, start + seconds(second));
            }
            assert_eq!(rate.estimate(start + seconds(300)).hashrate, 100);
            // So many shares in each fifteen seconds, where fifteen came.
            for second in 301..=380 {
                let before = (second - 301) * after / 15;
                let now = (second - 300) * after / 15;
                (before..now).for_each(|_| rate.add(100, start + seconds(second)));
                rate.estimate(start + seconds(second));
            }
            let hashrate = rate.estimate(start + seconds(380)).hashrate;
            assert!(expected.contains(&hashrate), "{after}: {hashrate}");
        }
    }

    #[test]
    fn a_miner_that_works_in_turns_is_known_to_rest() {
        let start = Instant::now();
        let mut rate = busy(start);
        // Three minutes of work at a third of a share a second, and as many of rest.
        for second in 1..=1_440 {
            let now = start + seconds(second);
            let phase = second % 360;
            if phase < 180 && second % 3 == 0 {
                rate.add(300, now);
            }
            let known = rate.estimate(now).hashrate;
            match phase {
                100..180 => assert!(known > 0, "second {second}"),
                300..360 => assert_eq!(known, 0, "second {second}"),
                _ => {}
            }
        }
    }

    #[test]
    fn enormous_work_saturates() {
        let start = Instant::now();
        let mut rate = busy(start);
        for second in 1..=3 {
            rate.add(u128::MAX, start + seconds(second));
        }
        assert_eq!(rate.estimate(start + seconds(3)).hashrate, u64::MAX);
    }
}
