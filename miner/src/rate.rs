//! The hashrate over a sliding window, and numbers with SI prefixes.

use std::collections::VecDeque;
use std::fmt;
use std::time::{Duration, Instant};

/// How far the hashrate looks back.
const WINDOW: Duration = Duration::from_secs(10);

/// A hashrate from samples of a growing counter.
#[derive(Debug, Default)]
pub(crate) struct Rate {
    samples: VecDeque<(Instant, u64)>,
}

impl Rate {
    /// Adds a sample and gives the hashes per second over the window; zero until there are two samples.
    ///
    /// A sample with an unchanged counter is passed over for up to a window, since the counter itself is refreshed only
    /// every second.
    pub(crate) fn sample(&mut self, now: Instant, hashes: u64) -> f64 {
        let idle = self.samples.back().is_some_and(|&(then, last)| last == hashes && now - then < WINDOW);
        if !idle {
            self.samples.push_back((now, hashes));
        }
        while self.samples.len() > 2 && self.samples.get(1).is_some_and(|&(then, _)| now - then >= WINDOW) {
            self.samples.pop_front();
        }
        self.per_second()
    }

    fn per_second(&self) -> f64 {
        let (Some((first, before)), Some((last, after))) = (self.samples.front(), self.samples.back()) else {
            return 0.0;
        };
        let elapsed = (*last - *first).as_secs_f64();
        if elapsed > 0.0 { (after - before) as f64 / elapsed } else { 0.0 }
    }
}

/// A number for people: three or four digits and an SI prefix.
pub(crate) struct Si(pub(crate) f64);

impl fmt::Display for Si {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const PREFIXES: [&str; 7] = ["", "k", "M", "G", "T", "P", "E"];
        let (mut number, mut step) = (self.0, 0);
        // 999.995 would round to 1000.00.
        while number >= 999.995 && step + 1 < PREFIXES.len() {
            number /= 1_000.0;
            step += 1;
        }
        write!(f, "{number:.2} {}", PREFIXES[step])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_the_growth_over_the_last_ten_seconds() {
        let (start, mut rate) = (Instant::now(), Rate::default());
        let at = |second| start + Duration::from_secs(second);
        assert_eq!(rate.sample(at(0), 0), 0.0);
        assert_eq!(rate.sample(at(1), 100), 100.0);
        for second in 2..=40 {
            rate.sample(at(second), 100 + (second - 1) * 500);
        }
        assert_eq!(rate.sample(at(41), 20_100), 500.0);
    }

    #[test]
    fn a_counter_that_stands_still_between_refreshes_does_not_lower_the_rate() {
        let (start, mut rate) = (Instant::now(), Rate::default());
        rate.sample(start, 0);
        rate.sample(start + Duration::from_secs(1), 100);
        assert_eq!(rate.sample(start + Duration::from_millis(1_500), 100), 100.0);
    }

    #[test]
    fn a_counter_that_stands_still_for_good_ends_at_zero() {
        let (start, mut rate) = (Instant::now(), Rate::default());
        let rates: Vec<f64> =
            (0..60).map(|second| rate.sample(start + Duration::from_secs(second), second.min(5))).collect();
        assert_eq!(rates[5], 1.0);
        assert_eq!(rates[59], 0.0);
    }

    #[test]
    fn numbers_carry_a_prefix() {
        for (number, text) in
            [(0.0, "0.00 "), (999.0, "999.00 "), (999.999, "1.00 k"), (21.5e6, "21.50 M"), (3e21, "3000.00 E")]
        {
            assert_eq!(Si(number).to_string(), text);
        }
    }
}
