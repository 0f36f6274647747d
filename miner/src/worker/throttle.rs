//! A cap on a thread's load: work and rest in slices so short that nobody else on the machine feels them.

use std::time::Duration;

use super::threads::Load;

/// A slice of work and the rest after it.
const PERIOD: Duration = Duration::from_millis(10);

/// Decides when a thread rests, from the processor time that it used; it reads no clock itself.
#[derive(Debug)]
pub(super) struct Throttle {
    load: Load,
    /// Processor time of the thread when it was last looked at.
    used: Duration,
    /// Rest that the work so far calls for and that wasn't taken yet, in nanoseconds; below zero after a rest that the
    /// system drew out.
    due_ns: i64,
}

impl Throttle {
    /// Begins with a thread that has used so much processor time; `None` where full load needs no rest.
    pub(super) fn new(load: Load, used: Duration) -> Option<Self> {
        (load != Load::FULL).then_some(Self { load, used, due_ns: 0 })
    }

    /// Takes the thread's processor time after a batch and gives the rest that is due now, if any.
    pub(super) fn worked(&mut self, used: Duration) -> Option<Duration> {
        let (load, idle) = (i64::from(self.load.to_percent()), i64::from(100 - self.load.to_percent()));
        let work_ns = signed_ns(used.saturating_sub(self.used));
        self.used = used;
        self.due_ns = self.due_ns.saturating_add(work_ns.saturating_mul(idle) / load);
        let slice_ns = signed_ns(PERIOD) * idle / 100;
        let due_ns = u64::try_from(self.due_ns).ok()?;
        (self.due_ns >= slice_ns).then_some(Duration::from_nanos(due_ns))
    }

    /// Takes how long the rest was in truth. What was too much is made up for by later work, up to a slice.
    pub(super) fn rested(&mut self, time: Duration) {
        self.due_ns = self.due_ns.saturating_sub(signed_ns(time)).max(-signed_ns(PERIOD));
    }
}

fn signed_ns(time: Duration) -> i64 {
    i64::try_from(time.as_nanos()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use rand::{Rng, SeedableRng, rngs::StdRng};

    use super::*;

    const BATCH: Duration = Duration::from_micros(500);

    /// What a thread did in virtual time.
    #[derive(Default)]
    struct Done {
        work: Duration,
        rest: Duration,
        longest_work: Duration,
        longest_rest: Duration,
    }

    /// Works for a virtual minute in batches of random length, each rest drawn out by up to so much.
    fn run(load: Load, longest_batch: Duration, overslept: Duration) -> Done {
        let mut rng = StdRng::seed_from_u64(7);
        let mut throttle = Throttle::new(load, Duration::ZERO).unwrap();
        let (mut done, mut stretch) = (Done::default(), Duration::ZERO);
        while done.work + done.rest < Duration::from_secs(60) {
            let batch = longest_batch.mul_f64(rng.random_range(0.1..=1.0));
            (done.work, stretch) = (done.work + batch, stretch + batch);
            done.longest_work = done.longest_work.max(stretch);
            if let Some(rest) = throttle.worked(done.work) {
                let rest = rest + overslept.mul_f64(rng.random_range(0.0..=1.0));
                throttle.rested(rest);
                (done.rest, stretch) = (done.rest + rest, Duration::ZERO);
                done.longest_rest = done.longest_rest.max(rest);
            }
        }
        done
    }

    fn share(done: &Done) -> f64 {
        done.work.as_secs_f64() / (done.work + done.rest).as_secs_f64()
    }

    #[test]
    fn work_is_the_load_of_all_time_to_a_part_in_a_thousand_even_where_the_system_draws_rests_out() {
        for percent in [1, 5, 10, 25, 50, 75, 90, 99] {
            for overslept in [Duration::ZERO, Duration::from_micros(60), Duration::from_millis(2)] {
                let done = run(Load::percent(percent).unwrap(), BATCH, overslept);
                let load = f64::from(percent) / 100.0;
                assert!((share(&done) / load - 1.0).abs() < 2e-3, "{percent}%: {}", share(&done));
            }
        }
    }

    #[test]
    fn neither_work_nor_rest_lasts_longer_than_a_period_and_what_one_batch_calls_for() {
        for percent in [1, 10, 50, 90, 99] {
            let done = run(Load::percent(percent).unwrap(), BATCH, Duration::ZERO);
            let after_one_batch = BATCH * u32::from(100 - percent) / u32::from(percent);
            assert!(done.longest_work <= PERIOD + BATCH, "{percent}%: {:?}", done.longest_work);
            assert!(done.longest_rest <= PERIOD + after_one_batch, "{percent}%: {:?}", done.longest_rest);
        }
    }

    #[test]
    fn a_long_sleep_is_made_up_for_by_a_slice_at_most() {
        let mut throttle = Throttle::new(Load::percent(50).unwrap(), Duration::ZERO).unwrap();
        assert_eq!(throttle.worked(PERIOD), Some(PERIOD));
        throttle.rested(Duration::from_secs(3_600));
        assert_eq!(throttle.worked(2 * PERIOD), None);
        assert_eq!(throttle.worked(4 * PERIOD), Some(2 * PERIOD));
    }

    #[test]
    fn full_load_never_rests() {
        assert!(Throttle::new(Load::FULL, Duration::ZERO).is_none());
    }
}
