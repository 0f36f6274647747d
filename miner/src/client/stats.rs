//! What a client tells about itself.

use serde::Serialize;

use crate::worker::Miner;

/// What the client is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Opens a connection and shakes hands.
    #[default]
    Connecting,
    /// Authorized; mines as soon as there is a job.
    Mining,
    /// Waits before another connection.
    Waiting,
    /// Has ended.
    Stopped,
}

/// Counters since the start, over all connections.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Stats {
    /// What the client is doing.
    pub state: State,
    /// Name of the kernel that the threads run; empty before they started.
    pub kernel: &'static str,
    /// Hashes computed, refreshed every second while connected.
    pub hashes: u64,
    /// Time with a job in hand, in milliseconds, refreshed with the hashes.
    pub mining_ms: u64,
    /// Shares that the pool accepted.
    pub accepted: u64,
    /// Sum over the accepted shares of their targets' work: the hashes that the pool has reason to believe in.
    pub accepted_work: u64,
    /// Sum of the squares of the same.
    #[serde(skip)]
    pub accepted_work_squared: f64,
    /// Shares that the pool rejected.
    pub rejected: u64,
    /// Shares that were found too late and never sent.
    pub stale: u64,
    /// Shares that the pool never answered.
    pub unanswered: u64,
    /// Stratum difficulty of the current job's shares; zero before the first.
    pub difficulty: f64,
    /// Highest difficulty of an accepted share.
    pub best_difficulty: f64,
    /// Connections that reached the end of the handshake.
    pub connections: u64,
    /// The pool's words on its last rejection.
    pub last_rejection: Option<String>,
    /// Why the last connection ended.
    pub last_error: Option<String>,
}

impl Stats {
    /// Hashes per second while there was a job; zero before the first.
    pub fn mean_hashrate(&self) -> f64 {
        self.per_second(self.hashes)
    }

    /// Hashes per second that accepted shares stand for, over the same time.
    pub fn accepted_hashrate(&self) -> f64 {
        self.per_second(self.accepted_work)
    }

    /// Relative standard error of the accepted work, `1/√n` for `n` shares of one difficulty; `None` before the first.
    pub fn accepted_error(&self) -> Option<f64> {
        // Shares are a Poisson process, so their work has the variance of its squares' sum.
        (self.accepted_work > 0).then(|| self.accepted_work_squared.sqrt() / self.accepted_work as f64)
    }

    /// Counts an accepted share: its target's work, and its hash's difficulty.
    pub(super) fn accept(&mut self, work: u128, difficulty: f64) {
        self.accepted += 1;
        self.accepted_work = self.accepted_work.saturating_add(u64::try_from(work).unwrap_or(u64::MAX));
        self.accepted_work_squared += (work as f64).powi(2);
        self.best_difficulty = self.best_difficulty.max(difficulty);
    }

    /// Takes the counters of the threads.
    pub(super) fn refresh(&mut self, miner: &Miner) {
        self.kernel = miner.kernel();
        self.hashes = miner.hashes();
        self.mining_ms = u64::try_from(miner.time_with_work().as_millis()).unwrap_or(u64::MAX);
    }

    fn per_second(&self, hashes: u64) -> f64 {
        if self.mining_ms == 0 { 0.0 } else { hashes as f64 * 1_000.0 / self.mining_ms as f64 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepted_work_counts_targets_and_its_error_falls_with_the_root_of_the_shares() {
        let mut stats = Stats { mining_ms: 4_000, hashes: 44_000, ..Stats::default() };
        assert_eq!((stats.accepted_hashrate(), stats.accepted_error()), (0.0, None));
        for shares in 1..=100u32 {
            stats.accept(400, 7.0);
            assert!((stats.accepted_error().unwrap() - 1.0 / f64::from(shares).sqrt()).abs() < 1e-9);
        }
        assert_eq!((stats.accepted, stats.accepted_work, stats.best_difficulty), (100, 40_000, 7.0));
        assert_eq!((stats.mean_hashrate(), stats.accepted_hashrate()), (11_000.0, 10_000.0));
    }

    #[test]
    fn a_hard_share_among_easy_ones_weighs_as_much_in_the_error_as_in_the_work() {
        let mut stats = Stats::default();
        (0..100).for_each(|_| stats.accept(1, 1.0));
        stats.accept(100, 1.0);
        assert!((stats.accepted_error().unwrap() - 10_100f64.sqrt() / 200.0).abs() < 1e-9);
    }

    #[test]
    fn work_beyond_64_bits_saturates() {
        let mut stats = Stats::default();
        (0..2).for_each(|_| stats.accept(u128::MAX, 1.0));
        assert_eq!((stats.accepted, stats.accepted_work), (2, u64::MAX));
    }
}
