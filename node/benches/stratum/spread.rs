//! How times are spread.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Middle and end of many times, in nanoseconds.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Spread {
    /// Half of them are at most this.
    pub(crate) p50: u64,
    /// 99 of 100 are at most this.
    pub(crate) p99: u64,
    /// The longest.
    pub(crate) max: u64,
}

impl Spread {
    /// Of none, all is zero.
    pub(crate) fn of(mut times: Vec<u64>) -> Self {
        times.sort_unstable();
        let at = |percent: usize| times.get((times.len() * percent / 100).min(times.len().saturating_sub(1)));
        let [p50, p99, max] = [50, 99, 100].map(|percent| at(percent).copied().unwrap_or(0));
        Self { p50, p99, max }
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [p50, p99, max] = [self.p50, self.p99, self.max].map(millis);
        write!(f, "p50 {p50}, p99 {p99}, last {max}")
    }
}

/// Nanoseconds as milliseconds for people.
fn millis(nanos: u64) -> String {
    format!("{:.2} ms", Duration::from_nanos(nanos).as_secs_f64() * 1e3)
}

/// A time in nanoseconds, which last for centuries.
pub(crate) fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
