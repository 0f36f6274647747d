//! The node's own asks at work: as large as the farm can do, signed anew while they stand, withdrawn while they can't.

use std::collections::HashMap;

use alloy_primitives::B256;
use hashlease_domain::{
    Index, OrderKey, Side, Signed,
    cancellation::OrderCancellation,
    details::Details,
    lease::{Lease, Party, Stage},
    order::MAX_LIFETIME_S,
};
use tokio::time::Instant;

use super::{
    admission::OrderRefusal,
    capacity::{Share, share_out},
    engine::Engine,
    handle::MarketError,
    offers::{ASK_LIFETIME_S, AskTerms, OWN_ORDERS, Offer, OwnOrder},
};
use crate::{
    clock,
    net::wire::{Blob, OrderMessage},
    store::{Batch, guard::Statement},
};

impl Engine {
    pub(super) async fn offer(&mut self, terms: AskTerms) -> Result<(B256, B256), MarketError> {
        let now = clock::now_s();
        let mut offer = Offer { terms, salt: B256::random(), hashrate: 0, placed: now, not_before: 0 };
        self.gauge.trust(Instant::now());
        let mut offers = self.offers()?;
        offers.push(offer.clone());
        offer.hashrate = self.shares(offers, now).await.get(&offer.salt).map_or(0, |share| share.present);
        if offer.hashrate == 0 {
            return Err(MarketError::NoCapacity { least: offer.terms.min_hashrate });
        }
        let signed = self.sign_and_publish(&offer, offer.hashrate).await;
        if let Err(MarketError::Refused(refusal)) = &signed {
            *self.refused.entry(refusal.reason()).or_default() += 1;
        }
        let (id, salt) = (signed?, offer.salt);
        self.parts.store.commit(Batch::new().put(&OWN_ORDERS, &salt, &OwnOrder::Ask(Box::new(offer)))).await?;
        Ok((id, salt))
    }

    /// Returns the offers on record.
    pub(super) fn offers(&self) -> Result<Vec<Offer>, MarketError> {
        let offer = |(_, own)| if let OwnOrder::Ask(offer) = own { Some(*offer) } else { None };
        Ok(self.parts.store.all(&OWN_ORDERS)?.into_iter().filter_map(offer).collect())
    }

    /// Shares out what the farm can do at `now`, unix seconds, among offers; by salt.
    pub(super) async fn shares(&mut self, mut offers: Vec<Offer>, now: u64) -> HashMap<B256, Share> {
        offers.sort_by_key(|offer| (offer.placed, offer.salt));
        let seller = self.parts.guard.address();
        let filled = |index: &Index, salt| index.filled(&OrderKey { side: Side::Ask, maker: seller, salt });
        let wish = |index: &Index| offers.iter().map(|offer| offer.wish(filled(index, offer.salt))).collect::<Vec<_>>();
        let wishes = self.parts.registry.with_index(wish).await;
        let offered = wishes.iter().fold(0, |sum: u64, wish| sum.saturating_add(wish.offered));
        let capacity = match &self.parts.farm {
            Some(farm) => self.gauge.look(farm.strength(), offered, Instant::now()),
            None => offered,
        };
        let shares = share_out(&wishes, capacity, self.leased(now).await);
        offers.iter().map(|offer| offer.salt).zip(shares).collect()
    }

    /// What running leases have of the farm, hashes per second.
    async fn leased(&self, now: u64) -> u64 {
        let leases = self.parts.registry.leases().await;
        let runs = |lease: &&Lease| {
            let stands = !matches!(lease.stage, Stage::Closed | Stage::Retracted);
            lease.party == Party::Seller && stands && now < lease.on_chain.end
        };
        leases.iter().filter(runs).fold(0, |sum, lease| sum.saturating_add(lease.terms.hashrate))
    }

    /// Makes an own ask offer its share: signs it anew where that is another than before and before it expires, withdraws it where
    /// that is too little for a lease, and goes over to a new salt for capacity that the old one has no room for.
    pub(super) async fn keep_offer(&mut self, offer: Offer, now: u64) -> Result<(), MarketError> {
        let Share { present, fresh } = self.shares.get(&offer.salt).copied().unwrap_or_default();
        let seller = self.parts.guard.address();
        let key = OrderKey { side: Side::Ask, maker: seller, salt: offer.salt };
        let filled = self.parts.registry.with_index(|index| index.filled(&key)).await;
        let listed = self.book.asks_of(seller).find(|ask| ask.order().salt == offer.salt).map(|ask| ask.order());
        let listed = listed.map(|ask| (ask.expiry, ask.hashrate));
        let is_takeable = offer.hashrate.saturating_sub(filled) >= offer.terms.min_hashrate.max(1);
        match fresh {
            // While a version can still be taken, what both salts offer together would be too much: it runs out first.
            Some(_) if is_takeable && listed.is_some() => return Ok(()),
            Some(_) => return self.replace(&offer, None, now).await,
            None if present == 0 && is_takeable => {
                let expiry = listed.map_or(now + ASK_LIFETIME_S, |(expiry, _)| expiry);
                return self.replace(&offer, Some(expiry), now).await;
            }
            None if present == 0 => return Ok(()),
            None => {}
        }
        let hashrate = filled.saturating_add(present);
        let is_due = match listed {
            None => now >= offer.not_before,
            // The book takes no version that doesn't live longer than the one before.
            Some((expiry, before)) => Offer::is_due(expiry, now) || before != hashrate && expiry < now + ASK_LIFETIME_S,
        };
        if is_due {
            self.sign(offer, hashrate).await?;
        }
        Ok(())
    }

    async fn sign(&mut self, mut offer: Offer, hashrate: u64) -> Result<(), MarketError> {
        if offer.hashrate == 0 {
            // On record first: the guard signs no more than the first time, whatever happens in between.
            offer.hashrate = hashrate;
            let own = OwnOrder::Ask(Box::new(offer.clone()));
            self.parts.store.commit(Batch::new().put(&OWN_ORDERS, &offer.salt, &own)).await?;
        }
        self.sign_and_publish(&offer, hashrate).await?;
        tracing::info!(salt = %offer.salt, hashrate, offered = offer.terms.hashrate, "signed an ask");
        Ok(())
    }

    /// Puts an offer under a new salt. Where asks under the old one may be taken until `taken_until`, unix seconds, they are withdrawn
    /// from the books, and nothing is signed before.
    async fn replace(&mut self, offer: &Offer, taken_until: Option<u64>, now: u64) -> Result<(), MarketError> {
        let (old, renewed) = (offer.salt, offer.clone().renewed(taken_until.unwrap_or(0)));
        let new = renewed.salt;
        let batch = Batch::new().put(&OWN_ORDERS, &new, &OwnOrder::Ask(Box::new(renewed)));
        if taken_until.is_none() {
            return Ok(self.parts.store.commit(batch.delete(&OWN_ORDERS, &old)).await?);
        }
        tracing::warn!(salt = %old, "the farm cannot do the smallest lease of an ask: it is withdrawn until it can");
        self.end(old, batch, now).await
    }

    /// Ends the own asks of a salt, on record together with `batch`, and tells the peers.
    pub(super) async fn end(&mut self, salt: B256, batch: Batch, now: u64) -> Result<(), MarketError> {
        let maker = self.parts.guard.address();
        let ended = OwnOrder::Ended { maker, until: now + MAX_LIFETIME_S };
        self.parts.store.commit(batch.put(&OWN_ORDERS, &salt, &ended)).await?;
        self.book.cancel(maker, salt);
        self.makers.end(maker, salt, now);
        let order = OrderCancellation { maker, salt };
        let signature = self.parts.guard.check_and_sign(Statement::Cancellation(order)).await?;
        let signed = Signed { order, signature: signature.as_bytes().to_vec() };
        self.publish(&OrderMessage::Cancel { signed }).await;
        Ok(())
    }

    async fn sign_and_publish(&mut self, offer: &Offer, hashrate: u64) -> Result<B256, MarketError> {
        let seller = self.parts.guard.address();
        let document = offer.details(&self.parts.details).map_err(OrderRefusal::from)?;
        let epoch = self.parts.registry.with_index(|index| index.epoch(seller)).await;
        let order = offer.ask(hashrate, seller, epoch, Details::hash(&document), clock::now_s());
        let signature = self.parts.guard.check_and_sign(Statement::Ask(Box::new(order.clone()))).await?;
        let signed = Signed { order, signature: signature.as_bytes().to_vec() };
        let message = OrderMessage::Ask { signed, details: Blob(document) };
        let id = self.admit(&message).await?;
        self.publish(&message).await;
        Ok(id)
    }
}
