//! The live orders of both sides, in price-time order.

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256};

use crate::{
    ask::Ask,
    bid::Bid,
    eip712::Domain,
    order::{Order, OrderKey, Side},
    signature::Signed,
};

/// Most orders of both sides together: one answer of the book protocol lists all their digests.
pub const MAX_ORDERS: usize = 4_096;

/// Most orders of one maker on one side: a farm needs one for each kind of offer, a flood would need many makers with money.
pub const MAX_ORDERS_PER_MAKER: usize = 64;

/// Longest detail document, bytes: an order with it fits one gossip message.
pub const MAX_DETAILS_BYTES: usize = 8 * 1024;

/// Why the book doesn't take an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BookRefusal {
    /// The book has this order, or a version that lives as long.
    #[error("an order with this salt is in the book until {expiry}: sign one that expires later")]
    NotNewer {
        /// When the listed version expires, unix seconds.
        expiry: u64,
    },
    /// One maker would crowd out the others.
    #[error("the maker has {MAX_ORDERS_PER_MAKER} live {0}s: cancel one, or let one expire")]
    MakerFull(Side),
    /// There is no room.
    #[error("the book holds {MAX_ORDERS} orders: send the order again when some have expired")]
    Full,
    /// The detail document is too long.
    #[error("the detail document has {bytes} bytes: at most {MAX_DETAILS_BYTES}")]
    DetailsTooLong {
        /// Its length.
        bytes: usize,
    },
}

/// An order in the book.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed<T> {
    /// EIP-712 digest: the order's id.
    pub id: B256,
    /// The order and its maker's signature.
    pub signed: Signed<T>,
    /// The document whose hash the order names, as it came.
    pub details: Vec<u8>,
    /// Rank in time: rises with each order that is new to the book.
    pub sequence: u64,
    /// Hashrate that leases have taken of its capacity, hashes per second.
    pub filled: u64,
}

impl<T: Order> Listed<T> {
    /// Returns the order itself.
    pub fn order(&self) -> &T {
        &self.signed.order
    }

    /// Returns the hashrate that is not filled, hashes per second.
    pub fn remaining(&self) -> u64 {
        self.order().hashrate().saturating_sub(self.filled)
    }
}

/// Maker and salt: a key within one side.
type Capacity = (Address, B256);

/// The orders of one side, each capacity once.
#[derive(Clone, Debug)]
struct Shelf<T> {
    orders: BTreeMap<Capacity, Listed<T>>,
    /// Best first: the price (or its complement for bids), then the sequence.
    ranks: BTreeMap<(u128, u64), Capacity>,
}

impl<T: Order> Shelf<T> {
    const fn new() -> Self {
        Self { orders: BTreeMap::new(), ranks: BTreeMap::new() }
    }

    fn rank(listed: &Listed<T>) -> (u128, u64) {
        let price = listed.order().price();
        (if T::SIDE == Side::Ask { price } else { u128::MAX - price }, listed.sequence)
    }

    fn of_maker(&self, maker: Address) -> impl Iterator<Item = &Listed<T>> {
        self.orders.range((maker, B256::ZERO)..=(maker, B256::repeat_byte(0xFF))).map(|(_, listed)| listed)
    }

    fn put(&mut self, listed: Listed<T>) {
        let capacity = (listed.order().maker(), listed.order().salt());
        self.remove(capacity);
        self.ranks.insert(Self::rank(&listed), capacity);
        self.orders.insert(capacity, listed);
    }

    fn remove(&mut self, capacity: Capacity) -> Option<Listed<T>> {
        let listed = self.orders.remove(&capacity)?;
        self.ranks.remove(&Self::rank(&listed));
        Some(listed)
    }

    fn remove_where(&mut self, is_void: impl Fn(&T) -> bool, removed: &mut Vec<B256>) {
        let void: Vec<_> =
            self.orders.iter().filter(|(_, listed)| is_void(listed.order())).map(|(key, _)| *key).collect();
        removed.extend(void.into_iter().filter_map(|capacity| self.remove(capacity)).map(|listed| listed.id));
    }

    fn best_first(&self) -> impl Iterator<Item = &Listed<T>> {
        self.ranks.values().filter_map(|capacity| self.orders.get(capacity))
    }
}

/// An order of either side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnyListed<'a> {
    /// A seller's.
    Ask(&'a Listed<Ask>),
    /// A buyer's.
    Bid(&'a Listed<Bid>),
}

/// The orders that a node knows to be alive. Signatures, epochs and balances are checked before they come here.
#[derive(Clone, Debug)]
pub struct Book {
    domain: Domain,
    next_sequence: u64,
    asks: Shelf<Ask>,
    bids: Shelf<Bid>,
    ids: BTreeMap<B256, OrderKey>,
}

impl Book {
    /// Creates an empty book of one escrow.
    pub fn new(domain: Domain) -> Self {
        Self { domain, next_sequence: 0, asks: Shelf::new(), bids: Shelf::new(), ids: BTreeMap::new() }
    }

    /// Lists an ask, of whose capacity `filled` hashes per second are taken; it replaces an older version.
    ///
    /// # Errors
    /// Where the listed version lives as long, and where there is no room.
    pub fn insert_ask(&mut self, ask: Signed<Ask>, details: Vec<u8>, filled: u64) -> Result<B256, BookRefusal> {
        let listed = self.admit(&self.asks, ask, details, filled)?;
        let id = self.index(&listed);
        self.asks.put(listed);
        Ok(id)
    }

    /// Lists a bid, of whose capacity `filled` hashes per second are taken; it replaces an older version.
    ///
    /// # Errors
    /// Where the listed version lives as long, and where there is no room.
    pub fn insert_bid(&mut self, bid: Signed<Bid>, details: Vec<u8>, filled: u64) -> Result<B256, BookRefusal> {
        let listed = self.admit(&self.bids, bid, details, filled)?;
        let id = self.index(&listed);
        self.bids.put(listed);
        Ok(id)
    }

    fn admit<T: Order>(
        &self,
        shelf: &Shelf<T>,
        signed: Signed<T>,
        details: Vec<u8>,
        filled: u64,
    ) -> Result<Listed<T>, BookRefusal> {
        if details.len() > MAX_DETAILS_BYTES {
            return Err(BookRefusal::DetailsTooLong { bytes: details.len() });
        }
        let order = &signed.order;
        let older = shelf.orders.get(&(order.maker(), order.salt()));
        match older.map(|older| older.order().expiry()) {
            Some(expiry) if expiry >= order.expiry() => return Err(BookRefusal::NotNewer { expiry }),
            Some(_) => {}
            None if shelf.of_maker(order.maker()).count() >= MAX_ORDERS_PER_MAKER => {
                return Err(BookRefusal::MakerFull(T::SIDE));
            }
            None if self.len() >= MAX_ORDERS => return Err(BookRefusal::Full),
            None => {}
        }
        // A maker who only prolongs its order keeps its place; one who changes the price or offers more queues anew.
        let kept = older
            .filter(|older| older.order().price() == order.price() && older.order().hashrate() >= order.hashrate());
        let sequence = kept.map_or(self.next_sequence, |older| older.sequence);
        Ok(Listed { id: self.domain.digest(order), signed, details, sequence, filled })
    }

    /// Makes an admitted order known by its id, and its older version unknown.
    fn index<T: Order>(&mut self, listed: &Listed<T>) -> B256 {
        let key = listed.order().key();
        if let Some(older) = self.id_of(&key) {
            self.ids.remove(&older);
        }
        self.ids.insert(listed.id, key);
        self.next_sequence = self.next_sequence.max(listed.sequence + 1);
        listed.id
    }

    fn id_of(&self, key: &OrderKey) -> Option<B256> {
        let capacity = (key.maker, key.salt);
        match key.side {
            Side::Ask => self.asks.orders.get(&capacity).map(|listed| listed.id),
            Side::Bid => self.bids.orders.get(&capacity).map(|listed| listed.id),
        }
    }

    /// Removes the maker's orders of this salt on both sides, as `cancelOrder` ends them; returns their ids.
    pub fn cancel(&mut self, maker: Address, salt: B256) -> Vec<B256> {
        let ask = self.asks.remove((maker, salt)).map(|listed| listed.id);
        let bid = self.bids.remove((maker, salt)).map(|listed| listed.id);
        self.forget(ask.into_iter().chain(bid).collect())
    }

    /// Removes the maker's orders of any other epoch, as `bumpEpoch` ends them; returns their ids.
    pub fn keep_epoch(&mut self, maker: Address, epoch: u64) -> Vec<B256> {
        let mut removed = Vec::new();
        self.asks.remove_where(|ask| ask.seller == maker && ask.epoch != epoch, &mut removed);
        self.bids.remove_where(|bid| bid.buyer == maker && bid.epoch != epoch, &mut removed);
        self.forget(removed)
    }

    /// Removes the orders that are void at `now`, unix seconds; returns their ids.
    pub fn expire(&mut self, now: u64) -> Vec<B256> {
        let mut removed = Vec::new();
        self.asks.remove_where(|ask| ask.expiry <= now, &mut removed);
        self.bids.remove_where(|bid| bid.expiry <= now, &mut removed);
        self.forget(removed)
    }

    fn forget(&mut self, removed: Vec<B256>) -> Vec<B256> {
        for id in &removed {
            self.ids.remove(id);
        }
        removed
    }

    /// Sets what leases have taken of a capacity in all, hashes per second. A filled order stays until it expires: a reorg may
    /// free it again.
    pub fn set_filled(&mut self, key: &OrderKey, filled: u64) {
        let capacity = (key.maker, key.salt);
        let slot = match key.side {
            Side::Ask => self.asks.orders.get_mut(&capacity).map(|listed| &mut listed.filled),
            Side::Bid => self.bids.orders.get_mut(&capacity).map(|listed| &mut listed.filled),
        };
        if let Some(slot) = slot {
            *slot = filled;
        }
    }

    /// Returns the asks, cheapest first, then in the order in which they were first seen.
    pub fn asks(&self) -> impl Iterator<Item = &Listed<Ask>> {
        self.asks.best_first()
    }

    /// Returns the bids, highest limit first, then in the order in which they were first seen.
    pub fn bids(&self) -> impl Iterator<Item = &Listed<Bid>> {
        self.bids.best_first()
    }

    /// Returns the live asks of one seller.
    pub fn asks_of(&self, seller: Address) -> impl Iterator<Item = &Listed<Ask>> {
        self.asks.of_maker(seller)
    }

    /// Returns the live bids of one buyer.
    pub fn bids_of(&self, buyer: Address) -> impl Iterator<Item = &Listed<Bid>> {
        self.bids.of_maker(buyer)
    }

    /// Returns the order with this id.
    pub fn get(&self, id: &B256) -> Option<AnyListed<'_>> {
        let key = self.ids.get(id)?;
        let capacity = (key.maker, key.salt);
        match key.side {
            Side::Ask => self.asks.orders.get(&capacity).map(AnyListed::Ask),
            Side::Bid => self.bids.orders.get(&capacity).map(AnyListed::Bid),
        }
    }

    /// Returns the ids of all orders, ascending.
    pub fn digests(&self) -> Vec<B256> {
        self.ids.keys().copied().collect()
    }

    /// Returns the number of orders on both sides.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Tells whether there is no order.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }
}

#[cfg(test)]
#[path = "book_tests.rs"]
mod tests;
