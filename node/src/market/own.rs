//! The node's own orders at work: placed, kept alive, cancelled.

use alloy_primitives::B256;
use hashlease_domain::{
    Bid, Index, OrderKey, Side, Signed,
    cancellation::OrderCancellation,
    details::Details,
    lease::{Lease, Party, Stage},
    order::MAX_LIFETIME_S,
};

use super::{
    admission::OrderRefusal,
    engine::Engine,
    handle::MarketError,
    offers::{AskTerms, OWN_ORDERS, Offer, OwnOrder, OwnView},
};
use crate::{
    clock,
    net::wire::{Blob, OrderMessage},
    store::{Batch, guard::Statement},
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
        let (side, maker, salt, token, price, hashrate) = match own {
            OwnOrder::Ask(Offer { terms, salt, hashrate }) => {
                (Side::Ask, self.parts.guard.address(), *salt, terms.token, terms.price, *hashrate)
            }
            OwnOrder::Bid { signed, .. } => {
                let bid = &signed.order;
                (Side::Bid, bid.buyer, bid.salt, bid.token, bid.max_price, bid.hashrate)
            }
            OwnOrder::Ended { .. } => return None,
        };
        let listed = match side {
            Side::Ask => {
                self.book.asks_of(maker).find(|ask| ask.order().salt == salt).map(|ask| (ask.id, ask.order().expiry))
            }
            Side::Bid => {
                self.book.bids_of(maker).find(|bid| bid.order().salt == salt).map(|bid| (bid.id, bid.order().expiry))
            }
        };
        let (id, expiry) = listed.unwrap_or_default();
        let filled = index.filled(&OrderKey { side, maker, salt });
        Some(OwnView {
            side,
            id,
            maker,
            salt,
            token,
            price,
            hashrate,
            filled,
            expiry,
            cancelled: index.is_cancelled(maker, salt),
        })
    }

    pub(super) async fn offer(&mut self, terms: AskTerms) -> Result<(B256, B256), MarketError> {
        let hashrate = terms.hashrate;
        let offer = Offer { terms, salt: B256::random(), hashrate };
        let signed = self.sign_and_publish(&offer).await;
        if let Err(MarketError::Refused(refusal)) = &signed {
            *self.refused.entry(refusal.reason()).or_default() += 1;
        }
        let (id, salt) = (signed?, offer.salt);
        self.parts.store.commit(Batch::new().put(&OWN_ORDERS, &salt, &OwnOrder::Ask(offer))).await?;
        Ok((id, salt))
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
        let (maker, is_ask) = match self.parts.store.get(&OWN_ORDERS, &salt)? {
            Some(OwnOrder::Ask(_)) => (self.parts.guard.address(), true),
            Some(OwnOrder::Bid { signed, .. }) => (signed.order.buyer, false),
            Some(OwnOrder::Ended { .. }) | None => return Err(MarketError::UnknownOrder(salt)),
        };
        let now = clock::now_s();
        let ended = OwnOrder::Ended { maker, until: now + MAX_LIFETIME_S };
        self.parts.store.commit(Batch::new().put(&OWN_ORDERS, &salt, &ended)).await?;
        self.book.cancel(maker, salt);
        self.makers.end(maker, salt, now);
        // Of a bid only the buyer's wallet could tell the peers.
        if is_ask {
            let order = OrderCancellation { maker, salt };
            let signature = self.parts.guard.check_and_sign(Statement::Cancellation(order)).await?;
            let signed = Signed { order, signature: signature.as_bytes().to_vec() };
            self.publish(&OrderMessage::Cancel { signed }).await;
        }
        Ok(())
    }

    async fn sign_and_publish(&mut self, offer: &Offer) -> Result<B256, MarketError> {
        let seller = self.parts.guard.address();
        let document = offer.details(&self.parts.details).map_err(OrderRefusal::from)?;
        let epoch = self.parts.registry.with_index(|index| index.epoch(seller)).await;
        let order = offer.ask(seller, epoch, Details::hash(&document), clock::now_s());
        let signature = self.parts.guard.check_and_sign(Statement::Ask(Box::new(order.clone()))).await?;
        let signed = Signed { order, signature: signature.as_bytes().to_vec() };
        let message = OrderMessage::Ask { signed, details: Blob(document) };
        let id = self.admit(&message).await?;
        self.publish(&message).await;
        Ok(id)
    }

    /// Signs an own ask anew before it expires, and under a new salt when its capacity was used and is free again.
    pub(super) async fn keep_offer(&mut self, offer: Offer, now: u64) -> Result<(), MarketError> {
        let seller = self.parts.guard.address();
        let key = OrderKey { side: Side::Ask, maker: seller, salt: offer.salt };
        let filled = self.parts.registry.with_index(|index| index.filled(&key)).await;
        let open = self.parts.registry.leases().await;
        let at_work =
            |lease: &&Lease| lease.party == Party::Seller && !matches!(lease.stage, Stage::Closed | Stage::Retracted);
        let leased = open.iter().filter(at_work).map(|lease| lease.terms.hashrate).sum();
        if let Some(renewed) = offer.renewed(filled, leased, B256::random()) {
            let (old, new) = (offer.salt, renewed.salt);
            let batch = Batch::new().delete(&OWN_ORDERS, &old).put(&OWN_ORDERS, &new, &OwnOrder::Ask(renewed));
            self.parts.store.commit(batch).await?;
            return Ok(());
        }
        let expiry = self.book.asks_of(seller).find(|ask| ask.order().salt == offer.salt).map(|ask| ask.order().expiry);
        if offer.hashrate > filled && expiry.is_none_or(|expiry| Offer::is_due(expiry, now)) {
            self.sign_and_publish(&offer).await?;
        }
        Ok(())
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
