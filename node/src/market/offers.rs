//! The node's own orders: asks, which it re-signs while it lives, and the bids that it was given.

use alloy_primitives::{Address, B256, U256};
use hashlease_domain::{
    Ask, Bid, Side, Signed,
    details::{Details, DetailsError},
};
use serde::{Deserialize, Serialize};

use super::capacity::Wish;
use crate::store::{Table, tables};

/// Own orders, by salt.
pub(super) const OWN_ORDERS: Table<B256, OwnOrder> = Table::new(tables::OWN_ORDERS);

/// Seconds that a signed ask lives: when its node is gone, it leaves every book by itself.
pub(super) const ASK_LIFETIME_S: u64 = 600;
/// Seconds before its end at which an ask is signed anew.
const RENEW_BEFORE_S: u64 = 300;

/// What a seller offers. Units as in [`Ask`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AskTerms {
    /// Receives the earnings.
    pub payee: Address,
    /// Token of price and bond.
    pub token: Address,
    /// Token base units per PH/s·day.
    pub price: u128,
    /// Offered hashes per second, over all leases at a time.
    pub hashrate: u64,
    /// Smallest hashrate of one lease.
    pub min_hashrate: u64,
    /// Shortest lease, seconds.
    pub min_duration: u32,
    /// Longest lease, seconds.
    pub max_duration: u32,
    /// Service level.
    pub sla_bps: u16,
    /// Bond as a share of the lock.
    pub bond_bps: u16,
    /// Pay for proven work.
    pub proof_bps: u16,
    /// Notice of a cancellation, seconds.
    pub cancel_notice: u32,
    /// Time for receipts and proofs after the end, seconds.
    pub proof_window: u32,
    /// Expected proof shares of a lease.
    pub proof_shares: u16,
    /// Declarations.
    pub tags: U256,
    /// Where the machines stand, for the detail document.
    pub region: Option<String>,
    /// What the machines are, for the detail document.
    pub rig: Option<String>,
}

/// An offer under its present salt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Offer {
    /// What is offered.
    pub terms: AskTerms,
    /// Names the capacity.
    pub salt: B256,
    /// Capacity under this salt, hashes per second: no version offers more. Zero while none is signed.
    pub hashrate: u64,
    /// When the seller placed it, unix seconds: older offers come first.
    #[serde(default)]
    pub placed: u64,
    /// Until when an ask under the salt before could be taken, unix seconds: none is signed before.
    #[serde(default)]
    pub not_before: u64,
}

/// An own order and how far it has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnView {
    /// Side.
    pub side: Side,
    /// EIP-712 hash of the newest version; zero while none is signed.
    pub id: B256,
    /// Who signs it.
    pub maker: Address,
    /// Names the capacity.
    pub salt: B256,
    /// Token.
    pub token: Address,
    /// Price, or highest price of a bid, token base units per PH/s·day.
    pub price: u128,
    /// What its maker offers in all, hashes per second.
    pub offered: u64,
    /// Hashes per second of the newest version: of an ask no more than the farm can do.
    pub hashrate: u64,
    /// Of it, leased.
    pub filled: u64,
    /// When the newest version becomes void, unix seconds.
    pub expiry: u64,
    /// Whether its maker ended it on chain.
    pub cancelled: bool,
    /// Whether it is held back since the farm cannot do its smallest lease.
    pub withdrawn: bool,
}

/// An order of the node's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum OwnOrder {
    /// Signed anew while the node lives.
    Ask(Box<Offer>),
    /// Signed by a buyer's wallet.
    Bid {
        /// The bid.
        signed: Box<Signed<Bid>>,
        /// Its detail document.
        details: Vec<u8>,
    },
    /// Ended here. Kept as long as peers may still have a version that can be taken.
    Ended {
        /// Who signed it.
        maker: Address,
        /// When the last version is void, unix seconds.
        until: u64,
    },
}

impl Offer {
    /// Returns the detail document of the offer, given where the node is.
    pub(super) fn details(&self, node: &Details) -> Result<Vec<u8>, DetailsError> {
        let AskTerms { region, rig, .. } = self.terms.clone();
        Details { region, rig, ..node.clone() }.to_document()
    }

    /// Returns the ask for `hashrate` to sign at `now`, unix seconds.
    pub(super) fn ask(&self, hashrate: u64, seller: Address, epoch: u64, details: B256, now: u64) -> Ask {
        let AskTerms { payee, token, price, min_hashrate, min_duration, max_duration, sla_bps, .. } = self.terms;
        let AskTerms { bond_bps, proof_bps, cancel_notice, proof_window, proof_shares, tags, .. } = self.terms;
        Ask {
            seller,
            payee,
            token,
            price,
            hashrate,
            min_hashrate,
            min_duration,
            max_duration,
            sla_bps,
            bond_bps,
            proof_bps,
            cancel_notice,
            proof_window,
            proof_shares,
            tags,
            details,
            expiry: now + ASK_LIFETIME_S,
            epoch,
            salt: self.salt,
        }
    }

    /// Returns whether the ask that stands in the book until `expiry` is to be signed anew.
    pub(super) fn is_due(expiry: u64, now: u64) -> bool {
        expiry <= now + RENEW_BEFORE_S
    }

    /// Returns what the offer asks of the farm, where leases took `filled` of its salt.
    pub(super) fn wish(&self, filled: u64) -> Wish {
        let AskTerms { hashrate: offered, min_hashrate: least, .. } = self.terms;
        let room = if self.hashrate == 0 { offered } else { self.hashrate.saturating_sub(filled) };
        Wish { offered, least, room }
    }

    /// Returns the offer under a new salt, of which nothing is signed.
    pub(super) fn renewed(self, not_before: u64) -> Self {
        Self { salt: B256::random(), hashrate: 0, not_before, ..self }
    }
}
