//! The seller's claims, and the receipts that answer them.

use hashlease_domain::lease::Event;
use hashlease_domain::{
    Receipt,
    receipt::{Claim, SignedReceipt},
};
use tokio::time::Instant;

use super::{super::receipt_interval_s, DeliveryError, Seller, WorkMessage};
use crate::store::guard::Statement;

/// Seconds after the end in which miners' last shares may still arrive.
const LAST_SHARES_S: u64 = 3;

impl Seller {
    /// Claims what was accepted up to a time that no share in flight can have (section 4).
    pub(super) async fn claim(&mut self, now: u64) -> Result<(), DeliveryError> {
        let past_end = now >= self.lease.on_chain.end + LAST_SHARES_S;
        // Past the end the last claim follows at once, and then as often as any.
        let last_is_due = past_end && self.open_claim().is_none() && !self.lease.has_last_receipt();
        if now < self.claim_at && !last_is_due {
            return Ok(());
        }
        self.claim_at = now + receipt_interval_s(self.lease.terms.duration());
        if let Some(claim) = self.open_claim() {
            return self.send_claim(claim).await;
        }
        let through = self.claimable_through(now);
        if through <= self.lease.through() || self.lease.has_last_receipt() {
            return Ok(());
        }
        let work = self.account.ledger().work_through(through);
        if work == self.lease.receipted_work() && !past_end {
            // It would earn nothing, and what was rejected meanwhile could no longer be proven.
            return Ok(());
        }
        let receipt = Receipt { lease_id: self.lease.id, work, through };
        let seller = self.shared.guard.check_and_sign(Statement::Claim(receipt)).await?;
        let claim = Claim { receipt, seller };
        self.lease = self.shared.registry.apply(self.lease.id, &Event::Claimed(claim)).await?;
        self.shared.statuses.update(self.lease.id, |status| status.claimed_work = work);
        self.send_claim(claim).await
    }

    pub(super) async fn send_claim(&mut self, claim: Claim) -> Result<(), DeliveryError> {
        self.claim_sent.get_or_insert_with(Instant::now);
        self.send(WorkMessage::Claim(claim)).await
    }

    fn claimable_through(&self, now: u64) -> u64 {
        let end = self.lease.on_chain.end;
        let sent = self.outstanding.values().map(|sent| sent.time).min();
        let mined = self.farm.oldest_time(self.lease.id);
        let unsent = self.oldest_unsent();
        let oldest = [sent, mined, unsent].into_iter().flatten().min().map(u64::from);
        let settled = oldest.unwrap_or(if now >= end + LAST_SHARES_S { u64::MAX } else { now }).saturating_sub(1);
        settled.min(end)
    }

    pub(super) async fn take_receipt(&mut self, signed: SignedReceipt) -> Result<(), DeliveryError> {
        let known = self.open_claim().filter(|claim| claim.receipt == signed.receipt && claim.seller == signed.seller);
        let by_agent = signed.agent.verify(self.shared.guard.domain(), &signed.receipt, self.lease.terms.agent);
        if known.is_none() || by_agent.is_err() {
            tracing::warn!(lease = %self.lease.id, "the agent answered with a receipt that was not claimed");
            return Ok(());
        }
        self.lease = self.shared.registry.apply(self.lease.id, &Event::Countersigned(signed)).await?;
        self.claim_sent = None;
        self.adopt_receipt().await
    }

    pub(super) async fn adopt_receipt(&mut self) -> Result<(), DeliveryError> {
        if let Some(signed) = self.lease.receipt {
            self.account.adopt(&signed.receipt).await?;
        }
        self.note_work();
        Ok(())
    }
}
