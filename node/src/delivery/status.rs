//! What a lease's task tells the API.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use alloy_primitives::B256;
use hashlease_miner::pow::Hash256;
use serde::{Deserialize, Serialize};

use crate::{
    destination::{DestinationError, SubmitOutcome},
    net::wire::{ClaimRefusal, ShareRefusal},
    store::{Store, StoreError, Table, tables},
};

/// Blocks by (lease, hash).
pub(super) const BLOCKS: Table<(B256, B256), FoundBlock> = Table::new(tables::BLOCKS);

/// Most reasons of a destination that are told apart: its words are not ours.
const MAX_REASONS: usize = 16;

/// A block that leased work found and the Bitcoin node took.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundBlock {
    /// Its hash.
    pub hash: Hash256,
    /// Its height.
    pub height: u32,
}

/// A lease at work since the node started; work in hashes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// Whether the work stream stands.
    pub connected: bool,
    /// Cumulative work in this side's ledger, receipts included.
    pub accepted_work: u128,
    /// Cumulative work of the newest claim.
    pub claimed_work: u128,
    /// Shares credited.
    pub accepted_shares: u64,
    /// Shares not credited, by reason.
    pub rejected_shares: BTreeMap<String, u64>,
    /// Whether the seller's miners work on the lease id itself.
    pub standby: bool,
    /// Hashes of standby shares that the agent has not credited.
    pub standby_work: u128,
    /// The agent's jobs that were refused, by reason.
    pub refused_jobs: BTreeMap<String, u64>,
    /// Claims that were refused, by reason.
    pub refused_claims: BTreeMap<String, u64>,
    /// Shares that came too late for any receipt, and never left for the agent.
    pub late_shares: u64,
    /// Shares sent and not yet answered.
    pub in_flight_shares: u64,
    /// What the destination made of the finds.
    pub destination: DestinationCounts,
}

/// What a destination made of shares, or blocks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DestinationCounts {
    /// Those that it took.
    pub accepted: u64,
    /// Those that it did not take, by reason.
    pub refused: BTreeMap<String, u64>,
}

impl DestinationCounts {
    pub(super) fn count(&mut self, outcome: &Result<SubmitOutcome, DestinationError>) {
        let reason = match outcome {
            Ok(SubmitOutcome::Accepted { .. } | SubmitOutcome::Duplicate { .. } | SubmitOutcome::ShareAccepted) => {
                self.accepted += 1;
                return;
            }
            Ok(SubmitOutcome::Refused { reason } | SubmitOutcome::ShareRefused { reason }) => reason.as_str(),
            Err(_) => "lost: not delivered",
        };
        let is_known = self.refused.contains_key(reason);
        let reason = if is_known || self.refused.len() < MAX_REASONS { reason } else { "other" };
        *self.refused.entry(reason.to_owned()).or_default() += 1;
    }
}

impl Status {
    pub(super) fn reject(&mut self, refusal: ShareRefusal) {
        *self.rejected_shares.entry(refusal.to_string()).or_default() += 1;
    }

    pub(super) fn refuse_claim(&mut self, reason: ClaimRefusal) {
        *self.refused_claims.entry(reason.kind().to_owned()).or_default() += 1;
    }

    pub(super) fn refuse_job(&mut self, reason: &'static str) {
        *self.refused_jobs.entry(reason.to_owned()).or_default() += 1;
    }
}

/// The statuses of all leases.
#[derive(Clone, Debug)]
pub(super) struct Statuses {
    store: Store,
    leases: Arc<Mutex<HashMap<B256, Status>>>,
}

impl Statuses {
    pub(super) fn new(store: Store) -> Self {
        Self { store, leases: Arc::default() }
    }

    pub(super) fn get(&self, lease: B256) -> Status {
        self.leases().get(&lease).cloned().unwrap_or_default()
    }

    pub(super) fn update(&self, lease: B256, change: impl FnOnce(&mut Status)) {
        change(self.leases().entry(lease).or_default());
    }

    pub(super) fn blocks(&self, lease: B256) -> Result<Vec<FoundBlock>, StoreError> {
        let found: Vec<((B256, B256), FoundBlock)> = self.store.under(&BLOCKS, &lease)?;
        Ok(found.into_iter().map(|(_, block)| block).collect())
    }

    fn leases(&self) -> MutexGuard<'_, HashMap<B256, Status>> {
        self.leases.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
