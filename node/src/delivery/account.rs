//! A lease's ledger together with its record in the store.

use std::collections::BTreeMap;

use alloy_primitives::B256;
use hashlease_domain::{
    Receipt,
    lease::Lease,
    ledger::{Ledger, LedgerError},
};

use crate::store::{Batch, Store, StoreError, Table, tables};

/// Accepted work by (lease, nTime), hashes. Rows that a receipt counts are removed with it.
const WORK: Table<(B256, u32), u128> = Table::new(tables::WORK);

/// The ledger of one lease; what it says is on the disk.
#[derive(Debug)]
pub(super) struct Account {
    lease: B256,
    store: Store,
    ledger: Ledger,
    /// Work by nTime as it stands in the store.
    rows: BTreeMap<u32, u128>,
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
        Ok(Self { lease: lease.id, store, ledger, rows })
    }

    /// Returns the ledger.
    pub(super) fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Moves the lease's end.
    pub(super) fn set_end(&mut self, end: u64) {
        self.ledger.set_end(end);
    }

    /// Returns why work at `time` cannot be credited, if it cannot.
    pub(super) fn check(&self, time: u32) -> Result<(), LedgerError> {
        self.ledger.check(time)
    }

    /// Credits accepted work, by nTime; once this returns it is on the disk.
    pub(super) async fn credit(&mut self, accepted: &[(u32, u128)]) -> Result<(), StoreError> {
        let mut rows = BTreeMap::new();
        for (time, work) in accepted {
            let row = rows.entry(*time).or_insert_with(|| self.rows.get(time).copied().unwrap_or_default());
            *row = u128::saturating_add(*row, *work);
        }
        let put = |batch: Batch, (time, work): (&u32, &u128)| batch.put(&WORK, &(self.lease, *time), work);
        self.store.commit(rows.iter().fold(Batch::new(), put)).await?;
        self.rows.append(&mut rows);
        for (time, work) in accepted {
            // Checked before the share was accepted; a receipt signed meanwhile leaves it out on both sides.
            let _ = self.ledger.credit(*time, *work);
        }
        Ok(())
    }

    /// Goes on from a receipt that both sides signed.
    pub(super) async fn adopt(&mut self, receipt: &Receipt) -> Result<(), StoreError> {
        self.ledger.adopt(receipt);
        let counted: Vec<u32> = self.rows.keys().copied().filter(|time| u64::from(*time) <= receipt.through).collect();
        let delete = |batch: Batch, time: &u32| batch.delete(&WORK, &(self.lease, *time));
        self.store.commit(counted.iter().fold(Batch::new(), delete)).await?;
        self.rows.retain(|time, _| u64::from(*time) > receipt.through);
        Ok(())
    }
}
