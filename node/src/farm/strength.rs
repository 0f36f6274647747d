//! What the whole farm can do, as far as its miners have shown it.

use std::time::Duration;

use super::rate::Estimate;

/// Busy time without a share after which a miner isn't waited for any longer.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a farm's miners can do together. Rates in hashes per second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Strength {
    /// Of the miners whose rate is known, in all.
    pub hashrate: u64,
    /// Standard error of that.
    pub error: u64,
    /// The largest rate among them.
    pub largest: u64,
    /// Miners whose rate nobody knows, and who have not been silent at work for so long that it must be zero.
    pub unknown: u64,
}

impl Strength {
    /// Adds up what is known of each miner.
    pub(super) fn of(estimates: impl Iterator<Item = Estimate>) -> Self {
        let (mut sum, mut squares) = (Self::default(), 0_u128);
        for Estimate { hashrate, error, busy } in estimates {
            sum.hashrate = sum.hashrate.saturating_add(hashrate);
            sum.largest = sum.largest.max(hashrate);
            sum.unknown += u64::from(hashrate == 0 && busy < PATIENCE);
            squares = squares.saturating_add(u128::from(error) * u128::from(error));
        }
        Self { error: u64::try_from(squares.isqrt()).unwrap_or(u64::MAX), ..sum }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_add_up_errors_by_their_squares_and_the_silent_count_for_nothing() {
        let miner = |hashrate, error, busy| Estimate { hashrate, error, busy };
        let miners =
            [miner(100, 30, PATIENCE), miner(250, 40, PATIENCE), miner(0, 0, Duration::ZERO), miner(0, 0, PATIENCE)];
        let expected = Strength { hashrate: 350, error: 50, largest: 250, unknown: 1 };
        assert_eq!(Strength::of(miners.into_iter()), expected);
        assert_eq!(Strength::of(std::iter::empty()), Strength::default());
        let huge = [miner(u64::MAX, u64::MAX, PATIENCE); 2];
        assert_eq!(Strength::of(huge.into_iter()).hashrate, u64::MAX);
    }
}
