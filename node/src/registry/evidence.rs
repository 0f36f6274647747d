//! The proof shares of own leases, kept from before anybody hears of them until the escrow takes none any more.

use alloy_primitives::B256;
use hashlease_domain::{
    LeaseJob, ProofShare, Signed,
    lease::Lease,
    proof::{next_proof, proof_order},
};
use hashlease_miner::pow::Hash256;

use super::Registry;
use crate::{
    settlement::Call,
    store::{Batch, Store, StoreError, Table, tables},
};

/// By (lease, hash as the escrow compares it), so that a lease's shares are read in the order in which they are shown.
const PROOF_SHARES: Table<(B256, B256), ProofShare> = Table::new(tables::PROOF_SHARES);
/// The jobs that shares are on, by (lease, EIP-712 hash).
const PROOF_JOBS: Table<(B256, B256), Signed<LeaseJob>> = Table::new(tables::PROOF_JOBS);

/// Rows removed with one record.
const ROWS: usize = 4096;

/// Adds a share to a record.
pub fn keep_share(batch: Batch, lease: B256, hash: Hash256, share: &ProofShare) -> Batch {
    batch.put(&PROOF_SHARES, &(lease, proof_order(hash)), share)
}

/// Adds the job of shares to a record; `hash` is its EIP-712 hash.
pub fn keep_job(batch: Batch, hash: B256, signed: &Signed<LeaseJob>) -> Batch {
    batch.put(&PROOF_JOBS, &(signed.order.lease_id, hash), signed)
}

impl Registry {
    /// Returns how many shares of a lease are kept that its settled receipt does not count.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub fn proof_shares(&self, lease: &Lease) -> Result<u64, StoreError> {
        Ok(u64::try_from(unsettled(&self.store, lease, B256::ZERO)?.count()).unwrap_or(u64::MAX))
    }
}

/// Returns the call that shows what follows the last share counted.
pub(super) fn next_call(store: &Store, lease: &Lease) -> Result<Option<Call>, StoreError> {
    let after = lease.on_chain.last_proof;
    // A job that cannot be read is as good as none: its shares are left out, and the others shown.
    let job_of = |hash| store.get(&PROOF_JOBS, &(lease.id, hash)).ok().flatten();
    let proof = next_proof(after, unsettled(store, lease, after)?, job_of);
    Ok(proof.map(|proof| Call::Prove {
        terms: Box::new(lease.terms.clone()),
        after: proof.after,
        jobs: proof.jobs,
        shares: proof.shares,
    }))
}

/// Returns the shares above `after` that count: their nTime lies past the last settled receipt, and not past the end.
fn unsettled(
    store: &Store,
    lease: &Lease,
    after: B256,
) -> Result<impl Iterator<Item = ProofShare> + use<>, StoreError> {
    let times = lease.on_chain.through + 1..=lease.on_chain.end;
    let kept: Vec<((B256, B256), ProofShare)> = store.under(&PROOF_SHARES, &lease.id)?;
    let counts = move |((_, hash), share): ((B256, B256), ProofShare)| {
        (hash > after && times.contains(&u64::from(share.time()))).then_some(share)
    };
    Ok(kept.into_iter().filter_map(counts))
}

/// Removes what was kept for a lease, some rows at a time.
pub(super) async fn forget(store: &Store, lease: B256) -> Result<(), StoreError> {
    let shares: Vec<((B256, B256), ProofShare)> = store.under(&PROOF_SHARES, &lease)?;
    let jobs: Vec<((B256, B256), Signed<LeaseJob>)> = store.under(&PROOF_JOBS, &lease)?;
    for some in shares.chunks(ROWS) {
        store.commit(some.iter().fold(Batch::new(), |batch, (key, _)| batch.delete(&PROOF_SHARES, key))).await?;
    }
    for some in jobs.chunks(ROWS) {
        store.commit(some.iter().fold(Batch::new(), |batch, (key, _)| batch.delete(&PROOF_JOBS, key))).await?;
    }
    Ok(())
}
