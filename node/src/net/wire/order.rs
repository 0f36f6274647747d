//! Orders as they are gossiped (sections 2 and 4).

use hashlease_domain::{Ask, Bid, Signed, cancellation::OrderCancellation, details::MAX_DETAILS_BYTES};
use serde::{Deserialize, Serialize};

use super::{Blob, Wire, WireError, within};

/// Longest maker's signature, bytes. A key's has 65; a contract wallet's (ERC-1271) is a few of those.
pub const MAX_SIGNATURE_BYTES: usize = 1024;

/// An order, or the end of one. Nothing here is verified but its size: the market judges the rest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum OrderMessage {
    /// A seller's offer.
    Ask {
        /// The offer and its seller's signature.
        signed: Signed<Ask>,
        /// Document whose keccak-256 is the order's `details`; see [`hashlease_domain::details`].
        details: Blob,
    },
    /// A buyer's order.
    Bid {
        /// The order and its buyer's signature.
        signed: Signed<Bid>,
        /// Document whose keccak-256 is the order's `details`.
        details: Blob,
    },
    /// A maker's word that its order is over.
    Cancel {
        /// Which order, and its maker's signature.
        signed: Signed<OrderCancellation>,
    },
}

impl Wire for OrderMessage {
    /// A gossip frame of 16 KiB, less what the frame adds: topic, author, sequence, signature, key.
    const MAX_BYTES: usize = 15 * 1024;

    fn check(&self) -> Result<(), WireError> {
        let (signature, details) = match self {
            Self::Ask { signed, details } => (&signed.signature, Some(details)),
            Self::Bid { signed, details } => (&signed.signature, Some(details)),
            Self::Cancel { signed } => (&signed.signature, None),
        };
        within("signature", signature.len(), MAX_SIGNATURE_BYTES)?;
        within("details", details.map_or(0, |details| details.0.len()), MAX_DETAILS_BYTES)
    }
}
