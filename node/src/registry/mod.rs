//! What the node knows of the chain, and what it owes to it: the index of the escrow's events, the
//! leases that it is a party of, and the calls that it sends.
//!
//! Each step is one record of the store: a block's events, the leases that they moved, the calls that
//! follow and the watcher's cursor become true together or not at all.

mod calls;
pub mod evidence;
pub mod outbox;

use std::collections::{BTreeMap, HashMap};

use alloy_primitives::{Address, B256};
use hashlease_domain::{
    EscrowEvent,
    index::{Index, IndexError},
    lease::{Effect, Event, Head, IllegalTransition, Lease, OnChain, Rules},
    pay::Payout,
};
use tokio::sync::{Mutex, MutexGuard, broadcast, watch};

use crate::{
    settlement::{Block, Call, ChainUpdate, Cursor, LoggedEvent},
    store::{Batch, Store, StoreError, Table, tables},
};

pub use calls::{CallState, Origin, QueuedCall};

const LEASES: Table<B256, Lease> = Table::new(tables::LEASES);
const EVENTS: Table<(u64, u64), LoggedEvent> = Table::new(tables::EVENTS);
const CURSOR: Table<(), Cursor> = Table::new(tables::CURSOR);
/// Detail documents of the parties that this node has leases with, by address.
const CONTACTS: Table<Address, Vec<u8>> = Table::new(tables::CONTACTS);

/// Blocks without events after which the cursor is stored all the same: what a restart reads again at most.
const CURSOR_EVERY: u64 = 64;
/// Notices that a slow listener may lag behind before it must look for itself.
const NOTICES: usize = 1024;

/// What changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// A lease moved.
    Lease(B256),
    /// A call waits to be sent.
    Call(u64),
    /// Events of the escrow were applied or undone.
    Chain,
}

/// Why the registry could not take a step.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// The step could not be stored.
    #[error("what the chain says could not be stored")]
    Store(#[from] StoreError),
    /// Events that no escrow can have emitted in this order.
    #[error(
        "the escrow's events contradict each other: check that the RPC server is sound, then delete the data directory's journal"
    )]
    Index(#[from] IndexError),
    /// An event that does not fit its lease.
    #[error("lease {id} does not allow this")]
    Illegal {
        /// Lease.
        id: B256,
        /// Why.
        #[source]
        source: IllegalTransition,
    },
    /// Not a lease of this node.
    #[error("this node is no party of lease {0}")]
    UnknownLease(B256),
    /// Not a call of this node.
    #[error("there is no call {0}")]
    UnknownCall(u64),
}

#[derive(Debug)]
struct State {
    index: Index,
    opened_block: HashMap<B256, u64>,
    leases: BTreeMap<B256, Lease>,
    calls: BTreeMap<u64, QueuedCall>,
    next_call: u64,
    cursor: Cursor,
    cursor_stored_at: u64,
    head: Head,
}

/// The registry; one for each node.
#[derive(Debug)]
pub struct Registry {
    store: Store,
    own: Address,
    rules: Rules,
    state: Mutex<State>,
    notices: broadcast::Sender<Notice>,
    head: watch::Sender<Head>,
}

/// A lease with what a reader wants to know beside it.
#[derive(Clone, Debug)]
pub struct LeaseView {
    /// The lease.
    pub lease: Lease,
    /// Its calls, oldest first.
    pub calls: Vec<QueuedCall>,
}

impl Registry {
    /// Reads the registry from the store. `from_block` is where the escrow's first event may stand.
    ///
    /// # Errors
    /// Where the store cannot be read or holds events that contradict each other.
    pub fn open(store: Store, own: Address, rules: Rules, from_block: u64) -> Result<Self, RegistryError> {
        let mut index = Index::default();
        let mut opened_block = HashMap::new();
        for ((block, _), logged) in store.all(&EVENTS)? {
            index.apply(&logged.event)?;
            if let EscrowEvent::LeaseOpened { id, .. } = logged.event {
                opened_block.insert(id, block);
            }
        }
        let cursor = store.get(&CURSOR, &())?.unwrap_or_else(|| Cursor::new(from_block, Cursor::DEPTH));
        let head = cursor.tip().map(head_of).unwrap_or(Head { number: 0, time: 0 });
        let calls = calls::all(&store)?;
        let state = State {
            index,
            opened_block,
            leases: store.all(&LEASES)?.into_iter().collect(),
            next_call: calls.last_key_value().map_or(0, |(number, _)| number + 1),
            calls,
            cursor_stored_at: head.number,
            cursor,
            head,
        };
        let (notices, _) = broadcast::channel(NOTICES);
        Ok(Self { store, own, rules, state: Mutex::new(state), notices, head: watch::Sender::new(head) })
    }

    /// Returns where the watcher goes on.
    pub async fn cursor(&self) -> Cursor {
        self.state.lock().await.cursor.clone()
    }

    /// Tells of changes from now on. A listener that lags must look at everything.
    pub fn subscribe(&self) -> broadcast::Receiver<Notice> {
        self.notices.subscribe()
    }

    /// Follows the newest block.
    pub fn head(&self) -> watch::Receiver<Head> {
        self.head.subscribe()
    }

    /// Reads the index of the escrow's events.
    pub async fn with_index<T>(&self, read: impl FnOnce(&Index) -> T) -> T {
        read(&self.state.lock().await.index)
    }

    /// Returns every lease of this node.
    pub async fn leases(&self) -> Vec<Lease> {
        self.state.lock().await.leases.values().cloned().collect()
    }

    /// Returns a lease of this node.
    pub async fn lease(&self, id: B256) -> Option<Lease> {
        self.state.lock().await.leases.get(&id).cloned()
    }

    /// Returns a lease of this node with its calls.
    pub async fn lease_view(&self, id: B256) -> Option<LeaseView> {
        let state = self.state.lock().await;
        let lease = state.leases.get(&id)?.clone();
        let calls = state.calls.values().filter(|call| call.concerns(&lease)).cloned().collect();
        Some(LeaseView { lease, calls })
    }

    /// Returns the detail document of a party, if one was kept.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub fn contact(&self, party: Address) -> Result<Option<Vec<u8>>, StoreError> {
        self.store.get(&CONTACTS, &party)
    }

    /// Keeps the newest detail document of a party, so that a lease with it outlives its orders.
    ///
    /// # Errors
    /// Where it cannot be stored.
    pub async fn keep_contact(&self, party: Address, document: &[u8]) -> Result<(), StoreError> {
        if self.contact(party)?.as_deref() == Some(document) {
            return Ok(());
        }
        self.store.commit(Batch::new().put(&CONTACTS, &party, &document.to_vec())).await
    }

    /// Takes in what the watcher saw.
    ///
    /// # Errors
    /// Where it contradicts what is known or cannot be stored; the node must then stop.
    pub async fn advance(&self, update: &ChainUpdate) -> Result<(), RegistryError> {
        let mut state = self.state.lock().await;
        let mut batch = self.undo(&mut state, update)?;
        let mut touched = !batch.is_empty();
        for added in update.added() {
            for logged in &added.events {
                touched = true;
                state.index.apply(&logged.event)?;
                batch = batch.put(&EVENTS, &(logged.block_number, logged.log_index), logged);
                if let EscrowEvent::LeaseOpened { id, terms } = &logged.event {
                    state.opened_block.insert(*id, logged.block_number);
                    batch = batch.and(self.adopt_lease(&mut state, *id, terms));
                }
            }
        }
        state.cursor.apply(update);
        let before = state.head;
        if let Some(tip) = update.tip() {
            state.head = head_of(tip);
        }
        let (moved, queued, moves) = self.move_leases(&mut state)?;
        batch = batch.and(moves);
        if !batch.is_empty() || state.head.number >= state.cursor_stored_at + CURSOR_EVERY {
            batch = batch.put(&CURSOR, &(), &state.cursor);
            state.cursor_stored_at = state.head.number;
        }
        self.store.commit(batch).await?;
        self.head.send_replace(state.head);
        let past = |lease: &&Lease| lease.is_past_proof(state.head.time) && !lease.is_past_proof(before.time);
        let past_proof: Vec<B256> = state.leases.values().filter(past).map(|lease| lease.id).collect();
        drop(state);
        for id in past_proof {
            evidence::forget(&self.store, id).await?;
        }
        if touched {
            self.notify(Notice::Chain);
        }
        moved.into_iter().for_each(|id| self.notify(Notice::Lease(id)));
        queued.into_iter().for_each(|number| self.notify(Notice::Call(number)));
        Ok(())
    }

    /// Takes the events of dropped blocks back, newest first.
    fn undo(&self, state: &mut State, update: &ChainUpdate) -> Result<Batch, RegistryError> {
        let mut batch = Batch::new();
        if let ChainUpdate::Restarted { .. } = update {
            for (key, _) in self.store.all(&EVENTS)? {
                batch = batch.delete(&EVENTS, &key);
            }
            state.index = Index::default();
            state.opened_block.clear();
            return Ok(batch);
        }
        for block in update.dropped() {
            let events: Vec<((u64, u64), LoggedEvent)> = self.store.under(&EVENTS, &block.number)?;
            for (key, logged) in events.into_iter().rev() {
                state.index.undo(&logged.event)?;
                batch = batch.delete(&EVENTS, &key);
                if let EscrowEvent::LeaseOpened { id, .. } = logged.event {
                    state.opened_block.remove(&id);
                }
            }
        }
        Ok(batch)
    }

    /// Makes a lease of this node's own where the terms name its key, and returns its record: a restart may come before it is
    /// confirmed, and its event isn't read again.
    fn adopt_lease(&self, state: &mut State, id: B256, terms: &hashlease_domain::Terms) -> Batch {
        let (party, on_chain) = (Lease::party_of(terms, self.own), state.on_chain(id));
        let (Some(party), Some(on_chain)) = (party, on_chain) else { return Batch::new() };
        let lease = state.leases.entry(id).or_insert_with(|| Lease::new(id, terms.clone(), party, on_chain));
        Batch::new().put(&LEASES, &id, lease)
    }

    /// Shows the new head to every lease that is not over, and queues the calls that are due.
    fn move_leases(&self, state: &mut State) -> Result<(Vec<B256>, Vec<u64>, Batch), RegistryError> {
        let (mut moved, mut queued, mut batch) = (Vec::new(), Vec::new(), Batch::new());
        for id in state.leases.keys().copied().collect::<Vec<_>>() {
            let on_chain = state.on_chain(id);
            let proof = self.next_proof(state, id, on_chain)?;
            let event = Event::Chain { on_chain, head: state.head, provable: proof.is_some() };
            let (changed, calls, changes) = self.step(state, id, &event, proof)?;
            if changed {
                moved.push(id);
            }
            queued.extend(calls);
            batch = batch.and(changes);
        }
        Ok((moved, queued, batch))
    }

    /// Returns the call that shows a lease's next proof shares, where it is time for it.
    fn next_proof(&self, state: &State, id: B256, on_chain: Option<OnChain>) -> Result<Option<Call>, RegistryError> {
        let (Some(lease), Some(on_chain)) = (state.leases.get(&id), on_chain) else { return Ok(None) };
        let lease = Lease { on_chain, ..lease.clone() };
        if lease.pending.is_some() || !lease.in_proof_phase(state.head.time) {
            return Ok(None);
        }
        Ok(evidence::next_call(&self.store, &lease)?)
    }

    /// Applies an event to a lease and returns whether it changed, its new calls, and the record of both. `proof` is the call that a
    /// [`Effect::Prove`] stands for.
    fn step(
        &self,
        state: &mut State,
        id: B256,
        event: &Event,
        mut proof: Option<Call>,
    ) -> Result<(bool, Vec<u64>, Batch), RegistryError> {
        let lease = state.leases.get(&id).ok_or(RegistryError::UnknownLease(id))?;
        let (next, effects) =
            lease.apply(event, &self.rules).map_err(|source| RegistryError::Illegal { id, source })?;
        if next == *lease {
            return Ok((false, Vec::new(), Batch::new()));
        }
        let mut batch = Batch::new().put(&LEASES, &id, &next);
        let mut queued = Vec::new();
        for (seq, effect) in effects {
            let origin = Origin::Lease { id, seq };
            let Some(call) = call_of(&next, effect, &mut proof) else { continue };
            let (number, changes) = state.queue(origin, call);
            queued.push(number);
            batch = batch.and(changes);
        }
        state.leases.insert(id, next);
        Ok((true, queued, batch))
    }

    /// Applies an event to a lease of this node.
    ///
    /// # Errors
    /// Where the event does not fit the lease or cannot be stored; then the lease is as before.
    pub async fn apply(&self, id: B256, event: &Event) -> Result<Lease, RegistryError> {
        let mut state = self.state.lock().await;
        let before = state.leases.get(&id).cloned().ok_or(RegistryError::UnknownLease(id))?;
        let (changed, queued, batch) = self.step(&mut state, id, event, None)?;
        if let Err(error) = self.store.commit(batch).await {
            state.leases.insert(id, before);
            return Err(error.into());
        }
        let after = state.leases.get(&id).cloned().ok_or(RegistryError::UnknownLease(id))?;
        drop(state);
        if changed {
            self.notify(Notice::Lease(id));
        }
        queued.into_iter().for_each(|number| self.notify(Notice::Call(number)));
        Ok(after)
    }

    async fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().await
    }

    fn notify(&self, notice: Notice) {
        // Nobody listens while the node starts and stops.
        let _ = self.notices.send(notice);
    }
}

impl State {
    fn on_chain(&self, id: B256) -> Option<OnChain> {
        let progress = &self.index.lease(&id)?.progress;
        let payout = progress.closed.map(|closed| Payout {
            earned: closed.earned,
            fee: closed.fee,
            refund: closed.refund,
            penalty: closed.penalty,
        });
        Some(OnChain {
            opened_block: *self.opened_block.get(&id)?,
            end: progress.end,
            through: progress.through,
            delivered: progress.delivered(),
            last_proof: progress.last_proof,
            payout,
        })
    }
}

fn head_of(block: &Block) -> Head {
    Head { number: block.number, time: block.time }
}

/// Returns the call that an effect stands for; `proof` is there whenever a proof is asked for.
fn call_of(lease: &Lease, effect: Effect, proof: &mut Option<Call>) -> Option<Call> {
    let terms = Box::new(lease.terms.clone());
    match effect {
        Effect::Settle { receipt } => Some(Call::Settle { terms, receipt: *receipt }),
        Effect::SettleAndClose { receipt } => Some(Call::SettleAndClose { terms, receipt: *receipt }),
        Effect::Prove => proof.take(),
        Effect::Close => Some(Call::Close { terms }),
        Effect::Cancel => Some(Call::Cancel { terms }),
    }
}

#[cfg(test)]
mod tests;
