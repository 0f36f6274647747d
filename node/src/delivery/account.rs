//! A lease's ledger together with its record in the store.

use std::collections::BTreeMap;

use alloy_primitives::{B256, FixedBytes};
use hashlease_domain::{
    Receipt,
    lease::Lease,
    ledger::{Ledger, LedgerError},
};

use crate::store::{Batch, Store, StoreError, Table, tables};

/// Accepted work by (lease, nTime), hashes. Rows that a receipt counts are removed with it.
const WORK: Table<(B256, u32), u128> = Table::new(tables::WORK);
/// Standby shares above the newest receipt, by (lease, hash): at the seller those that the agent has not answered, at the agent
/// those that it credited, so that none counts twice however often either restarts.
const STANDBY: Table<(B256, B256), StandbyShare> = Table::new(tables::STANDBY);
/// Hashes that the seller did for a lease beyond what its ledger shows, by lease: standby shares are credited in part.
const UNCREDITED: Table<B256, u128> = Table::new(tables::UNCREDITED);

/// Standby shares that are kept of one lease: 18 hours without an agent at a share a second. Older ones go; the rare ones among
/// them are kept as proof shares all the same.
const MAX_STANDBY: usize = 1 << 16;

/// A whole header whose previous block is the lease.
pub(super) type StandbyShare = FixedBytes<80>;

/// The ledger of one lease; what it says is on the disk.
#[derive(Debug)]
pub(super) struct Account {
    lease: B256,
    store: Store,
    ledger: Ledger,
    /// Work by nTime as it stands in the store.
    rows: BTreeMap<u32, u128>,
    /// Standby shares by (nTime, hash), as they stand in the store.
    standby: BTreeMap<(u32, B256), StandbyShare>,
    uncredited: u128,
}

/// Returns the nTime of a standby share.
pub(super) fn time_of(header: &StandbyShare) -> u32 {
    u32::from_le_bytes([header[68], header[69], header[70], header[71]])
}

impl Account {
    /// Reads the account of a lease.
    pub(super) fn open(store: Store, lease: &Lease) -> Result<Self, StoreError> {
        let mut ledger = Ledger::new(lease.terms.start, lease.on_chain.end);
        if let Some(signed) = lease.receipt {
            ledger.adopt(&signed.receipt);
        }
        let stored: Vec<((B256, u32), u128)> = store.under(&WORK, &lease.id)?;
        let rows: BTreeMap<u32, u128> = stored.into_iter().map(|((_, time), work)| (time, work)).collect();
        for (time, work) in &rows {
            // Rows that the receipt counts, or past an end that was brought forward, no longer matter.
            let _ = ledger.credit(*time, *work);
        }
        let stored: Vec<((B256, B256), StandbyShare)> = store.under(&STANDBY, &lease.id)?;
        let standby = stored.into_iter().map(|((_, hash), header)| ((time_of(&header), hash), header)).collect();
        let uncredited = store.get(&UNCREDITED, &lease.id)?.unwrap_or(0);
        Ok(Self { lease: lease.id, store, ledger, rows, standby, uncredited })
    }

    /// Returns the ledger.
    pub(super) fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Returns the standby shares on record by (nTime, hash), oldest first.
    pub(super) fn standby(&self) -> &BTreeMap<(u32, B256), StandbyShare> {
        &self.standby
    }

    /// Returns hashes that were done beyond what the ledger shows, those of standby shares on record left out.
    pub(super) fn uncredited(&self) -> u128 {
        self.uncredited
    }

    /// Moves the lease's end.
    pub(super) fn set_end(&mut self, end: u64) {
        self.ledger.set_end(end);
    }

    /// Returns why work at `time` cannot be credited, if it cannot.
    pub(super) fn check(&self, time: u32) -> Result<(), LedgerError> {
        self.ledger.check(time)
    }

    /// Credits accepted work, by nTime, in one record with `more`; once this returns it is on the disk.
    pub(super) async fn credit(&mut self, accepted: &[(u32, u128)], more: Changes) -> Result<(), StoreError> {
        let mut rows = BTreeMap::new();
        for (time, work) in accepted {
            let row = rows.entry(*time).or_insert_with(|| self.rows.get(time).copied().unwrap_or_default());
            *row = u128::saturating_add(*row, *work);
        }
        let put = |batch: Batch, (time, work): (&u32, &u128)| batch.put(&WORK, &(self.lease, *time), work);
        let mut batch = rows.iter().fold(more.batch, put);
        for (hash, header) in &more.kept {
            batch = batch.put(&STANDBY, &(self.lease, *hash), header);
        }
        for (_, hash) in &more.dropped {
            batch = batch.delete(&STANDBY, &(self.lease, *hash));
        }
        let excess = self.standby.len().saturating_add(more.kept.len()).saturating_sub(MAX_STANDBY);
        let oldest: Vec<(u32, B256)> = self.standby.keys().take(excess).copied().collect();
        for (_, hash) in &oldest {
            batch = batch.delete(&STANDBY, &(self.lease, *hash));
        }
        let uncredited = self.uncredited.saturating_add(more.uncredited);
        if more.uncredited > 0 {
            batch = batch.put(&UNCREDITED, &self.lease, &uncredited);
        }
        self.store.commit(batch).await?;
        self.uncredited = uncredited;
        self.rows.append(&mut rows);
        self.standby.extend(more.kept.into_iter().map(|(hash, header)| ((time_of(&header), hash), header)));
        for gone in more.dropped.iter().chain(&oldest) {
            self.standby.remove(gone);
        }
        for (time, work) in accepted {
            // Checked before the share was accepted; a receipt signed meanwhile leaves it out on both sides.
            let _ = self.ledger.credit(*time, *work);
        }
        Ok(())
    }

    /// Goes on from a receipt that both sides signed.
    pub(super) async fn adopt(&mut self, receipt: &Receipt) -> Result<(), StoreError> {
        self.ledger.adopt(receipt);
        let counted = |time: u32| u64::from(time) <= receipt.through;
        let work = self.rows.keys().filter(|time| counted(**time));
        let batch = work.fold(Batch::new(), |batch, time| batch.delete(&WORK, &(self.lease, *time)));
        let standby = self.standby.keys().filter(|(time, _)| counted(*time));
        let batch = standby.fold(batch, |batch, (_, hash)| batch.delete(&STANDBY, &(self.lease, *hash)));
        self.store.commit(batch).await?;
        self.rows.retain(|time, _| !counted(*time));
        self.standby.retain(|(time, _), _| !counted(*time));
        Ok(())
    }
}

/// What goes to the disk with credited work.
#[derive(Debug, Default)]
pub(super) struct Changes {
    /// Proof shares.
    pub(super) batch: Batch,
    /// Standby shares to keep, by hash.
    pub(super) kept: Vec<(B256, StandbyShare)>,
    /// Standby shares to drop, by (nTime, hash).
    pub(super) dropped: Vec<(u32, B256)>,
    /// Hashes done that will not be credited.
    pub(super) uncredited: u128,
}

impl Changes {
    /// Returns whether there is nothing to write.
    pub(super) fn is_empty(&self) -> bool {
        self.batch.is_empty() && self.kept.is_empty() && self.dropped.is_empty() && self.uncredited == 0
    }
}

#[cfg(test)]
mod tests {
    use hashlease_domain::{
        lease::{OnChain, Party},
        pay::Delivered,
    };

    use super::{super::testing::terms, *};

    fn lease() -> Lease {
        let (terms, delivered) = (terms(), Delivered::default());
        let (end, through) = (terms.end, terms.start);
        let on_chain = OnChain { opened_block: 1, end, through, delivered, last_proof: B256::ZERO, payout: None };
        Lease::new(B256::repeat_byte(1), terms, Party::Seller, on_chain)
    }

    fn standby(time: u32) -> (B256, StandbyShare) {
        let mut header = [0; 80];
        header[68..72].copy_from_slice(&time.to_le_bytes());
        (B256::from(alloy_primitives::U256::from(time)), header.into())
    }

    fn kept(times: impl Iterator<Item = u32>) -> Changes {
        Changes { kept: times.map(standby).collect(), ..Changes::default() }
    }

    #[tokio::test]
    async fn a_standby_share_waits_for_its_verdict_over_restarts_and_is_credited_once() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let mut account = Account::open(store.clone(), &lease()).unwrap();
        account.credit(&[(1_100, 5)], kept([1_200, 1_300].into_iter())).await.unwrap();
        let dropped = vec![(1_200, standby(1_200).0)];
        let verdict = Changes { dropped, uncredited: 1, ..Changes::default() };
        account.credit(&[(1_200, 9)], verdict).await.unwrap();

        let mut account = Account::open(store, &lease()).unwrap();
        assert_eq!((account.ledger().total(), account.uncredited()), (14, 1));
        assert_eq!(account.standby().keys().map(|(time, _)| *time).collect::<Vec<_>>(), [1_300]);
        account.adopt(&Receipt { lease_id: lease().id, work: 14, through: 1_300 }).await.unwrap();
        assert!(account.standby().is_empty(), "a receipt counts it no longer");
    }

    #[tokio::test]
    async fn only_so_many_standby_shares_are_kept_and_the_oldest_go() {
        let dir = tempfile::tempdir().unwrap();
        let mut account = Account::open(Store::open(dir.path()).unwrap(), &lease()).unwrap();
        let all = u32::try_from(MAX_STANDBY).unwrap() + 3;
        for first in (0..all).step_by(1_000) {
            account.credit(&[], kept(first..(first + 1_000).min(all))).await.unwrap();
        }
        assert_eq!(account.standby().len(), MAX_STANDBY);
        assert_eq!(account.standby().keys().next().unwrap().0, 3);
    }
}
