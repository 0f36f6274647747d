//! The seller's claims, compared with the agent's own ledger and countersigned.

use hashlease_domain::{
    Receipt,
    lease::Event,
    receipt::{Claim, SignedReceipt},
};

use super::{super::DeliveryError, Agent, MAX_AHEAD_S};
use crate::{
    clock,
    net::{
        WorkWriter,
        wire::{ClaimRefusal, WorkMessage},
    },
    store::guard::Statement,
};

impl Agent {
    pub(super) async fn take_claim(&mut self, claim: &Claim, writer: &mut WorkWriter) -> Result<(), DeliveryError> {
        if let Some(signed) = self.lease.receipt.filter(|signed| signed.receipt == claim.receipt) {
            // The answer was lost: the same one again, byte for byte.
            return Ok(writer.send(&WorkMessage::Receipt(signed)).await?);
        }
        if let Err(reason) = self.check_claim(claim, clock::now_s()) {
            tracing::warn!(lease = %self.lease.id, through = claim.receipt.through, %reason, "refused a claim");
            self.shared.statuses.update(self.lease.id, |status| status.refuse_claim(reason));
            let through = claim.receipt.through;
            return Ok(writer.send(&WorkMessage::ClaimRefused { through, reason }).await?);
        }
        let agent = self.shared.guard.check_and_sign(Statement::Countersign(claim.receipt)).await?;
        let signed = SignedReceipt { receipt: claim.receipt, seller: claim.seller, agent };
        self.lease = self.shared.registry.apply(self.lease.id, &Event::Countersigned(signed)).await?;
        self.adopt(&signed.receipt).await?;
        Ok(writer.send(&WorkMessage::Receipt(signed)).await?)
    }

    pub(super) async fn adopt(&mut self, receipt: &Receipt) -> Result<(), DeliveryError> {
        self.account.adopt(receipt).await?;
        self.shared.seen.forget(self.lease.id, receipt.through);
        let total = self.account.ledger().total();
        self.shared.statuses.update(self.lease.id, |status| {
            status.accepted_work = total;
            status.claimed_work = receipt.work;
        });
        Ok(())
    }

    /// Compares a claim with this side's own ledger.
    fn check_claim(&self, claim: &Claim, now: u64) -> Result<(), ClaimRefusal> {
        let Receipt { lease_id, work, through } = claim.receipt;
        if lease_id != self.lease.id {
            return Err(ClaimRefusal::WrongLease);
        }
        let signed = claim.seller.verify(self.shared.guard.domain(), &claim.receipt, self.lease.terms.seller);
        signed.map_err(|_| ClaimRefusal::BadSignature)?;
        if through <= self.lease.through() {
            return Err(ClaimRefusal::NotNewer);
        }
        if work < self.lease.receipted_work() {
            return Err(ClaimRefusal::BelowReceipt);
        }
        if through > self.lease.on_chain.end {
            return Err(ClaimRefusal::PastEnd);
        }
        if through > now + MAX_AHEAD_S {
            return Err(ClaimRefusal::TooNew);
        }
        let ledger = self.account.ledger().work_through(through);
        if work > ledger { Err(ClaimRefusal::AboveLedger { ledger }) } else { Ok(()) }
    }
}
