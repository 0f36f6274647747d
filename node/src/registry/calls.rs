//! The queue of calls: each stands in the store from before it is sent until its fate is known.

use std::collections::BTreeMap;

use alloy_primitives::B256;
use hashlease_domain::lease::{Event, Lease};
use serde::{Deserialize, Serialize};

use super::{Notice, Registry, RegistryError, State};
use crate::{
    settlement::{Call, Raw, Unsigned},
    store::{Batch, Store, StoreError, Table, tables},
};

const CALLS: Table<u64, QueuedCall> = Table::new(tables::OUTBOX);

/// Why a call is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Origin {
    /// A lease asked for it; `seq` makes it idempotent.
    Lease {
        /// Lease.
        id: B256,
        /// The lease's number of the call.
        seq: u64,
    },
    /// An ask and a bid crossed.
    Match {
        /// Ask.
        ask_id: B256,
        /// Bid.
        bid_id: B256,
    },
    /// The owner asked for it.
    Owner,
}

/// How far a call has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum CallState {
    /// Waits for its turn.
    Queued,
    /// Built and about to be signed: whatever happens, it is signed as it stands here or not at all.
    Intended {
        /// The transaction.
        unsigned: Unsigned,
    },
    /// Signed, stored, and then broadcast, again and again as it is.
    Sent {
        /// Nonce that it uses.
        nonce: u64,
        /// The signed transaction.
        raw: Raw,
    },
    /// Mined, with the configured confirmations.
    Mined {
        /// Transaction.
        hash: B256,
        /// Whether it did what it should; a reverted one only cost gas.
        succeeded: bool,
        /// Gas that it used.
        gas_used: u64,
        /// Wei per gas that it paid.
        gas_price: u128,
    },
    /// Not sent, because the chain would refuse it.
    Refused {
        /// For people.
        reason: String,
    },
}

impl CallState {
    /// Returns whether nothing more will happen.
    pub fn is_over(&self) -> bool {
        matches!(self, Self::Mined { .. } | Self::Refused { .. })
    }

    /// Returns the nonce that the call holds.
    pub fn nonce(&self) -> Option<u64> {
        match self {
            Self::Intended { unsigned } => Some(unsigned.nonce),
            Self::Sent { nonce, .. } => Some(*nonce),
            Self::Queued | Self::Mined { .. } | Self::Refused { .. } => None,
        }
    }
}

/// A call with its history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueuedCall {
    /// Its number, rising.
    pub number: u64,
    /// Why it is sent.
    pub origin: Origin,
    /// What it does.
    pub call: Call,
    /// How far it has come.
    pub state: CallState,
}

impl QueuedCall {
    /// Returns whether the call opened, moved or closed `lease`.
    pub(super) fn concerns(&self, lease: &Lease) -> bool {
        match self.origin {
            Origin::Lease { id, .. } => id == lease.id,
            Origin::Match { ask_id, bid_id } => ask_id == lease.terms.ask_id && bid_id == lease.terms.bid_id,
            Origin::Owner => false,
        }
    }
}

pub(super) fn all(store: &Store) -> Result<BTreeMap<u64, QueuedCall>, StoreError> {
    Ok(store.all(&CALLS)?.into_iter().collect())
}

impl State {
    /// Queues a call and returns its number with the record of it.
    pub(super) fn queue(&mut self, origin: Origin, call: Call) -> (u64, Batch) {
        let number = self.next_call;
        let queued = QueuedCall { number, origin, call, state: CallState::Queued };
        let batch = Batch::new().put(&CALLS, &number, &queued);
        self.next_call += 1;
        self.calls.insert(number, queued);
        (number, batch)
    }
}

impl Registry {
    /// Queues a call and returns its number. A match that is queued already, or was, is not queued again.
    ///
    /// # Errors
    /// Where the call cannot be stored.
    pub async fn queue(&self, origin: Origin, call: Call) -> Result<u64, RegistryError> {
        let mut state = self.lock().await;
        if let Origin::Match { .. } = origin
            && let Some(known) = state.calls.values().find(|known| known.origin == origin && !failed(known))
        {
            return Ok(known.number);
        }
        let (number, batch) = state.queue(origin, call);
        if let Err(error) = self.store.commit(batch).await {
            state.calls.remove(&number);
            return Err(error.into());
        }
        drop(state);
        self.notify(Notice::Call(number));
        Ok(number)
    }

    /// Asks for the end of a lease by its notice, and returns the number of the call.
    ///
    /// # Errors
    /// Where the lease cannot be cancelled now, or the step cannot be stored.
    pub async fn cancel(&self, id: B256) -> Result<u64, RegistryError> {
        let asked = self.apply(id, &Event::CancelRequested).await?;
        let origin = asked.pending.map(|seq| Origin::Lease { id, seq });
        let calls = &self.lock().await.calls;
        let number = calls.values().find(|call| Some(call.origin) == origin).map(|call| call.number);
        number.ok_or(RegistryError::UnknownLease(id))
    }

    /// Returns a call.
    pub async fn call(&self, number: u64) -> Option<QueuedCall> {
        self.lock().await.calls.get(&number).cloned()
    }

    /// Returns the calls that are not over, oldest first.
    pub async fn open_calls(&self) -> Vec<QueuedCall> {
        self.lock().await.calls.values().filter(|call| !call.state.is_over()).cloned().collect()
    }

    /// Moves a call on. When it is over, the lease that asked for it hears of it in the same record.
    ///
    /// # Errors
    /// Where there is no such call, or the step cannot be stored.
    pub async fn set_call(&self, number: u64, call_state: CallState) -> Result<(), RegistryError> {
        let mut state = self.lock().await;
        let known = state.calls.get(&number).ok_or(RegistryError::UnknownCall(number))?;
        let moved = QueuedCall { state: call_state, ..known.clone() };
        let mut batch = Batch::new().put(&CALLS, &number, &moved);
        let mut heard = None;
        if let (true, Origin::Lease { id, seq }) = (moved.state.is_over(), moved.origin) {
            let refused = failed(&moved);
            let now = state.head.time;
            let (_, _, changes) = self.step(&mut state, id, &Event::Performed { seq, refused, now }, None)?;
            batch = batch.and(changes);
            heard = Some(id);
        }
        self.store.commit(batch).await?;
        state.calls.insert(number, moved);
        drop(state);
        if let Some(id) = heard {
            self.notify(Notice::Lease(id));
        }
        Ok(())
    }
}

fn failed(call: &QueuedCall) -> bool {
    matches!(call.state, CallState::Refused { .. } | CallState::Mined { succeeded: false, .. })
}
