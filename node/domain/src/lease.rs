//! A lease as one party sees it: what the chain says, the receipts, and what to do on chain next.
//!
//! [`Lease::apply`] is a pure function. The caller stores the next state and the effects as one record,
//! and only then performs the effects; each is idempotent by (lease, seq).

use alloy_primitives::{Address, B256};
use serde::{Deserialize, Serialize};

use crate::{
    pay::{Delivered, Payout},
    receipt::{Claim, SignedReceipt},
    terms::Terms,
};

/// Seconds before a call that the chain refused is tried again.
const RETRY_S: u64 = 15;
/// Seconds after a mined call in which the next head is sure to show what it did.
const LAG_S: u64 = 3;

/// Which key of the lease a node holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Party {
    /// Delivers hashpower.
    Seller,
    /// Takes it for the buyer.
    Agent,
}

/// A lease in the escrow at one block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OnChain {
    /// Number of the block that opened it.
    pub opened_block: u64,
    /// End after any cancellation, unix seconds.
    pub end: u64,
    /// Last nTime that settled work counts, unix seconds.
    pub through: u64,
    /// Settled work, proof shares and pay.
    pub delivered: Delivered,
    /// Last hash counted as a proof share; zero before the first.
    pub last_proof: B256,
    /// How it was paid out, once closed.
    pub payout: Option<Payout>,
}

/// The newest block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Block number.
    pub number: u64,
    /// Block time, unix seconds.
    pub time: u64,
}

/// How far a lease has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Stage {
    /// Opened in a block that a reorg could still take away: no work yet.
    Unconfirmed,
    /// Work counts.
    Active,
    /// Past its end: the last receipt, then settlement.
    Ended,
    /// Paid out.
    Closed,
    /// A reorg took the opening away.
    Retracted,
}

/// A chain call that a lease needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Effect {
    /// Settle a receipt.
    Settle {
        /// What to settle.
        receipt: Box<SignedReceipt>,
    },
    /// Settle the last receipt and close.
    SettleAndClose {
        /// What to settle.
        receipt: Box<SignedReceipt>,
    },
    /// Show the proof shares that follow the last one counted.
    Prove,
    /// Close.
    Close,
    /// Bring the end forward.
    Cancel,
}

/// What happened to a lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A new head, and what it says of the lease (`None` where it knows of none).
    Chain {
        /// The lease in the escrow.
        on_chain: Option<OnChain>,
        /// The newest block.
        head: Head,
        /// Whether this node keeps a proof share that the escrow would count next.
        provable: bool,
    },
    /// The seller signed a claim.
    Claimed(Claim),
    /// Both sides signed a receipt.
    Countersigned(SignedReceipt),
    /// The buyer or its agent wants out.
    CancelRequested,
    /// The call `seq` is done with: mined, or refused by the chain.
    Performed {
        /// Which.
        seq: u64,
        /// Whether the chain refused it.
        refused: bool,
        /// Chain time, unix seconds.
        now: u64,
    },
}

/// An event that does not fit the state of its lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IllegalTransition {
    /// A receipt for another lease.
    #[error("the receipt is for another lease")]
    AnotherLease,
    /// A receipt below the newest one.
    #[error("the receipt is not above the newest one")]
    NotNewer,
    /// No receipts any more.
    #[error("the lease takes no receipt as {0:?}")]
    NotRunning(Stage),
    /// The seller is bound until the end.
    #[error("only the buyer and its agent can cancel a lease")]
    NotTheSellers,
    /// Only an open lease can be cancelled.
    #[error("the lease cannot be cancelled as {0:?}")]
    NotCancellable(Stage),
    /// One call at a time.
    #[error("call {0} of the lease is under way: try again when it is mined")]
    CallUnderWay(u64),
    /// Not the call that is under way.
    #[error("call {0} is not under way")]
    NotPending(u64),
}

/// What a node does by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Blocks on top of the opening block before work starts.
    pub confirmations: u64,
}

/// A lease that this node is a party of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Lease {
    /// Its id.
    pub id: B256,
    /// What was agreed.
    pub terms: Terms,
    /// The key that this node holds.
    pub party: Party,
    /// How far it has come.
    pub stage: Stage,
    /// What the chain said last.
    pub on_chain: OnChain,
    /// Newest receipt that both sides signed.
    pub receipt: Option<SignedReceipt>,
    /// The claim that waits for its answer.
    pub claim: Option<Claim>,
    /// Call under way.
    pub pending: Option<u64>,
    /// Number of the next call.
    pub next_seq: u64,
    /// No call before this time, unix seconds.
    pub quiet_until: u64,
}

impl Lease {
    /// Returns a lease as it stands when its opening is first seen.
    pub fn new(id: B256, terms: Terms, party: Party, on_chain: OnChain) -> Self {
        Self {
            id,
            terms,
            party,
            stage: Stage::Unconfirmed,
            on_chain,
            receipt: None,
            claim: None,
            pending: None,
            next_seq: 0,
            quiet_until: 0,
        }
    }

    /// Returns the party that `key` is in `terms`, if any. One key may not be both.
    pub fn party_of(terms: &Terms, key: Address) -> Option<Party> {
        match (terms.seller == key, terms.agent == key) {
            (true, false) => Some(Party::Seller),
            (false, true) => Some(Party::Agent),
            _ => None,
        }
    }

    /// Returns the last nTime that a receipt counts.
    pub fn through(&self) -> u64 {
        self.receipt.map_or(self.on_chain.through, |signed| signed.receipt.through).max(self.on_chain.through)
    }

    /// Returns the newest receipt's work, hashes.
    pub fn receipted_work(&self) -> u128 {
        self.receipt.map_or(0, |signed| signed.receipt.work)
    }

    /// Returns whether the newest receipt counts all of the lease.
    pub fn has_last_receipt(&self) -> bool {
        self.receipt.is_some_and(|signed| signed.receipt.through >= self.on_chain.end)
    }

    /// Returns whether the seller may show proof shares at `now`, chain time: the second half of the window (section 3).
    pub fn in_proof_phase(&self, now: u64) -> bool {
        let (end, window) = (self.on_chain.end, u64::from(self.terms.proof_window));
        self.party == Party::Seller && (end + window / 2..end + window).contains(&now)
    }

    /// Returns whether the proof shares of the lease are of no more use at `now`, chain time.
    pub fn is_past_proof(&self, now: u64) -> bool {
        now >= self.on_chain.end + u64::from(self.terms.proof_window)
    }

    /// Returns the next state and the calls that it asks for.
    ///
    /// # Errors
    /// [`IllegalTransition`] where the event does not fit; the lease stays as it is.
    pub fn apply(&self, event: &Event, rules: &Rules) -> Result<(Self, Vec<(u64, Effect)>), IllegalTransition> {
        let mut next = self.clone();
        let mut effects = Vec::new();
        match event {
            Event::Chain { on_chain, head, provable } => {
                next.see_chain(*on_chain, *head, rules);
                if let Some(effect) = next.due(head.time, *provable) {
                    effects.push((next.start_call(), effect));
                }
            }
            Event::Claimed(claim) => next.take_claim(*claim)?,
            Event::Countersigned(signed) => next.take_receipt(*signed)?,
            Event::CancelRequested => {
                if self.party == Party::Seller {
                    return Err(IllegalTransition::NotTheSellers);
                }
                if !matches!(self.stage, Stage::Unconfirmed | Stage::Active) {
                    return Err(IllegalTransition::NotCancellable(self.stage));
                }
                if let Some(seq) = self.pending {
                    return Err(IllegalTransition::CallUnderWay(seq));
                }
                effects.push((next.start_call(), Effect::Cancel));
            }
            Event::Performed { seq, refused, now } => next.end_call(*seq, *refused, *now)?,
        }
        Ok((next, effects))
    }

    fn see_chain(&mut self, on_chain: Option<OnChain>, head: Head, rules: &Rules) {
        let Some(on_chain) = on_chain else {
            self.stage = Stage::Retracted;
            return;
        };
        self.on_chain = on_chain;
        let depth = head.number.saturating_sub(on_chain.opened_block);
        self.stage = if on_chain.payout.is_some() {
            Stage::Closed
        } else if head.time >= on_chain.end {
            Stage::Ended
        } else if depth >= rules.confirmations || self.receipt.is_some() {
            Stage::Active
        } else {
            Stage::Unconfirmed
        };
    }

    fn take_claim(&mut self, claim: Claim) -> Result<(), IllegalTransition> {
        self.check_newer(claim.receipt)?;
        self.claim = Some(claim);
        Ok(())
    }

    fn take_receipt(&mut self, signed: SignedReceipt) -> Result<(), IllegalTransition> {
        self.check_newer(signed.receipt)?;
        self.receipt = Some(signed);
        self.claim = None;
        Ok(())
    }

    fn check_newer(&self, receipt: crate::Receipt) -> Result<(), IllegalTransition> {
        if receipt.lease_id != self.id {
            return Err(IllegalTransition::AnotherLease);
        }
        if !matches!(self.stage, Stage::Active | Stage::Ended) {
            return Err(IllegalTransition::NotRunning(self.stage));
        }
        if receipt.through <= self.through() || receipt.work < self.receipted_work() {
            return Err(IllegalTransition::NotNewer);
        }
        Ok(())
    }

    /// Returns the call that is due at `now` (chain time), if none is under way (section 3, section 4).
    fn due(&self, now: u64, provable: bool) -> Option<Effect> {
        if self.pending.is_some() || now < self.quiet_until || !matches!(self.stage, Stage::Active | Stage::Ended) {
            return None;
        }
        let OnChain { end, through, .. } = self.on_chain;
        let window = u64::from(self.terms.proof_window);
        let unsettled = self.receipt.filter(|signed| signed.receipt.through > through);
        // The seller acts first; the agent only where the seller leaves its refund locked.
        let patience = if self.party == Party::Seller { 0 } else { (window / 8).clamp(1, 60) };
        if now >= end + window + patience {
            return Some(Effect::Close);
        }
        if now >= end + patience && now < end + window / 2 {
            match unsettled {
                Some(signed) if signed.receipt.through >= end => {
                    return Some(Effect::SettleAndClose { receipt: Box::new(signed) });
                }
                None if through >= end => return Some(Effect::Close),
                _ => {}
            }
        }
        if provable && self.in_proof_phase(now) && self.terms.wants_proof(end, self.on_chain.delivered) {
            return Some(Effect::Prove);
        }
        // A receipt that pays nothing only costs gas.
        let pays =
            |signed: &SignedReceipt| self.party == Party::Seller && signed.receipt.work > self.on_chain.delivered.work;
        let signed = unsettled.filter(pays)?;
        let quarter = signed.receipt.through - through >= self.terms.duration() / 4;
        let in_time = if now < end { quarter } else { now >= end + window / 8 && now < end + window / 2 };
        in_time.then(|| Effect::Settle { receipt: Box::new(signed) })
    }

    fn start_call(&mut self) -> u64 {
        let seq = self.next_seq;
        self.next_seq += 1;
        self.pending = Some(seq);
        seq
    }

    fn end_call(&mut self, seq: u64, refused: bool, now: u64) -> Result<(), IllegalTransition> {
        if self.pending != Some(seq) {
            return Err(IllegalTransition::NotPending(seq));
        }
        self.pending = None;
        self.quiet_until = now + if refused { RETRY_S } else { LAG_S };
        Ok(())
    }
}

#[cfg(test)]
#[path = "lease_tests.rs"]
mod tests;
