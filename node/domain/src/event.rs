//! What the escrow says (section 3): everything that a stranger needs to recompute a lease.

use alloy_primitives::{Address, B256};
use serde::{Deserialize, Serialize};

use crate::{order::Side, terms::Terms};

/// An event of the escrow contract. Amounts in token base units, work in hashes, times in unix seconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum EscrowEvent {
    /// Tokens came in and were credited.
    Deposited {
        /// Who owns the balance.
        account: Address,
        /// Token.
        token: Address,
        /// What arrived.
        amount: u128,
    },
    /// Tokens went out.
    Withdrawn {
        /// Whose balance fell.
        account: Address,
        /// Token.
        token: Address,
        /// What left the balance.
        amount: u128,
    },
    /// A lease took hashrate of a capacity.
    OrderFilled {
        /// Book of the order.
        side: Side,
        /// Maker.
        maker: Address,
        /// Salt of the order.
        salt: B256,
        /// What leases have taken in all, hashes per second.
        filled: u64,
    },
    /// A maker ended one salt on both sides.
    OrderCancelled {
        /// Maker.
        maker: Address,
        /// Salt of the order.
        salt: B256,
    },
    /// A maker ended all orders of earlier epochs.
    EpochBumped {
        /// Maker.
        maker: Address,
        /// The epoch that is valid from now on.
        epoch: u64,
    },
    /// An ask and a bid became a lease.
    LeaseOpened {
        /// Lease.
        id: B256,
        /// Its terms.
        terms: Box<Terms>,
    },
    /// A receipt was settled.
    Settled {
        /// Lease.
        id: B256,
        /// Cumulative work.
        work: u128,
        /// Last nTime that it counts.
        through: u64,
        /// What this settlement paid to the payee.
        paid: u128,
    },
    /// Proof shares were counted.
    Proven {
        /// Lease.
        id: B256,
        /// All proof shares counted so far.
        count: u64,
        /// Last hash counted.
        last: B256,
    },
    /// The end was brought forward.
    Cancelled {
        /// Lease.
        id: B256,
        /// The new end.
        end: u64,
    },
    /// The lease was paid out.
    Closed {
        /// Lease.
        id: B256,
        /// Settled work.
        work: u128,
        /// Proven work.
        proven_work: u128,
        /// All that the payee earned, settlements included.
        earned: u128,
        /// What the matcher got.
        fee: u128,
        /// What is left of the buyer's locks.
        refund: u128,
        /// What the buyer got of the bond.
        penalty: u128,
    },
}

impl EscrowEvent {
    /// Returns the lease that the event is about.
    pub fn lease_id(&self) -> Option<B256> {
        match self {
            Self::LeaseOpened { id, .. }
            | Self::Settled { id, .. }
            | Self::Proven { id, .. }
            | Self::Cancelled { id, .. }
            | Self::Closed { id, .. } => Some(*id),
            Self::Deposited { .. }
            | Self::Withdrawn { .. }
            | Self::OrderFilled { .. }
            | Self::OrderCancelled { .. }
            | Self::EpochBumped { .. } => None,
        }
    }
}
