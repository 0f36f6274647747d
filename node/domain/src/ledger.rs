//! The work of one lease as a function of nTime (section 4): what a receipt that counts up to a time must say.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::receipt::Receipt;

/// Accepted work by nTime, on top of the newest receipt.
///
/// Both sides keep one and credit the same shares to it, so that both know the work of any claim. It holds one number for each
/// second between the newest receipt and the end, at most.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    end: u64,
    base: Base,
    buckets: BTreeMap<u32, u128>,
}

/// What the newest receipt counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Base {
    /// Cumulative work, hashes.
    pub work: u128,
    /// Last nTime that it counts, unix seconds; the start of the lease before the first receipt.
    pub through: u64,
}

/// Why a share's nTime can't be credited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LedgerError {
    /// A receipt counts this time already.
    #[error("time {time} is counted by the receipt through {through}: work on a newer job")]
    Settled {
        /// The share's nTime.
        time: u32,
        /// Last nTime that the receipt counts.
        through: u64,
    },
    /// The lease is over.
    #[error("time {time} is past the lease's end {end}")]
    PastEnd {
        /// The share's nTime.
        time: u32,
        /// End of the lease.
        end: u64,
    },
}

impl Ledger {
    /// Creates the ledger of a lease from `start` to `end`, unix seconds.
    pub fn new(start: u64, end: u64) -> Self {
        Self { end, base: Base { work: 0, through: start }, buckets: BTreeMap::new() }
    }

    /// Credits `work` hashes to the nTime of an accepted share.
    ///
    /// # Errors
    /// For a time that a receipt counts already, and past the end.
    pub fn credit(&mut self, time: u32, work: u128) -> Result<(), LedgerError> {
        self.check(time)?;
        let bucket = self.buckets.entry(time).or_default();
        *bucket = bucket.saturating_add(work);
        Ok(())
    }

    /// Tells whether work at this nTime can be credited.
    ///
    /// # Errors
    /// As [`Ledger::credit`].
    pub fn check(&self, time: u32) -> Result<(), LedgerError> {
        let through = self.base.through;
        if u64::from(time) <= through {
            return Err(LedgerError::Settled { time, through });
        }
        if u64::from(time) > self.end {
            return Err(LedgerError::PastEnd { time, end: self.end });
        }
        Ok(())
    }

    /// Returns the cumulative work of the shares with `nTime <= through`, hashes: what a receipt through then says. Times before
    /// the newest receipt are no longer told apart.
    pub fn work_through(&self, through: u64) -> u128 {
        let counted = self.buckets.iter().take_while(|(time, _)| u64::from(**time) <= through.min(self.end));
        counted.fold(self.base.work, |sum, (_, work)| sum.saturating_add(*work))
    }

    /// Returns the cumulative work up to the end, hashes.
    pub fn total(&self) -> u128 {
        self.work_through(self.end)
    }

    /// Returns what the newest receipt counts.
    pub fn base(&self) -> Base {
        self.base
    }

    /// Returns the end of the lease, unix seconds.
    pub fn end(&self) -> u64 {
        self.end
    }

    /// Moves the end, as a cancellation does. What was credited past it no longer counts, and counts again where a reorg undoes
    /// the cancellation.
    pub fn set_end(&mut self, end: u64) {
        self.end = end;
    }

    /// Goes on from a receipt that both sides signed, and forgets the times that it counts. A receipt that isn't newer, or counts
    /// less work, changes nothing; returns whether it was adopted.
    pub fn adopt(&mut self, receipt: &Receipt) -> bool {
        if receipt.through <= self.base.through || receipt.work < self.base.work {
            return false;
        }
        self.base = Base { work: receipt.work, through: receipt.through };
        self.buckets.retain(|time, _| u64::from(*time) > receipt.through);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Rng, word};

    fn receipt(work: u128, through: u64) -> Receipt {
        Receipt { lease_id: word(1), work, through }
    }

    #[test]
    fn a_receipt_counts_exactly_the_shares_up_to_its_time() {
        let mut ledger = Ledger::new(100, 200);
        for (time, work) in [(150, 5), (101, 1), (150, 2), (200, 10)] {
            ledger.credit(time, work).unwrap();
        }
        let by_time = [(100, 0), (101, 1), (149, 1), (150, 8), (199, 8), (200, 18), (u64::MAX, 18)];
        for (through, work) in by_time {
            assert_eq!(ledger.work_through(through), work, "through {through}");
        }
        assert_eq!(ledger.total(), 18);
    }

    #[test]
    fn times_that_are_settled_or_past_the_end_get_no_credit() {
        let mut ledger = Ledger::new(100, 200);
        assert_eq!(ledger.credit(100, 1), Err(LedgerError::Settled { time: 100, through: 100 }));
        assert_eq!(ledger.credit(201, 1), Err(LedgerError::PastEnd { time: 201, end: 200 }));
        assert!(ledger.adopt(&receipt(7, 150)));
        assert_eq!(ledger.credit(150, 1), Err(LedgerError::Settled { time: 150, through: 150 }));
        assert_eq!(ledger.total(), 7);
    }

    #[test]
    fn adopting_folds_what_the_receipt_counts_into_its_work() {
        let mut ledger = Ledger::new(100, 200);
        for time in [110, 120, 130] {
            ledger.credit(time, 10).unwrap();
        }
        assert!(ledger.adopt(&receipt(20, 120)));
        assert_eq!(ledger.base(), Base { work: 20, through: 120 });
        assert_eq!((ledger.work_through(120), ledger.total()), (20, 30));

        assert!(
            ledger.adopt(&receipt(25, 130)),
            "the other side's receipt counts what this one has lost or never seen"
        );
        assert_eq!(ledger.total(), 25);
    }

    #[test]
    fn a_receipt_that_is_older_or_lower_changes_nothing() {
        let mut ledger = Ledger::new(100, 200);
        assert!(ledger.adopt(&receipt(20, 120)));
        ledger.credit(130, 1).unwrap();
        let before = ledger.clone();
        for stale in [receipt(20, 120), receipt(30, 120), receipt(30, 119), receipt(19, 140)] {
            assert!(!ledger.adopt(&stale));
        }
        assert_eq!(ledger, before);
        assert!(ledger.adopt(&receipt(20, 121)), "a receipt may add time without work");
    }

    #[test]
    fn a_cancellation_hides_later_work_and_its_undoing_shows_it_again() {
        let mut ledger = Ledger::new(100, 200);
        ledger.credit(150, 1).unwrap();
        ledger.credit(180, 2).unwrap();
        ledger.set_end(160);
        assert_eq!((ledger.end(), ledger.total(), ledger.work_through(200)), (160, 1, 1));
        ledger.set_end(200);
        assert_eq!(ledger.total(), 3);
    }

    #[test]
    fn the_order_of_shares_and_the_moment_of_receipts_make_no_difference() {
        let mut rng = Rng(4);
        for _ in 0..200 {
            let shares: Vec<_> =
                (0..100).map(|_| (101 + u32::try_from(rng.below(100)).unwrap(), rng.wide(100))).collect();
            let through = 101 + rng.below(100);
            let (mut forward, mut backward) = (Ledger::new(100, 200), Ledger::new(100, 200));
            shares.iter().for_each(|(time, work)| forward.credit(*time, *work).unwrap());
            shares.iter().rev().for_each(|(time, work)| backward.credit(*time, *work).unwrap());
            assert_eq!(forward, backward);

            let (total, counted) = (forward.total(), forward.work_through(through));
            assert!(forward.adopt(&receipt(counted, through)));
            assert_eq!(forward.total(), total);
            assert_eq!(forward.work_through(through), counted);
        }
    }

    #[test]
    fn a_stored_ledger_reads_back_the_same() {
        let mut ledger = Ledger::new(100, 200);
        ledger.adopt(&receipt(u128::from(u64::MAX), 120));
        ledger.credit(130, 3).unwrap();
        let text = serde_json::to_string(&ledger).unwrap();
        assert_eq!(serde_json::from_str::<Ledger>(&text).unwrap(), ledger);
    }
}
