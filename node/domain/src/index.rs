//! What the escrow's events add up to (section 3): balances, fills, cancellations, epochs, leases. Exact in both directions, so
//! that a reorg is undone event by event.

use std::collections::{BTreeMap, btree_map::Entry};

use alloy_primitives::{Address, B256, U256};

use crate::{event::EscrowEvent, order::OrderKey, pay::Delivered, terms::Terms};

/// Why an event doesn't follow from what the index has seen. Nothing is changed then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IndexError {
    /// An event of a lease that wasn't opened, or a second opening.
    #[error(
        "lease {0} isn't in the state that the event starts from: read the events again from the escrow's first block"
    )]
    Lease(B256),
    /// Fills, epochs or cancellations that don't follow.
    #[error(
        "order event of maker {0} doesn't follow from the ones before: read the events again from the escrow's first block"
    )]
    Maker(Address),
    /// Locks that no escrow can have taken.
    #[error("terms of lease {0} can't be locked: check that the address is the escrow's")]
    Terms(B256),
}

/// How far a lease has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// End after any cancellation, unix seconds.
    pub end: u64,
    /// Work of the newest settled receipt, hashes.
    pub work: u128,
    /// Last nTime that it counts; the start before the first, unix seconds.
    pub through: u64,
    /// Paid to the payee by settlements, token base units.
    pub paid: u128,
    /// Proof shares counted.
    pub proof_count: u64,
    /// Last hash counted, zero before the first.
    pub last_proof: B256,
    /// How it was closed.
    pub closed: Option<Closed>,
}

/// How a lease was closed: work in hashes, amounts in token base units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closed {
    /// Settled work that counted.
    pub work: u128,
    /// Work paid by proof shares.
    pub proven_work: u128,
    /// All that the payee earned.
    pub earned: u128,
    /// To the matcher.
    pub fee: u128,
    /// To the buyer, of its locks.
    pub refund: u128,
    /// To the buyer, of the bond.
    pub penalty: u128,
}

impl Progress {
    /// Returns what is delivered on chain, as pay is computed from it.
    pub fn delivered(&self) -> Delivered {
        Delivered { work: self.work, proof_count: self.proof_count, paid: self.paid }
    }
}

/// A lease with its history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseRecord {
    /// What was agreed.
    pub terms: Terms,
    /// Where it stands.
    pub progress: Progress,
    /// Where it stood before each of its events.
    earlier: Vec<Progress>,
}

/// Adds up the events of one escrow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Index {
    /// Modulo 2^256, by (account, token): a token made to break things may move amounts that no event here can hold, which must
    /// spoil nothing but its own balances, and nothing's undoing.
    balances: BTreeMap<(Address, Address), U256>,
    /// Totals after each fill of a capacity.
    fills: BTreeMap<OrderKey, Vec<u64>>,
    /// How often a maker cancelled a salt: the escrow lets it do so again.
    cancelled: BTreeMap<(Address, B256), u32>,
    epochs: BTreeMap<Address, u64>,
    leases: BTreeMap<B256, LeaseRecord>,
}

/// What an event changes of balances, modulo 2^256, by (account, token).
#[derive(Default)]
struct Movements(BTreeMap<(Address, Address), U256>);

impl Movements {
    fn add(mut self, account: Address, token: Address, amount: u128) -> Self {
        let change = self.0.entry((account, token)).or_default();
        *change = change.wrapping_add(U256::from(amount));
        self
    }

    fn take(mut self, account: Address, token: Address, amount: u128) -> Self {
        let change = self.0.entry((account, token)).or_default();
        *change = change.wrapping_sub(U256::from(amount));
        self
    }
}

impl Index {
    /// Takes in the next event.
    ///
    /// # Errors
    /// Where it doesn't follow from the events before.
    pub fn apply(&mut self, event: &EscrowEvent) -> Result<(), IndexError> {
        let movements = self.movements(event)?;
        self.apply_state(event)?;
        self.move_balances(&movements, U256::wrapping_add);
        Ok(())
    }

    /// Takes back the last event, as a reorg does.
    ///
    /// # Errors
    /// Where it isn't the last one of what it is about.
    pub fn undo(&mut self, event: &EscrowEvent) -> Result<(), IndexError> {
        let movements = self.movements(event)?;
        self.undo_state(event)?;
        self.move_balances(&movements, U256::wrapping_sub);
        Ok(())
    }

    /// Returns the free balance of an account, token base units; zero where more has left it than was seen to come.
    pub fn balance(&self, account: Address, token: Address) -> U256 {
        let is_positive = |balance: &U256| !balance.bit(255);
        self.balances.get(&(account, token)).copied().filter(is_positive).unwrap_or_default()
    }

    /// Tells whether the maker's free balance covers `amount` token base units: what its live orders may take.
    pub fn covers(&self, maker: Address, token: Address, amount: U256) -> bool {
        self.balance(maker, token) >= amount
    }

    /// Returns what leases have taken of a capacity, hashes per second.
    pub fn filled(&self, key: &OrderKey) -> u64 {
        self.fills.get(key).and_then(|totals| totals.last()).copied().unwrap_or_default()
    }

    /// Tells whether the maker has ended this salt.
    pub fn is_cancelled(&self, maker: Address, salt: B256) -> bool {
        self.cancelled.contains_key(&(maker, salt))
    }

    /// Returns the epoch that the maker's orders must be of.
    pub fn epoch(&self, maker: Address) -> u64 {
        self.epochs.get(&maker).copied().unwrap_or_default()
    }

    /// Returns a lease, open or closed.
    pub fn lease(&self, id: &B256) -> Option<&LeaseRecord> {
        self.leases.get(id)
    }

    /// Returns every lease, closed ones too, by id.
    pub fn leases(&self) -> impl Iterator<Item = (&B256, &LeaseRecord)> {
        self.leases.iter()
    }

    /// Returns the leases that aren't closed, by id.
    pub fn open_leases(&self) -> impl Iterator<Item = (&B256, &LeaseRecord)> {
        self.leases.iter().filter(|(_, lease)| lease.progress.closed.is_none())
    }

    /// What an event moves between balances.
    fn movements(&self, event: &EscrowEvent) -> Result<Movements, IndexError> {
        let none = Movements::default();
        Ok(match event {
            EscrowEvent::Deposited { account, token, amount } => none.add(*account, *token, *amount),
            EscrowEvent::Withdrawn { account, token, amount } => none.take(*account, *token, *amount),
            EscrowEvent::LeaseOpened { id, terms } => {
                let locks = terms.locks().ok_or(IndexError::Terms(*id))?;
                none.take(terms.buyer, terms.token, locks.lock).take(terms.buyer, terms.token, locks.fee).take(
                    terms.seller,
                    terms.token,
                    locks.bond,
                )
            }
            EscrowEvent::Settled { id, paid, .. } => {
                let terms = &self.record(id)?.terms;
                none.add(terms.payee, terms.token, *paid)
            }
            EscrowEvent::Closed { id, earned, fee, refund, penalty, .. } => {
                let LeaseRecord { terms, progress, .. } = self.record(id)?;
                none.add(terms.payee, terms.token, *earned)
                    .take(terms.payee, terms.token, progress.paid)
                    .add(terms.matcher, terms.token, *fee)
                    .add(terms.buyer, terms.token, *refund)
                    .add(terms.buyer, terms.token, *penalty)
                    .add(terms.seller, terms.token, terms.bond)
                    .take(terms.seller, terms.token, *penalty)
            }
            EscrowEvent::OrderFilled { .. }
            | EscrowEvent::OrderCancelled { .. }
            | EscrowEvent::EpochBumped { .. }
            | EscrowEvent::Proven { .. }
            | EscrowEvent::Cancelled { .. } => none,
        })
    }

    fn move_balances(&mut self, movements: &Movements, step: impl Fn(U256, U256) -> U256) {
        for (owner, change) in &movements.0 {
            let balance = step(self.balances.get(owner).copied().unwrap_or_default(), *change);
            if balance.is_zero() {
                self.balances.remove(owner)
            } else {
                self.balances.insert(*owner, balance)
            };
        }
    }

    /// Everything but balances: checks first, then changes.
    fn apply_state(&mut self, event: &EscrowEvent) -> Result<(), IndexError> {
        match event {
            EscrowEvent::Deposited { .. } | EscrowEvent::Withdrawn { .. } => {}
            EscrowEvent::OrderFilled { side, maker, salt, filled } => {
                let key = OrderKey { side: *side, maker: *maker, salt: *salt };
                check(*filled > self.filled(&key), IndexError::Maker(*maker))?;
                self.fills.entry(key).or_default().push(*filled);
            }
            EscrowEvent::OrderCancelled { maker, salt } => *self.cancelled.entry((*maker, *salt)).or_default() += 1,
            EscrowEvent::EpochBumped { maker, epoch } => {
                check(Some(*epoch) == self.epoch(*maker).checked_add(1), IndexError::Maker(*maker))?;
                self.epochs.insert(*maker, *epoch);
            }
            EscrowEvent::LeaseOpened { id, terms } => {
                let Entry::Vacant(entry) = self.leases.entry(*id) else { return Err(IndexError::Lease(*id)) };
                entry.insert(LeaseRecord::opened(terms));
            }
            EscrowEvent::Settled { id, .. }
            | EscrowEvent::Proven { id, .. }
            | EscrowEvent::Cancelled { id, .. }
            | EscrowEvent::Closed { id, .. } => {
                let lease = self.leases.get_mut(id).ok_or(IndexError::Lease(*id))?;
                check(lease.progress.closed.is_none(), IndexError::Lease(*id))?;
                lease.earlier.push(lease.progress);
                lease.progress.advance(event);
            }
        }
        Ok(())
    }

    /// The inverse of [`Self::apply_state`].
    fn undo_state(&mut self, event: &EscrowEvent) -> Result<(), IndexError> {
        match event {
            EscrowEvent::Deposited { .. } | EscrowEvent::Withdrawn { .. } => {}
            EscrowEvent::OrderFilled { side, maker, salt, filled } => {
                let key = OrderKey { side: *side, maker: *maker, salt: *salt };
                let totals = self.fills.get_mut(&key).ok_or(IndexError::Maker(*maker))?;
                check(totals.last() == Some(filled), IndexError::Maker(*maker))?;
                totals.pop();
                if totals.is_empty() {
                    self.fills.remove(&key);
                }
            }
            EscrowEvent::OrderCancelled { maker, salt } => match self.cancelled.entry((*maker, *salt)) {
                Entry::Occupied(mut times) if *times.get() > 1 => *times.get_mut() -= 1,
                Entry::Occupied(once) => drop(once.remove()),
                Entry::Vacant(_) => return Err(IndexError::Maker(*maker)),
            },
            EscrowEvent::EpochBumped { maker, epoch } => {
                check(*epoch > 0 && self.epoch(*maker) == *epoch, IndexError::Maker(*maker))?;
                if *epoch == 1 {
                    self.epochs.remove(maker)
                } else {
                    self.epochs.insert(*maker, *epoch - 1)
                };
            }
            EscrowEvent::LeaseOpened { id, .. } => {
                check(self.record(id)?.earlier.is_empty(), IndexError::Lease(*id))?;
                self.leases.remove(id);
            }
            EscrowEvent::Settled { id, .. }
            | EscrowEvent::Proven { id, .. }
            | EscrowEvent::Cancelled { id, .. }
            | EscrowEvent::Closed { id, .. } => {
                let lease = self.leases.get_mut(id).ok_or(IndexError::Lease(*id))?;
                let mut redone = *lease.earlier.last().ok_or(IndexError::Lease(*id))?;
                let before = redone;
                redone.advance(event);
                check(redone == lease.progress, IndexError::Lease(*id))?;
                lease.progress = before;
                lease.earlier.pop();
            }
        }
        Ok(())
    }

    fn record(&self, id: &B256) -> Result<&LeaseRecord, IndexError> {
        self.leases.get(id).ok_or(IndexError::Lease(*id))
    }
}

fn check(holds: bool, error: IndexError) -> Result<(), IndexError> {
    if holds { Ok(()) } else { Err(error) }
}

impl LeaseRecord {
    fn opened(terms: &Terms) -> Self {
        let progress = Progress {
            end: terms.end,
            work: 0,
            through: terms.start,
            paid: 0,
            proof_count: 0,
            last_proof: B256::ZERO,
            closed: None,
        };
        Self { terms: terms.clone(), progress, earlier: Vec::new() }
    }
}

impl Progress {
    /// Takes in an event of the lease after its opening; others change nothing.
    fn advance(&mut self, event: &EscrowEvent) {
        match *event {
            EscrowEvent::Settled { work, through, paid, .. } => {
                (self.work, self.through) = (work, through);
                // The escrow pays at most the lock in all, which fits.
                self.paid = self.paid.saturating_add(paid);
            }
            EscrowEvent::Proven { count, last, .. } => (self.proof_count, self.last_proof) = (count, last),
            EscrowEvent::Cancelled { end, .. } => self.end = end,
            EscrowEvent::Closed { work, proven_work, earned, fee, refund, penalty, .. } => {
                self.closed = Some(Closed { work, proven_work, earned, fee, refund, penalty });
            }
            _ => {}
        }
    }
}

#[cfg(test)]
#[path = "index_tests.rs"]
mod tests;
