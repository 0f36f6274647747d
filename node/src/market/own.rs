//! The node's own orders: shown, cancelled; and the bids that it was given, kept alive.

use alloy_primitives::B256;
use hashlease_domain::{
    Bid, Index, OrderKey, Side, Signed,
    book::Listed,
    order::{MAX_LIFETIME_S, Order},
};

use super::{
    engine::Engine,
    handle::MarketError,
    offers::{OWN_ORDERS, OwnOrder, OwnView},
};
use crate::{
    clock,
    net::wire::{Blob, OrderMessage},
    store::Batch,
};

/// Seconds between announcements of the same own bid.
const ANNOUNCE_EVERY_S: u64 = 120;

impl Engine {
    /// What was ended before a restart stays ended, whatever peers bring first.
    pub(super) fn remember_ended(&mut self) -> Result<(), MarketError> {
        let now = clock::now_s();
        for (salt, own) in self.parts.store.all(&OWN_ORDERS)? {
            if let OwnOrder::Ended { maker, .. } = own {
                self.makers.end(maker, salt, now);
            }
        }
        Ok(())
    }

    pub(super) async fn own(&self) -> Result<Vec<OwnView>, MarketError> {
        let orders = self.parts.store.all(&OWN_ORDERS)?;
        let view = |index: &Index| orders.iter().filter_map(|(_, own)| self.own_view(own, index)).collect();
        Ok(self.parts.registry.with_index(view).await)
    }

    fn own_view(&self, own: &OwnOrder, index: &Index) -> Option<OwnView> {
        let (side, maker, salt, offered) = match own {
            OwnOrder::Ask(offer) => (Side::Ask, self.parts.guard.address(), offer.salt, offer.terms.hashrate),
            OwnOrder::Bid { signed, .. } => (Side::Bid, signed.order.buyer, signed.order.salt, signed.order.hashrate),
            OwnOrder::Ended { .. } => return None,
        };
        let listed = match side {
            Side::Ask => self.book.asks_of(maker).find_map(|ask| version(ask, salt)),
            Side::Bid => self.book.bids_of(maker).find_map(|bid| version(bid, salt)),
        };
        let (token, price, signed) = match own {
            OwnOrder::Ask(offer) => (offer.terms.token, offer.terms.price, offer.hashrate),
            OwnOrder::Bid { signed, .. } => (signed.order.token, signed.order.max_price, offered),
            OwnOrder::Ended { .. } => return None,
        };
        let (id, expiry, hashrate) = listed.unwrap_or((B256::ZERO, 0, signed));
        Some(OwnView {
            side,
            id,
            maker,
            salt,
            token,
            price,
            offered,
            hashrate,
            filled: index.filled(&OrderKey { side, maker, salt }),
            expiry,
            cancelled: index.is_cancelled(maker, salt),
            withdrawn: signed == 0,
        })
    }

    pub(super) async fn bid(&mut self, signed: Signed<Bid>, details: Vec<u8>) -> Result<B256, MarketError> {
        let salt = signed.order.salt;
        let message = OrderMessage::Bid { signed: signed.clone(), details: Blob(details.clone()) };
        let id = self.admit_counted(&message).await?;
        let own = OwnOrder::Bid { signed: Box::new(signed), details };
        self.parts.store.commit(Batch::new().put(&OWN_ORDERS, &salt, &own)).await?;
        self.publish(&message).await;
        self.announced.insert(salt, clock::now_s());
        Ok(id)
    }

    pub(super) async fn cancel(&mut self, salt: B256) -> Result<(), MarketError> {
        let now = clock::now_s();
        match self.parts.store.get(&OWN_ORDERS, &salt)? {
            Some(OwnOrder::Ask(_)) => self.end(salt, Batch::new(), now).await,
            // Of a bid only the buyer's wallet could tell the peers.
            Some(OwnOrder::Bid { signed, .. }) => {
                let maker = signed.order.buyer;
                let ended = OwnOrder::Ended { maker, until: now + MAX_LIFETIME_S };
                self.parts.store.commit(Batch::new().put(&OWN_ORDERS, &salt, &ended)).await?;
                self.book.cancel(maker, salt);
                self.makers.end(maker, salt, now);
                Ok(())
            }
            Some(OwnOrder::Ended { .. }) | None => Err(MarketError::UnknownOrder(salt)),
        }
    }

    /// Brings an own bid back after a restart, announces it now and then, and drops it when it is void.
    pub(super) async fn keep_bid(
        &mut self,
        salt: B256,
        signed: Signed<Bid>,
        details: Vec<u8>,
        now: u64,
    ) -> Result<(), MarketError> {
        if signed.order.expiry <= now {
            self.announced.remove(&salt);
            return self.drop_own(&salt).await;
        }
        if self.announced.get(&salt).is_some_and(|at| at + ANNOUNCE_EVERY_S > now) {
            return Ok(());
        }
        self.announced.insert(salt, now);
        let message = OrderMessage::Bid { signed, details: Blob(details) };
        if self.messages_lack(&message)
            && let Err(refusal) = self.admit(&message).await
        {
            tracing::warn!(%salt, %refusal, "an own bid does not stand any more");
            return Ok(());
        }
        self.publish(&message).await;
        Ok(())
    }

    pub(super) async fn drop_own(&self, salt: &B256) -> Result<(), MarketError> {
        Ok(self.parts.store.commit(Batch::new().delete(&OWN_ORDERS, salt)).await?)
    }

    fn messages_lack(&self, message: &OrderMessage) -> bool {
        match message {
            OrderMessage::Bid { signed, .. } => {
                !self.book.bids_of(signed.order.buyer).any(|bid| bid.order().salt == signed.order.salt)
            }
            OrderMessage::Ask { .. } | OrderMessage::Cancel { .. } => true,
        }
    }
}

/// Id, expiry and hashrate of a listed order, where it has this salt.
fn version<T: Order>(listed: &Listed<T>, salt: B256) -> Option<(B256, u64, u64)> {
    let order = listed.order();
    (order.salt() == salt).then(|| (listed.id, order.expiry(), order.hashrate()))
}
