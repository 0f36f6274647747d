//! How many threads mine, where, and how hard.

use std::fmt;
use std::num::NonZeroUsize;
use std::str::FromStr;

/// The threads of a [`Miner`](super::Miner), and their manners towards whatever else runs on the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Threads {
    /// Number of threads.
    pub count: NonZeroUsize,
    /// Whether each stays on a core of its own.
    pub pinning: Pinning,
    /// Whether they only take what other programs leave: nice 19.
    pub low_priority: bool,
    /// How much of its time each of them works.
    pub load: Load,
}

impl Threads {
    /// So many threads at full load and normal priority, which the system moves from core to core.
    pub fn new(count: NonZeroUsize) -> Self {
        Self { count, pinning: Pinning::Never, low_priority: false, load: Load::FULL }
    }
}

/// When threads are bound to cores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Pinning {
    /// Where there is one thread for each core that the process may use: then moving one can only set two on one core.
    #[default]
    Auto,
    /// Always; on cores of their own before on siblings of one core.
    Always,
    /// Never.
    Never,
}

/// A part of a thread's time, from 1 % to 100 %.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Load(u8);

/// Text that is no load.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a load is a whole percentage from 1% to 100%, such as 50%")]
pub struct LoadError;

impl Load {
    /// All of the time.
    pub const FULL: Self = Self(100);

    /// Makes a load of whole percent.
    ///
    /// # Errors
    /// [`LoadError`] outside 1 to 100.
    pub fn percent(percent: u8) -> Result<Self, LoadError> {
        (1..=100).contains(&percent).then_some(Self(percent)).ok_or(LoadError)
    }

    /// The load in percent.
    pub(super) fn to_percent(self) -> u8 {
        self.0
    }
}

impl FromStr for Load {
    type Err = LoadError;

    fn from_str(text: &str) -> Result<Self, LoadError> {
        let digits = text.strip_suffix('%').unwrap_or(text).trim_end();
        digits.parse().map_err(|_| LoadError).and_then(Self::percent)
    }
}

impl fmt::Display for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loads_are_whole_percentages_with_or_without_their_sign() {
        for (text, percent) in [("50%", 50), ("50 %", 50), ("1", 1), ("100%", 100)] {
            assert_eq!(text.parse(), Load::percent(percent), "{text}");
            assert_eq!(text.parse::<Load>().unwrap().to_string(), format!("{percent}%"));
        }
        for text in ["", "%", "0%", "101%", "256", "-1%", "0.5", "half"] {
            assert_eq!(text.parse::<Load>(), Err(LoadError), "{text}");
        }
    }
}
